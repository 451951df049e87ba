"""The administrative divisions of China (GB/T 2260), indexed once, on first use."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache

from jobdata_scrapy.normalize.tables import read_table

NATIONWIDE = "100000"

_MUNICIPAL = frozenset({"11", "12", "31", "50", "71", "81", "82"})  # 北京 天津 上海 重庆 台湾 香港 澳门: province and city in one
_PROVINCE_SUFFIX = re.compile(r"(?:省|市|特别行政区|(?:壮族|回族|维吾尔)?自治区)$")
_SUFFIX = re.compile(r"(?:市|地区|盟|新区|林区|特区|区|县|旗)$")
# Names of nationalities in the names of autonomous divisions; those of one character never stand without 族.
_NATIONALITY = (
    r"(?:(?:[回藏苗壮白傣侗瑶满彝黎水土佤羌怒畲]|各)族|(?:朝鲜|土家|布依|哈尼|景颇|傈僳|蒙古|柯尔克孜|哈萨克|维吾尔|达斡尔|鄂温克|鄂伦春|锡伯|塔吉克"
    r"|撒拉|东乡|保安|裕固|仫佬|毛南|仡佬|拉祜|布朗|独龙|普米|纳西|各)族?)"
)
_AUTONOMOUS = re.compile(_NATIONALITY + r"*自治[州县旗]$")
_AUTONOMOUS_WORD = re.compile(r"族?自治[州县旗]$")


@dataclass(slots=True)
class AreaTable:
    """Names to codes. A name that more than one division of its scope bears maps to "".

    cities: full, short and everyday names of cities; provinces: likewise; counties: those of the whole country;
    districts: city code -> names of its county-level divisions;
    city_names, county_names: code -> short city name, full county name.
    """

    cities: dict[str, str] = field(default_factory=dict)
    provinces: dict[str, str] = field(default_factory=dict)
    counties: dict[str, str] = field(default_factory=dict)
    districts: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    city_names: dict[str, str] = field(default_factory=dict)
    county_names: dict[str, str] = field(default_factory=dict)


@cache
def load_areas() -> AreaTable:
    """The table, read from areas.json on the first call (about 10 ms)."""
    data = read_table("areas.json")
    table = AreaTable()
    provinces = [(code, name) for code, name in data["areas"].items() if code.endswith("0000")]
    cities = [(code, name) for code, name in data["areas"].items() if _is_city(code)]
    counties = [(code, name) for code, name in data["areas"].items() if not code.endswith("0000") and not _is_city(code)]
    for code, name in provinces:
        for word in (name, _PROVINCE_SUFFIX.sub("", name)):
            table.provinces[word] = code
    for code, name in cities:
        _add_city(table, code, name)
    for code, name in sorted(counties, key=lambda county: not county[1].endswith("市")):  # county-level cities first
        _add_county(table, code, name)
    _add_former(table, data["former"])
    return table


def shorten_name(name: str) -> str:
    """A division's name without its kind and nationalities: 海宁市 -> 海宁, 恩施土家族苗族自治州 -> 恩施; 赵县 stays."""
    if name[-3:-1] == "自治":
        return _AUTONOMOUS.sub("", name) or _AUTONOMOUS_WORD.sub("", name)
    short = _SUFFIX.sub("", name)
    return short if len(short) >= 2 else name


def city_of(code: str) -> str:
    """The code of the city that a county-level `code` belongs to."""
    return code[:2] + "0000" if code[:2] in _MUNICIPAL else code[:4] + "00"


def _is_city(code: str) -> bool:
    """Prefecture level, municipalities, 香港 澳门 台湾, and what a province governs without a prefecture (济源, 石河子)."""
    if code[:2] in _MUNICIPAL:
        return code.endswith("0000")
    return code[2:4] == "90" or (code.endswith("00") and not code.endswith("0000"))


def _add_city(table: AreaTable, code: str, name: str) -> None:
    short = _PROVINCE_SUFFIX.sub("", name) if code.endswith("0000") else shorten_name(name)
    everyday = short + "州" if name.endswith("自治州") else short
    if short in table.provinces and table.provinces[short][:2] != code[:2]:
        short = everyday  # 海南藏族自治州 is 海南州: 海南 alone is the province
    table.city_names[code] = short
    for word in (name, short, everyday):
        table.cities[word] = code


def _add_county(table: AreaTable, code: str, name: str) -> None:
    """Adds a division under its full and short names (石柱土家族自治县, 石柱县, 石柱).

    A short name that several bear belongs to the county-level city among them (开平 is not 唐山's 开平区), else to none.
    """
    table.county_names[code] = name
    short = shorten_name(name)
    for index in (table.districts[city_of(code)], table.counties):
        for word in {name, short, short + "县" if name.endswith("自治县") else name}:
            other = index.setdefault(word, code)
            if other != code and not table.county_names.get(other, "").endswith("市"):
                index[word] = ""


def _add_former(table: AreaTable, former: dict[str, str]) -> None:
    """Adds abolished divisions where no present one of their city bears the name (孟津县 is 孟津区 today, 下城区 is none)."""
    for code, name in former.items():
        inside = table.districts[city_of(code)]
        present = inside.get(shorten_name(name)) if len(shorten_name(name)) >= 2 else None
        if present:
            inside.setdefault(name, present)
            table.counties.setdefault(name, present)
        else:
            _add_county(table, code, name)
