"""What boss is asked for, beyond the case folders: codes, filters, and what a signature depends on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.normalize.city import resolve_area
from jobdata_scrapy.platform import PageKind, Query, RequestSpec, SignContext
from spiders.boss import PLATFORM
from spiders.boss.requests import FILTERS

CONTEXT = SignContext(now=1764000000.0, nonce="0" * 32, token="0123456789abcdef0123456789abcdef")


def ask(*filters: tuple[str, str]) -> RequestSpec:
    return PLATFORM.search_request(Query("数据分析", "上海", "101020100", filters), 1)


def test_every_city_is_a_national_short_name_with_a_code_of_its_own() -> None:
    assert PLATFORM.query("数据分析", "上海").city_code == "101020100"
    assert PLATFORM.cities["全国"] == "100010000"
    assert len(PLATFORM.cities) > 370
    assert len(set(PLATFORM.cities.values())) == len(PLATFORM.cities)
    assert all(len(code) == 9 and code.isdigit() for code in PLATFORM.cities.values())
    assert [name for name in PLATFORM.cities if resolve_area(name).city != name] == []


@pytest.mark.parametrize("name", FILTERS)
def test_every_known_filter_code_is_accepted(name: str) -> None:
    codes = ",".join(FILTERS[name].values())
    assert (name, codes) in ask((name, codes)).params


def test_an_unknown_filter_or_code_is_refused_in_one_line() -> None:
    with pytest.raises(ArgumentError, match=r"^filter 'wage': boss knows .*salary"):
        ask(("wage", "405"))
    with pytest.raises(ArgumentError, match=r"^filter salary=9: boss knows 402 \(3K以下\), 403 \(3-5K\)"):
        ask(("salary", "405,9"))


def test_no_credential_is_in_a_request_before_it_is_signed() -> None:
    assert ask().headers == ()
    assert CONTEXT.token not in ask().target


def test_a_signature_depends_on_the_context_alone() -> None:
    spec = RequestSpec(PageKind.SEARCH, "/path")
    signed = PLATFORM.sign(spec, CONTEXT)
    assert signed == PLATFORM.sign(spec, CONTEXT)
    assert signed != PLATFORM.sign(spec, replace(CONTEXT, nonce="1" * 32))
    assert spec.headers == ()
