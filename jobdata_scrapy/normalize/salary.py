"""Salaries in Chinese notation: "15-25K·14薪", "8千-1.2万", "30-50万/年", "120元/天", "1万以上", "面议".

Grammar (docs/platforms.md, checked against 13,421 captured texts of three sites):

    salary = "" | undisclosed | range
    range  = NUM [unit] ["-" NUM [unit]] ["及以下" | "以下" | "及以上" | "以上"] ["/" per] ["·" INT "薪"]
    unit   = 千 | K | 万 | W | 元 (千元, 万元)        per = 月 | 年 | 天 | 日 | 时 | 小时
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.tables import fold_text

WORK_DAYS_A_MONTH = 21.75  # the statutory figure for converting daily pay (人社部发〔2008〕3号)
WORK_HOURS_A_DAY = 8
EXPECTED = "a form like 15-25K·14薪, 8千-1.2万, 200-300元/天, 20-30万/年, 1万以上 or 面议"


class SalaryUnit(StrEnum):
    """The time that `low` and `high` are paid for."""

    MONTH = "MONTH"
    YEAR = "YEAR"
    DAY = "DAY"
    HOUR = "HOUR"


@dataclass(frozen=True, slots=True)
class Salary:
    """A salary as stated. low, high: CNY per `unit`, None where that end is open or nothing is disclosed.

    unit: "" when nothing is disclosed; months: salaries paid a year (12 unless the text says more; None when undisclosed);
    monthly_low, monthly_high: the same in CNY per month, to the fen; the 13th and further salaries are not counted in.
    """

    low: float | None
    high: float | None
    unit: SalaryUnit | Literal[""]
    months: int | None
    monthly_low: float | None
    monthly_high: float | None

    @property
    def disclosed(self) -> bool:
        """Whether the posting names any amount."""
        return self.unit != ""


UNDISCLOSED = Salary(None, None, "", None, None, None)

_UNDISCLOSED = re.compile(r"(?:(?:薪资|薪酬|薪水|工资|待遇)?(?:面议|面谈|保密)|校招|校园招聘)?")
_MONTHS = re.compile(r"[·*x×,、|]?(?<![\d.])([1-9]\d?)薪(?=$|/)", re.ASCII)
_RANGE = re.compile(
    r"(?:(?P<lead>[月年日时])薪)?[:¥]*"
    r"(?P<first>\d{1,9}(?:\.\d{1,4})?)(?P<first_unit>[千KW万]?元?)"
    r"(?:[-至到]¥?(?P<second>\d{1,9}(?:\.\d{1,4})?)(?P<second_unit>[千KW万]?元?))?"
    r"(?P<bound>及?以[上下])?"
    r"(?:/每?(?P<per>月|年|天|日|小时|时))?"
    r"(?P<late_bound>及?以[上下])?",
    re.ASCII | re.IGNORECASE,
)
_THOUSANDS_COMMA = re.compile(r"(?<=\d),(?=\d{3}(?!\d))", re.ASCII)
_FACTORS = {"": 1, "千": 1_000, "K": 1_000, "万": 10_000, "W": 10_000}
_UNITS = {"月": SalaryUnit.MONTH, "年": SalaryUnit.YEAR, "天": SalaryUnit.DAY, "日": SalaryUnit.DAY} | dict.fromkeys(
    ("时", "小时"), SalaryUnit.HOUR
)
_A_MONTH = {
    SalaryUnit.MONTH: 1.0,
    SalaryUnit.YEAR: 1 / 12,
    SalaryUnit.DAY: WORK_DAYS_A_MONTH,
    SalaryUnit.HOUR: WORK_HOURS_A_DAY * WORK_DAYS_A_MONTH,
}
_LEAST_BARE_MONTHLY = 1_000  # "15-25" without any unit may be K or anything else; "8000-12000" is CNY
_LEAST_BARE = {SalaryUnit.MONTH: _LEAST_BARE_MONTHLY, SalaryUnit.YEAR: 12 * _LEAST_BARE_MONTHLY}  # "20-30/年" is 万, most likely


@lru_cache(maxsize=4096)
def parse_salary(text: str) -> Salary:
    """The salary that `text` states.

    Undisclosed ("", 面议, 校招 …) is `UNDISCLOSED`. A reversed range is turned round. "以下" leaves `low` None and "以上" leaves
    `high` None. An amount a year covers all salaries of the year, so its months are 12 whatever else is said. Pay by week, piece
    or job (周, 次, 单) has no unit here and no honest monthly value: it raises UnreadableText like all outside the grammar.
    """
    folded = _THOUSANDS_COMMA.sub("", fold_text(text))
    months = _MONTHS.search(folded)
    if months:
        folded = folded[: months.start()] + folded[months.end() :]
    if _UNDISCLOSED.fullmatch(folded):
        return UNDISCLOSED
    match = _RANGE.fullmatch(folded)
    if match is None or (match["bound"] and match["late_bound"]) or (match["lead"] and match["per"]):
        raise UnreadableText("salary", text, EXPECTED)
    unit = _UNITS[match["per"] or match["lead"] or "月"]
    low, high = _read_ends(match)
    if unit in _LEAST_BARE and not (match["first_unit"] or match["second_unit"]) and min(low, high) < _LEAST_BARE[unit]:
        raise UnreadableText("salary", text, EXPECTED)
    bound = (match["bound"] or match["late_bound"] or "")[-1:]
    return _make_salary(
        low=None if bound == "下" else low,
        high=None if bound == "上" else high,
        unit=unit,
        months=int(months[1]) if months and unit is not SalaryUnit.YEAR else 12,
    )


def _read_ends(match: re.Match[str]) -> tuple[float, float]:
    """Both ends in CNY, the lower first. An end without unit takes the unit of the other end, or is CNY where it is large."""
    first_unit, second_unit = match["first_unit"], match["second_unit"] or ""
    first = _read_amount(match["first"], first_unit or second_unit)
    if match["second"] is None:
        return first, first
    second = _read_amount(match["second"], second_unit or first_unit)
    if not first_unit and first > second and float(match["first"]) >= _LEAST_BARE_MONTHLY:
        first = float(match["first"])  # "8000-1.2万": eight thousand CNY, not eight thousand times ten thousand
    if not second_unit and second > first and float(match["second"]) >= _LEAST_BARE_MONTHLY:
        second = float(match["second"])  # "8千-12000"
    return min(first, second), max(first, second)


def _read_amount(number: str, unit: str) -> float:
    return round(float(number) * _FACTORS[unit.rstrip("元").upper()], 2)


def _make_salary(low: float | None, high: float | None, unit: SalaryUnit, months: int) -> Salary:
    factor = _A_MONTH[unit]
    return Salary(
        low,
        high,
        unit,
        months,
        None if low is None else round(low * factor, 2),
        None if high is None else round(high * factor, 2),
    )
