"""How many postings were first seen, by day or week and site; and which of them were posted before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from jobdata_scrapy.warehouse.analytics.relation import Reader

Period = Literal["day", "week"]
PERIODS = {"day": "day", "week": "toMonday(day)"}


@dataclass(frozen=True)
class PostingsRow:
    """period: the day, or the Monday of the week (Beijing)."""

    period: date
    platform: str
    postings: int


@dataclass(frozen=True)
class RepostsRow:
    """reposted: another posting of the same employer, title and city was on the site on an earlier day. share: of all, 0 to 1."""

    period: date
    platform: str
    postings: int
    new: int
    reposted: int
    share: float


POSTINGS_SQL = """
SELECT {period} AS period, platform, sum(n) AS postings FROM {cube:seen}
GROUP BY period, platform HAVING postings != 0 ORDER BY period, platform"""

REPOSTS_SQL = """
SELECT {period} AS period, platform, sum(n) AS postings, postings - reposted AS new, sumIf(n, value = 1) AS reposted,
    reposted / postings AS share
FROM {cube:seen}
GROUP BY period, platform HAVING postings != 0 ORDER BY period, platform"""


def count_postings(reader: Reader, *, every: Period = "day") -> list[PostingsRow]:
    """Postings by day or week in which they were first seen, and site."""
    return [PostingsRow(*row) for row in reader.ask(POSTINGS_SQL.replace("{period}", PERIODS[every]))]


def count_reposts(reader: Reader, *, every: Period = "week") -> list[RepostsRow]:
    """New and re-posted postings by day or week, and site."""
    return [RepostsRow(*row) for row in reader.ask(REPOSTS_SQL.replace("{period}", PERIODS[every]))]
