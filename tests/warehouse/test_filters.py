"""What `--filter FIELD=VALUE` means, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.warehouse.filters import NO_FILTERS, Filters, parse_filters, where


def test_every_field_is_read():
    words = [
        "site=boss，qcwy",
        " city = 上海,北京,上海",
        "keyword=数据=分析",
        "employer=字节",
        "from=2026-01-01",
        "to=2026-01-31",
        "salary=8000-1e4",
    ]
    words[-1] = "salary=8000 - 10000.50"
    assert parse_filters(words) == Filters(
        platforms=("boss", "qcwy"), cities=("上海", "北京"), keyword="数据=分析", employer="字节",
        date_from=date(2026, 1, 1), date_to=date(2026, 1, 31), salary_low=8000, salary_high=10000.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "low", "high"), [("salary=8000-", 8000, None), ("salary=-8000", None, 8000), ("salary=0-0", 0, 0)]
)
def test_a_salary_band_may_be_open(word, low, high):
    assert parse_filters([word]) == Filters(salary_low=low, salary_high=high)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["boss"], "filter: 'boss' is not FIELD=VALUE with a FIELD of site, city, keyword, employer, from, to, salary"),
        (["colour=red"], "filter: 'colour=red' is not FIELD=VALUE with a FIELD of site, "),
        (["site=linkedin"], "filter site: 'linkedin' is unknown; allowed: boss, qcwy, zhilian"),
        (["city=上海,Atlantis"], "filter city: 'Atlantis' is no city; allowed: such as 上海"),
        (["city=海淀区"], "filter city: '海淀区' is no city"),
        (["city=全国"], "filter city: '全国' is no city"),
        (["city="], "filter city: the value is missing; allowed: cities, with commas between them"),
        (["city=上海", "city=北京"], "filter: city is given twice ('上海' and '北京'); allowed: once"),
        (["from=1.2.2026"], "filter from: '1.2.2026' is no day; allowed: YYYY-MM-DD, such as 2026-01-31"),
        (["from=2026-02-01", "to=2026-01-01"], "filter from: '2026-02-01' is after to=2026-01-01; allowed: a day not after it"),
        (["salary=much"], "filter salary: 'much' is no band; allowed: LOW-HIGH, LOW- or -HIGH in CNY a month, 10000-20000"),
        (["salary=-"], "filter salary: '-' is no band; allowed: "),
        (["salary=20000-10000"], "filter salary: '20000-10000' ends below its start; allowed: LOW-HIGH with LOW <= HIGH"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(words, told):
    with pytest.raises(ArgumentError) as refused:
        parse_filters(words)
    assert str(refused.value).startswith(told)


def test_sites_are_those_that_the_caller_knows():
    assert parse_filters(["site=newsite"], ["newsite"]).platforms == ("newsite",)


def test_cities_are_those_of_the_postings():
    assert parse_filters(["city=上海市,杭州、上海，北京市"]).cities == ("上海", "杭州", "北京")


def test_values_travel_beside_the_condition():
    condition, parameters = where(parse_filters(["site=boss", "keyword=x' OR 1", "salary=1-", "to=2026-01-31"]))
    assert "x'" not in condition
    assert parameters == {"f_platforms": ["boss"], "f_keyword": "x' OR 1", "f_salary_low": 1.0, "f_to": date(2026, 1, 31)}
    assert all(f"{{{name}:" in condition for name in parameters)


def test_no_filter_keeps_everything():
    assert where(NO_FILTERS) == ("1", {})
    assert not NO_FILTERS
    assert parse_filters(["city=上海"])
