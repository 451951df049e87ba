from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.area_table import load_areas, shorten_name
from jobdata_scrapy.normalize.city import CITIES, Area, resolve_area


@pytest.mark.parametrize(
    ("text", "code", "city", "district"),
    [
        ("上海", "310000", "上海", ""),
        ("上海市", "310000", "上海", ""),
        ("深圳·宝安区", "440306", "深圳", "宝安区"),
        ("深圳-南山区", "440305", "深圳", "南山区"),
        ("杭州·滨江区·浦沿", "330108", "杭州", "滨江区"),
        ("上海-浦东新区", "310115", "上海", "浦东新区"),
        ("北京·海淀", "110108", "北京", "海淀区"),
        ("北京·朝阳", "110105", "北京", "朝阳区"),  # 朝阳 is a city too
        ("　深圳 · 宝安区 ", "440306", "深圳", "宝安区"),
        ("上海市·市辖区", "310000", "上海", ""),
        ("上海·上海", "310000", "上海", ""),
        ("长沙·长沙", "430100", "长沙", ""),
        ("长沙·长沙县", "430121", "长沙", "长沙县"),
        ("全国", "100000", "全国", ""),
        ("", "", "", ""),
    ],
)
def test_city_and_district_in_the_sites_notations(text: str, code: str, city: str, district: str) -> None:
    assert resolve_area(text) == Area(code, city, district)


@pytest.mark.parametrize(
    ("text", "code", "city", "district"),
    [
        ("海宁", "330481", "嘉兴", "海宁市"),
        ("昆山", "320583", "苏州", "昆山市"),
        ("苏州·昆山", "320583", "苏州", "昆山市"),
        ("义乌市", "330782", "金华", "义乌市"),
        ("开平", "440783", "江门", "开平市"),  # 唐山 has a district of that name
        ("恩施", "422800", "恩施", ""),
        ("恩施市", "422801", "恩施", "恩施市"),
        ("石柱县", "500240", "重庆", "石柱土家族自治县"),
        ("石河子", "659001", "石河子", ""),
        ("仙桃", "429004", "仙桃", ""),
    ],
)
def test_county_level_cities_have_their_own_code(text: str, code: str, city: str, district: str) -> None:
    assert resolve_area(text) == Area(code, city, district)


@pytest.mark.parametrize(
    ("text", "code", "city", "district"),
    [
        ("广东省", "440000", "", ""),
        ("海南", "460000", "", ""),
        ("吉林", "220200", "吉林", ""),
        ("吉林省", "220000", "", ""),
        ("吉林·长春·朝阳区", "220104", "长春", "朝阳区"),
        ("浙江·杭州", "330100", "杭州", ""),
        ("广东省深圳市南山区", "440305", "深圳", "南山区"),
        ("上海浦东新区", "310115", "上海", "浦东新区"),
        ("北京朝阳区", "110105", "北京", "朝阳区"),
        ("内蒙古·呼和浩特", "150100", "呼和浩特", ""),
        ("香港", "810000", "香港", ""),
    ],
)
def test_provinces_and_names_without_separator(text: str, code: str, city: str, district: str) -> None:
    assert resolve_area(text) == Area(code, city, district)


def test_a_district_the_standard_does_not_have_stays_as_written_with_the_citys_code() -> None:
    assert resolve_area("苏州·工业园区") == Area("320500", "苏州", "工业园区")
    assert resolve_area("深圳·大鹏新区") == Area("440300", "深圳", "大鹏新区")
    assert resolve_area("深圳-龙华新区") == Area("440309", "深圳", "龙华区")


def test_an_abolished_district_keeps_its_code_and_a_renamed_one_gets_the_new() -> None:
    assert resolve_area("重庆·渝北区") == Area("500112", "重庆", "渝北区")
    assert resolve_area("杭州·下城区") == Area("330103", "杭州", "下城区")
    assert resolve_area("洛阳·孟津县") == Area("410308", "洛阳", "孟津区")
    assert resolve_area("三明·三元区") == Area("350404", "三明", "三元区")


