"""How long postings stay."""

from __future__ import annotations

from dataclasses import dataclass

from jobdata_scrapy.warehouse.analytics.cubes import OPEN
from jobdata_scrapy.warehouse.analytics.relation import Reader


@dataclass(frozen=True)
class ClosingRow:
    """Days (Beijing) from the first sighting to the closing, of the closed ones; None without."""

    platform: str
    postings: int
    closed: int
    mean: float | None
    p25: int | None
    median: int | None
    p75: int | None
    p90: int | None


CLOSING_SQL = f"""
SELECT platform, sum(c) AS postings, sumIf(c, value != {OPEN}) AS closed, sumIf(c * days, value != {OPEN}) / closed AS mean,
    quantilesExactWeighted(0.25, 0.5, 0.75, 0.9)(days, toUInt64(if(value != {OPEN}, c, 0))) AS times
FROM
(
    SELECT platform, value, greatest(value, 1) - 1 AS days, sum(n) AS c FROM {{cube:open}}
    GROUP BY platform, value HAVING c > 0
)
GROUP BY platform ORDER BY platform"""


def time_to_close(reader: Reader) -> list[ClosingRow]:
    """Time to close by site (warehouse/lifecycle_rule.py says when a posting is closed)."""
    return [
        ClosingRow(platform, postings, closed, *((mean, *times) if closed else [None] * 5))
        for platform, postings, closed, mean, times in reader.ask(CLOSING_SQL)
    ]
