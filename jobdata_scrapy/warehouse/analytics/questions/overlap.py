"""The same posting on several sites."""

from __future__ import annotations

from dataclasses import dataclass

from jobdata_scrapy.warehouse.analytics.relation import Reader


@dataclass(frozen=True)
class OverlapRow:
    """matched: postings of `platform` of which `other` has one, too: of the same employer, title and city, and the same with at
    least the certainty asked for; share: of the site's postings; certainty: the mean of theirs, 0 to 1.
    """

    platform: str
    other: str
    postings: int
    matched: int
    share: float
    certainty: float


OVERLAP_SQL = """
SELECT o.platform AS platform, o.name AS other, s.postings AS postings, o.matched AS matched, matched / postings AS share,
    o.certain / matched / 100 AS certainty
FROM
(
    SELECT platform, name, sum(n) AS matched, sum(n * value) AS certain FROM {cube:overlap}
    WHERE value >= {least:UInt32} GROUP BY platform, name HAVING matched > 0
) AS o
INNER JOIN (SELECT platform, sum(n) AS postings FROM {cube:seen} GROUP BY platform) AS s ON s.platform = o.platform
ORDER BY platform, other"""


def measure_overlap(reader: Reader, *, certainty: float = 0.7) -> list[OverlapRow]:
    """By pair of sites. certainty: 0 to 1; docs/analytics.md says what it is made of."""
    return [OverlapRow(*row) for row in reader.ask(OVERLAP_SQL, least=round(certainty * 100))]
