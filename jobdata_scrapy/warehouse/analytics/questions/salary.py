"""What is paid: percentiles of the middle of the stated band, CNY a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jobdata_scrapy.warehouse.analytics.relation import Reader

By = Literal["city", "degree", "experience", "title"]
SALARIES: dict[str, str] = {"city": "city", "degree": "degree", "experience": "experience", "title": "title_key"}
"""What is asked for -> the cube with its salaries; the cube that counts has its own name."""


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
SELECT name, sumIf(c, value > 0) AS stated,
    quantilesExactWeighted(0.1, 0.25, 0.5, 0.75, 0.9)(value, toUInt64(if(value > 0, c, 0)))
FROM
(
    SELECT name, value, sum(n) AS c FROM {cube:SALARY} WHERE name IN {names:Array(String)}
    GROUP BY name, value HAVING c > 0
)
GROUP BY name"""


def rate_salaries(reader: Reader, *, by: By = "city", top: int = 50) -> list[SalaryRow]:
    """Salaries by city, degree, experience or title, of the `top` values that most postings have."""
    counted = reader.rank(by, top)
    if not counted:
        return []
    sql = SALARY_SQL.replace("SALARY", SALARIES[by])
    paid = {name: (stated, pay) for name, stated, pay in reader.ask(sql, names=[name for name, _ in counted])}
    return [SalaryRow(name, postings, paid[name][0], *_percentiles(*paid[name])) for name, postings in counted]


def _percentiles(stated: int, pay: Sequence[int]) -> Sequence[int | None]:
    return pay if stated else (None,) * len(pay)
