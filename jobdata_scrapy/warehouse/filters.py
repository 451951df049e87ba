"""Which postings a question or an export is about: `site=boss`, `city=上海`, `salary=10000-20000` -> a WHERE condition."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.city import resolve_area
from jobdata_scrapy.platform import NATIONWIDE
from jobdata_scrapy.warehouse.schema import PLATFORMS

FIELDS = {
    "site": "sites, with commas between them",
    "city": "cities, with commas between them",
    "keyword": "the keyword of the search that found the posting",
    "employer": "a part of the employer's name",
    "from": "first day of the posting, YYYY-MM-DD (Beijing)",
    "to": "last day of the posting, YYYY-MM-DD (Beijing)",
    "salary": "CNY a month, LOW-HIGH, LOW- or -HIGH",
}
"""The fields of `--filter FIELD=VALUE`, and what each takes."""

BEIJING = "Asia/Shanghai"
_SALARY = re.compile(r"(\d{1,9}(?:\.\d{1,2})?)?\s*-\s*(\d{1,9}(?:\.\d{1,2})?)?", re.ASCII)
_SEPARATORS = re.compile(r"[,，、]")


@dataclass(frozen=True)
class Filters:
    """What is asked for; everything left empty filters nothing.

    keyword: of a search that found the posting; employer: a part of the company's name, case aside; date_from, date_to: days
    (Beijing) on which the posting was first seen, both included; salary_low, salary_high: CNY a month, both included, compared
    with the middle of the posting's band. A band whose middle is 0 or below is no salary.
    """

    platforms: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    keyword: str = ""
    employer: str = ""
    date_from: date | None = None
    date_to: date | None = None
    salary_low: float | None = None
    salary_high: float | None = None

    def __bool__(self) -> bool:
        return self != NO_FILTERS


NO_FILTERS = Filters()


def parse_filters(pairs: Iterable[str], platforms: Collection[str] = PLATFORMS) -> Filters:
    """Reads `field=value` words. `platforms`: the sites that are known.

    Raises ArgumentError naming field, value and what is allowed.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = (part.strip() for part in pair.partition("="))
        if not sign or name not in FIELDS:
            raise ArgumentError(f"filter: {pair!r} is not FIELD=VALUE with a FIELD of {', '.join(FIELDS)}")
        if name in given:
            raise ArgumentError(f"filter: {name} is given twice ({given[name]!r} and {value!r}); allowed: once")
        if not value:
            raise ArgumentError(f"filter {name}: the value is missing; allowed: {FIELDS[name]}")
        given[name] = value
    low, high = _read_salary(given["salary"]) if "salary" in given else (None, None)
    first, last = (_read_day(name, given[name]) if name in given else None for name in ("from", "to"))
    if first and last and first > last:
        raise ArgumentError(f"filter from: {given['from']!r} is after to={given['to']}; allowed: a day not after it")
    return Filters(
        platforms=_read_platforms(given.get("site", ""), platforms),
        cities=tuple(dict.fromkeys(map(_read_city, _split(given.get("city", ""))))),
        keyword=given.get("keyword", ""),
        employer=given.get("employer", ""),
        date_from=first,
        date_to=last,
        salary_low=low,
        salary_high=high,
    )


def where(filters: Filters, instead: Mapping[str, str] = MappingProxyType({})) -> tuple[str, dict[str, Any]]:
    """A condition over the columns of `job_analytics`, and its server-side parameters; "1" where nothing is filtered.

    instead: other conditions for a filter's parameters, by the filter's name, for rows that have more to tell.
    """
    asked = [(instead.get(name, condition), given) for name, condition, given in _conditions(filters) if given]
    parameters = {name: value for _, given in asked for name, value in given.items()}
    return " AND ".join(condition for condition, _ in asked) or "1", parameters


# A posting known already is not written again when another keyword finds it: its sighting tells.
KEYWORD_CONDITION = (
    "(keyword = {f_keyword:String} OR (platform, job_id) IN "
    "(SELECT platform, job_id FROM job_sighting WHERE keyword = {f_keyword:String}))"
)
SALARY = "nullIf(greatest(round((ifNull(monthly_low, monthly_high) + ifNull(monthly_high, monthly_low)) / 2), 0), 0)"
"""Middle of the stated band, whole CNY a month; NULL where none is stated, or none above 0."""


def contains(column: str, employer: str) -> str:
    """Whether `{f_employer:String}` is in `column`, case aside: with the quickest function that does for this text."""
    function = "positionCaseInsensitive" if employer.isascii() else "positionCaseInsensitiveUTF8"
    if employer.lower() == employer.upper():  # most Chinese names
        function = "position"
    return f"{function}({column}, {{f_employer:String}}) > 0"


def _conditions(filters: Filters) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """Name of each filter, its condition, and the parameters; without parameters it is not asked for."""
    yield "site", "platform IN {f_platforms:Array(String)}", _given(f_platforms=list(filters.platforms))
    yield "city", "city IN {f_cities:Array(String)}", _given(f_cities=list(filters.cities))
    yield "keyword", KEYWORD_CONDITION, _given(f_keyword=filters.keyword)
    yield "employer", contains("company_name", filters.employer), _given(f_employer=filters.employer)
    # against the column itself, so that an index on it can be used
    first = f"first_crawled_at >= toDateTime64({{f_from:Date}}, 3, '{BEIJING}')"
    yield "from", first, _given(f_from=filters.date_from)
    # Date ends in 2149, and the day after its last one is the first of 1970
    last = f"first_crawled_at < toDateTime64(addDays({{f_to:Date32}}, 1), 3, '{BEIJING}')"
    yield "to", last, _given(f_to=filters.date_to)
    yield "salary_low", f"{SALARY} >= {{f_salary_low:Float64}}", _given(f_salary_low=filters.salary_low)
    yield "salary_high", f"{SALARY} <= {{f_salary_high:Float64}}", _given(f_salary_high=filters.salary_high)


def _given(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None and value not in ("", [])}


def _split(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in _SEPARATORS.split(text) if part.strip()))


def _read_platforms(text: str, known: Collection[str]) -> tuple[str, ...]:
    names = _split(text.lower())
    if wrong := next((name for name in names if name not in known), None):
        raise ArgumentError(f"filter site: {wrong!r} is unknown; allowed: {', '.join(sorted(known))}")
    return names


def _read_city(text: str) -> str:
    """The city as the postings have it: 上海 for 上海市."""
    with suppress(UnreadableText):
        area = resolve_area(text)
        if area.city not in ("", NATIONWIDE) and not area.district:
            return area.city
    allowed = "such as 上海 or 杭州, with commas between them; without the filter it is the whole country"
    raise ArgumentError(f"filter city: {text!r} is no city; allowed: {allowed}")


def _read_day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentError(f"filter {name}: {text!r} is no day; allowed: YYYY-MM-DD, such as 2026-01-31") from None


def _read_salary(text: str) -> tuple[float | None, float | None]:
    found = _SALARY.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ArgumentError(f"filter salary: {text!r} is no band; allowed: LOW-HIGH, LOW- or -HIGH in CNY a month, 10000-20000")
    low, high = (float(part) if part else None for part in found.groups())
    if (low or 0.0) > (math.inf if high is None else high):
        raise ArgumentError(f"filter salary: {text!r} ends below its start; allowed: LOW-HIGH with LOW <= HIGH")
    return low, high
