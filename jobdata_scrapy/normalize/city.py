"""Places: "深圳·宝安区", "上海-浦东新区", "海宁", "广东省深圳市南山区" -> GB/T 2260 code, city, district."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.area_table import NATIONWIDE, AreaTable, city_of, load_areas, shorten_name
from jobdata_scrapy.normalize.tables import fold_text

CITIES: Mapping[str, str]
"""Short national name -> code of every city a search can name: 全国, municipalities, prefecture level, 石河子 and its like.

Loaded on first use.
"""

_SEPARATOR = re.compile(r"[-·/|>,、:]+")
_NO_DISTRICT = frozenset({"", "市辖区", "市辖县", "市辖", "全市", "全境", "不限", "其他", "其它", "异地招聘"})
_NATIONWIDE_WORDS = frozenset({"全国", "中国"})
_MAX_LENGTH = 64  # the longest row of four official names has 50 characters
_EXPECTED = "a Chinese city, with or without district (深圳·宝安区, 上海-浦东新区, 海宁)"


@dataclass(frozen=True, slots=True)
class Area:
    """A place. code: six digits of GB/T 2260, of the county-level division if it is known, else of the city or province.

    city: short name ("上海", "恩施"; "" for a bare province); district: full name ("宝安区", "海宁市"), or the site's own
    word where the standard has none ("高新区", with the city's code).
    """

    code: str
    city: str
    district: str


@lru_cache(maxsize=4096)
def resolve_area(text: str, district: str = "") -> Area:
    """The place that `text` names; `district` is used where `text` names none (Zhilian and Boss tell it apart).

    A county-level city is a district of its prefecture: "海宁" is Area("330481", "嘉兴", "海宁市"). A district alone is taken if
    only one division of the country bears the name ("海淀"; not "朝阳区"). Abolished divisions keep their code as of 2020
    ("重庆·渝北区"). Third parts (business districts) are ignored. "全国" is 100000; "" is Area("", "", "").
    Raises UnreadableText (also for 异地招聘).
    """
    words = _split_words(text)
    district_words = _split_words(district)
    if not words and not district_words:
        return Area("", "", "")
    if words and words[0] in _NATIONWIDE_WORDS:
        return Area(NATIONWIDE, "全国", "")
    area = _read_words(words or district_words, load_areas())
    if area is None:
        raise UnreadableText("area", text or district, _EXPECTED)
    if area.city and not area.district and words and district_words:
        return _read_district(area, district_words, load_areas())
    return area


def _split_words(text: str) -> list[str]:
    if len(text) > _MAX_LENGTH:
        raise UnreadableText("area", text, _EXPECTED)
    return [word for word in _SEPARATOR.split(fold_text(text)) if word]


def _read_words(words: list[str], table: AreaTable) -> Area | None:
    """The place named by `words`, the widest first."""
    head, rest = words[0], words[1:]
    province = table.provinces.get(head)
    if province and rest:
        inner = _read_words(rest, table)
        if inner and inner.city and inner.code[:2] == province[:2]:
            return inner  # "浙江·杭州·滨江区", and "吉林·长春" where the first word is a city's name too
    city = table.cities.get(head)
    if city:
        return _read_district(Area(city, table.city_names[city], ""), rest, table)
    if province:
        return Area(province, "", "")
    county = table.counties.get(head)
    return _make_county(county, table) if county else _read_unseparated(words, table)


def _read_district(city: Area, words: list[str], table: AreaTable) -> Area:
    """`city` with the district that the first of `words` names; one that the standard does not have stays as the site's own."""
    known = table.districts.get(city.code, {})
    for word in words:
        code = known.get(word) if word != city.city else ""
        if code:
            return _make_county(code, table)
        if word in _NO_DISTRICT or word in table.cities:
            continue  # "上海·上海", or a second city: "上海/北京"
        code = known.get(shorten_name(word))
        return _make_county(code, table) if code else Area(city.code, city.city, word)
    return city


def _read_unseparated(words: list[str], table: AreaTable) -> Area | None:
    """The place where names stand together: "广东省深圳市南山区", "上海浦东新区". Only what is surely a name is split off."""
    head, rest = words[0], words[1:]
    for end in range(min(len(head) - 1, 12), 1, -1):
        name, remainder = head[:end], head[end:]
        if name in table.provinces and name not in table.cities:
            inner = _read_words([remainder, *rest], table)
            if inner and inner.city and inner.code[:2] == table.provinces[name][:2]:
                return inner
        city = table.cities.get(name)
        if city and (remainder in table.districts.get(city, {}) or name[-1] in "市州盟"):
            return _read_district(Area(city, table.city_names[city], ""), [remainder, *rest], table)
    return None


def _make_county(code: str, table: AreaTable) -> Area:
    return Area(code, table.city_names[city_of(code)], table.county_names[code])


@cache
def _list_cities() -> Mapping[str, str]:
    return MappingProxyType({"全国": NATIONWIDE} | {name: code for code, name in load_areas().city_names.items()})


def __getattr__(name: str) -> Mapping[str, str]:
    if name == "CITIES":
        return _list_cities()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
