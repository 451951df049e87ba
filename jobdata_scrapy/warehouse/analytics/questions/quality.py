"""How much of the postings is told."""

from __future__ import annotations

from dataclasses import dataclass

from jobdata_scrapy.warehouse.analytics.images import FIELDS
from jobdata_scrapy.warehouse.analytics.relation import Reader


@dataclass(frozen=True)
class QualityRow:
    """filled: postings with this field; share: of the site's, 0 to 1."""

    platform: str
    field: str
    postings: int
    filled: int
    share: float


QUALITY_SQL = "SELECT platform, name, sum(n) FROM {cube:quality} GROUP BY platform, name"


def check_quality(reader: Reader) -> list[QualityRow]:
    """By site and field, a line for each field of each site."""
    found = {(platform, name): filled for platform, name, filled in reader.ask(QUALITY_SQL)}
    totals = sorted((platform, filled) for (platform, name), filled in found.items() if name == "posting" and filled)
    return [
        QualityRow(platform, field, postings, filled, filled / postings)
        for platform, postings in totals
        for field in FIELDS
        if field != "posting"
        for filled in [found.get((platform, field), 0)]
    ]
