"""Which skills are asked for, what they are paid, and how the demand grows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from jobdata_scrapy.normalize.published import BEIJING
from jobdata_scrapy.warehouse.analytics.relation import Reader


@dataclass(frozen=True)
class SkillRow:
    """p25 to p75: CNY a month, None where no posting tells a salary. recent, previous: postings first seen in the last `days`
    days, and in as many before them; growth: recent / previous - 1, None without previous ones.
    """

    skill: str
    postings: int
    p25: int | None
    median: int | None
    p75: int | None
    recent: int
    previous: int
    growth: float | None


GROWTH_SQL = """
SELECT name, sumIf(n, day > {today:Date} - {days:UInt32} AND day <= {today:Date}),
    sumIf(n, day > {today:Date} - 2 * {days:UInt32} AND day <= {today:Date} - {days:UInt32})
FROM {cube:skill_day} WHERE name IN {skills:Array(String)} GROUP BY name"""

PAY_SQL = """
SELECT name, quantilesExactWeighted(0.25, 0.5, 0.75)(value, toUInt64(c)) FROM
(
    SELECT name, value, sum(n) AS c FROM {cube:skill_salary} WHERE value > 0 AND name IN {skills:Array(String)}
    GROUP BY name, value HAVING c > 0
)
GROUP BY name"""


def rank_skills(reader: Reader, *, top: int = 50, days: int = 30, today: date | None = None) -> list[SkillRow]:
    """The `top` skills. today: the last day that counts as recent, None for the day in Beijing."""
    counted = reader.rank("skill", top)
    names = [name for name, _ in counted]
    if not names:
        return []
    day = today or reader.as_of.astimezone(BEIJING).date()
    pay = dict(reader.ask(PAY_SQL, skills=names))
    demand = {name: counts for name, *counts in reader.ask(GROWTH_SQL, skills=names, days=days, today=day)}
    return [_make_row(name, postings, pay.get(name), *demand[name]) for name, postings in counted]


def _make_row(name: str, postings: int, pay: tuple[int, int, int] | None, recent: int, previous: int) -> SkillRow:
    p25, median, p75 = pay or (None, None, None)
    return SkillRow(name, postings, p25, median, p75, recent, previous, recent / previous - 1 if previous else None)