def test_a_district_told_apart_is_used_where_the_text_names_none() -> None:
    assert resolve_area("北京", "海淀") == Area("110108", "北京", "海淀区")
    assert resolve_area("天津", "西青") == Area("120111", "天津", "西青区")
    assert resolve_area("", "海淀") == Area("110108", "北京", "海淀区")
    assert resolve_area("上海", "") == Area("310000", "上海", "")
    assert resolve_area("深圳·宝安区", "南山区") == Area("440306", "深圳", "宝安区")
    assert resolve_area("全国", "海淀") == Area("100000", "全国", "")


@pytest.mark.parametrize("text", ["异地招聘", "海外", "远程", "朝阳区", "鼓楼", "abc", "吉林·" * 1_000, "广东省" * 1_000])
def test_no_place_and_no_single_place_is_refused(text: str) -> None:
    with pytest.raises(UnreadableText, match="area: cannot read"):
        resolve_area(text)


def test_two_cities_are_read_as_the_first() -> None:
    assert resolve_area("上海/北京") == Area("310000", "上海", "")
    assert resolve_area("深圳·异地招聘") == Area("440300", "深圳", "")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("海宁市", "海宁"),
        ("赵县", "赵县"),
        ("恩施土家族苗族自治州", "恩施"),
        ("巴音郭楞蒙古自治州", "巴音郭楞"),
        ("鄂温克族自治旗", "鄂温克"),
    ],
)
def test_short_names(name: str, short: str) -> None:
    assert shorten_name(name) == short


def test_cities_are_the_national_short_names() -> None:
    assert CITIES["全国"] == "100000"
    assert CITIES["上海"] == "310000"
    assert CITIES["深圳"] == "440300"
    assert CITIES["恩施"] == "422800"
    assert CITIES["海南州"] == "632500"
    assert "昆山" not in CITIES
    assert len(set(CITIES.values())) == len(CITIES) == 373


def test_every_city_is_its_own_reading() -> None:
    for city, code in CITIES.items():
        assert resolve_area(city) == Area(code, city, "")


def test_every_division_is_found_in_its_city_by_its_full_name() -> None:
    table = load_areas()
    for city, inside in table.districts.items():
        for name, code in inside.items():
            if code and name == table.county_names[code]:
                assert resolve_area(f"{table.city_names[city]}·{name}").code == code


@given(st.text(max_size=20), st.text(max_size=10))
def test_any_text_is_read_or_refused(text: str, district: str) -> None:
    try:
        area = resolve_area(text, district)
    except UnreadableText:
        return
    assert area.code == "" or len(area.code) == 6


WORDS = st.sampled_from(
    ["上海", "吉林", "吉林省", "朝阳", "朝阳区", "海南", "重庆", "市辖区", "新区", "全国", "市", "区", "·", "-", "长春", "x"]
)


@given(st.lists(WORDS, max_size=5).map("".join))
def test_any_row_of_place_names_is_read_or_refused(text: str) -> None:
    try:
        area = resolve_area(text)
    except UnreadableText:
        return
    assert area.city in ("", *CITIES)


def test_every_captured_area_is_read(sample_texts: Callable[..., list[str]]) -> None:
    for text in sample_texts(
        "jobAreaString", "workarea_text", "work_area", "cityName", "locationName", "workCity", "positionWorkCity"
    ):
        assert resolve_area(text).city in ("", *CITIES)
    for text in sample_texts("locationDesc"):
        assert resolve_area(text).district


def test_the_city_names_of_a_site_are_covered() -> None:
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "samples"
    table = Path(os.environ.get("JOBDATA_SAMPLES") or beside).parent / "boss_city_codes.json"
    if not table.exists():
        pytest.skip("no site dictionary here")
    names = set(json.loads(table.read_text(encoding="utf-8"))["cities"]) - {"东沙群岛"}  # part of no division of the standard

    assert {resolve_area(name).city for name in names} <= set(CITIES)
    assert not [name for name in names if resolve_area(name).district]
