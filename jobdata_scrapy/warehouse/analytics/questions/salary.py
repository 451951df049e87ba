"""What is paid: percentiles of the middle of the stated band, CNY a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jobdata_scrapy.warehouse.analytics.relation import Reader

By = Literal["city", "degree", "experience", "title"]


@dataclass(frozen=True)
class SalaryRow:
    """value: a city, degree, ...; "" where none is stated. stated: postings that tell a salary; p10 to p90: of those, CNY a
    month, None without.
    """

    value: str
    postings: int
    stated: int
    p10: int | None
    p25: int | None
    median: int | None
    p75: int | None
    p90: int | None


SALARY_SQL = """
SELECT name, sum(c) AS postings, sumIf(c, value > 0) AS stated,
    quantilesExactWeighted(0.1, 0.25, 0.5, 0.75, 0.9)(value, toUInt64(if(value > 0, c, 0)))
FROM (SELECT name, value, sum(n) AS c FROM {cube:SALARY} WHERE {chosen} GROUP BY name, value HAVING c > 0)
GROUP BY name ORDER BY postings DESC, name LIMIT {top:UInt32}"""


def rate_salaries(reader: Reader, *, by: By = "city", top: int = 50) -> list[SalaryRow]:
    """Salaries by city, degree, experience or title, of the `top` values that most postings have."""
    if by == "title":  # of very many: which ones, first
        names = [one.name for one in reader.rank("title", top)]
        found = reader.ask_of(names, SALARY_SQL.replace("SALARY", "title_salary"), top=top)
        # another process may have taken a name away since it was ranked
        return [_make_row(name, *found[name]) for name in names if name in found]
    rows = reader.ask(SALARY_SQL.replace("SALARY", by).replace("{chosen}", "1"), top=top)
    return [_make_row(*row) for row in rows]


def _make_row(name: str, postings: int, stated: int, pay: Sequence[int]) -> SalaryRow:
    return SalaryRow(name, postings, stated, *(pay if stated else (None,) * len(pay)))
