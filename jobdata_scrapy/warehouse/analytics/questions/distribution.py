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


def show_distribution(reader: Reader, *, of: Of = "experience", top: int = 100) -> list[DistributionRow]:
    """The `top` values that most postings have."""
    return [DistributionRow(one.name, one.total, one.total / one.whole) for one in reader.rank(of, top)]
