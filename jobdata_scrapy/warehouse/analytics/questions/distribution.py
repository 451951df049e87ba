"""How the postings spread over experience, degree, company size, stage or industry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jobdata_scrapy.warehouse.analytics.relation import Reader

Of = Literal["experience", "degree", "company_size", "company_stage", "industry", "city"]


@dataclass(frozen=True)
class DistributionRow:
    """value: "" where none is stated; share: of all postings, 0 to 1."""

    value: str
    postings: int
    share: float


TOTAL_SQL = "SELECT sum(n) FROM {cube:seen}"


def show_distribution(reader: Reader, *, of: Of = "experience", top: int = 100) -> list[DistributionRow]:
    """The `top` values that most postings have."""
    counted = reader.rank(of, top)
    ((total,),) = reader.ask(TOTAL_SQL)
    return [DistributionRow(value, postings, postings / total) for value, postings in counted]
