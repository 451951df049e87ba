"""Which skills are asked for, what they are paid, and how the demand grows."""

from __future__ import annotations

from collections.abc import Sequence
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


RECENT = "sumIf(n, day <= {today:Date} AND {today:Date} - day < {days:UInt32})"
PREVIOUS = "sumIf(n, {today:Date} - day >= {days:UInt32} AND {today:Date} - day < 2 * {days:UInt32})"
DEMAND_SQL = f"SELECT name, {RECENT}, {PREVIOUS} FROM {{cube:skill_day}} WHERE {{chosen}} GROUP BY name"
PAY = "quantilesExactWeighted(0.25, 0.5, 0.75)(value, toUInt64(if(value > 0, c, 0)))"
PAY_SQL = f"""
SELECT name, sumIf(c, value > 0), {PAY} FROM
(SELECT name, value, sum(n) AS c FROM {{cube:skill_salary}} WHERE {{chosen}} GROUP BY name, value HAVING c > 0)
GROUP BY name"""
# of the postings themselves both at once
BOTH_SQL = f"""
SELECT name, sumIf(c, value > 0), {PAY}, sum(late), sum(early) FROM
(
    SELECT name, value, sum(n) AS c, {RECENT} AS late, {PREVIOUS} AS early FROM {{cube:skill_both}} WHERE {{chosen}}
    GROUP BY name, value HAVING c > 0
)
GROUP BY name"""


def rank_skills(reader: Reader, *, top: int = 50, days: int = 30, today: date | None = None) -> list[SkillRow]:
    """The `top` skills. today: the last day that counts as recent, None for the day in Beijing."""
    period = {"days": days, "today": today or reader.as_of.astimezone(BEIJING).date()}
    ranked = reader.rank("skill", top)
    names = [one.name for one in ranked]
    if reader.filters:
        found = reader.ask_of(names, BOTH_SQL, **period)
    else:
        pay, demand = reader.ask_of(names, PAY_SQL), reader.ask_of(names, DEMAND_SQL, **period)
        found = {name: [*pay[name], *demand[name]] for name in names if name in pay and name in demand}
    # another process may have taken a name away since it was ranked
    return [_make_row(one.name, one.total, *found[one.name]) for one in ranked if one.name in found]


def _make_row(name: str, postings: int, stated: int, pay: Sequence[int], recent: int, previous: int) -> SkillRow:
    p25, median, p75 = pay if stated else (None, None, None)
    return SkillRow(name, postings, p25, median, p75, recent, previous, recent / previous - 1 if previous else None)
