"""Filters of a search: which postings a site shows for a code. Codes as in docs/platforms.md, tables in `filters.json`.

A salary belongs to the band its lower bound, as CNY a month, falls into; 面议 belongs to none. What has no code of its own
(学历不限, 经验不限 on zhilian, 无需经验 on qcwy, companies without a size) is shown by none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import orjson

from jobdata_scrapy.sandbox.postings import Pay, Posting, SearchKey, make_posting

Filters = tuple[tuple[str, str], ...]
TABLES: dict[str, dict[str, dict[str, list[str]]]] = orjson.loads(
    resources.files(__package__).joinpath("filters.json").read_bytes()
)
ANY = frozenset({"", "0", "-1"})  # no filter; but zhilian's experience 0 is 无经验
SALARY = "salary"
DEGREES = frozenset({"degree", "S_SOU_EDUCATION_LOWESTLEVEL"})
EXPERIENCES = frozenset({"experience", "workYear", "S_SOU_WORK_EXPERIENCE"})
WORK_DAYS, MONTHS = 21.75, 12


def read_filters(site: str, given: Mapping[str, Any]) -> Filters | None:
    """The filters in a request's parameters, each with one code or several joined by commas; None for a code the site has not."""
    filters = []
    for name, table in TABLES[site].items():
        known = {code for codes in table.values() for code in codes}
        value = str(given.get(name, ""))
        if value in ANY - known:
            continue
        if not set(value.split(",")) <= known:
            return None
        filters.append((name, value))
    return tuple(filters)


def is_shown(seed: int, key: SearchKey, slot: int, revision: int, filters: Filters) -> bool:
    """Whether the posting in this slot passes all filters."""
    if not filters:
        return True
    own = _codes_of(seed, key, slot, revision)
    return all(not set(codes.split(",")).isdisjoint(own[name]) for name, codes in filters)


@lru_cache(maxsize=50_000)
def _codes_of(seed: int, key: SearchKey, slot: int, revision: int) -> dict[str, list[str]]:
    posting = make_posting(seed, key, slot, revision)
    return {name: table.get(_value(posting, name, table), []) for name, table in TABLES[key.site].items()}


def _value(posting: Posting, name: str, table: Mapping[str, Any]) -> str:
    """What the posting says for this filter, as a key of the filter's table."""
    if name == SALARY:
        return _band(posting.pay, [int(low) for low in table])
    if name in DEGREES:
        return posting.degree
    return posting.experience if name in EXPERIENCES else posting.company.size


def _band(pay: Pay, bounds: list[int]) -> str:
    if pay.kind == "none":
        return "none"
    monthly = pay.low * WORK_DAYS if pay.kind == "day" else pay.low / MONTHS if pay.kind == "year" else pay.low
    return str(bounds[bisect_right(bounds, monthly) - 1])
