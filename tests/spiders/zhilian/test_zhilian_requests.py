"""What zhaopin.com is asked, and the identifiers of each request."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.items import Job
from jobdata_scrapy.platform import Query, RequestSpec, SignContext
from spiders.zhilian import PLATFORM
from spiders.zhilian.sign import sign

CONTEXT = SignContext(now=1767225600.75, nonce="00112233445566778899aabbccddeeff")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def search() -> RequestSpec:
    return PLATFORM.search_request(PLATFORM.query("数据分析", "上海"), 2)


@given(st.text("0123456789abcdef", min_size=32, max_size=32), st.floats(0, 4e9))
def test_identifiers_have_the_sites_form(nonce: str, now: float) -> None:
    spec = sign(search(), SignContext(now, nonce))
    params = dict(spec.params)
    assert re.fullmatch(r"0\.\d{8}", params["_v"])
    assert re.fullmatch(rf"[0-9a-f]{{32}}-{int(now * 1000)}-\d{{6}}", params["x-zp-page-request-id"])
    assert UUID.fullmatch(params["x-zp-client-id"])
    assert UUID.fullmatch(dict(spec.headers)["x-zp-action-id"])


def test_the_action_id_stands_in_header_and_body() -> None:
    spec = sign(search(), CONTEXT)
    body = json.loads(spec.body)
    assert body.pop("actionid") == dict(spec.headers)["x-zp-action-id"]
    assert body == json.loads(search().body)
    assert b": " not in spec.body


def test_identifiers_are_fresh_for_each_nonce_and_equal_for_the_same() -> None:
    other = replace(CONTEXT, nonce="f" * 32)
    one, two = (set(dict(sign(search(), context).params).values()) for context in (CONTEXT, other))
    assert one & two == {"13", "0.0.0"}
    assert sign(search(), CONTEXT) == sign(search(), CONTEXT)


def test_a_posting_is_asked_by_its_number_with_identifiers() -> None:
    assert PLATFORM.detail_request is not None
    spec = sign(PLATFORM.detail_request(Job("CC1J2", "数据分析师")), CONTEXT)
    assert spec.target.startswith("/c/i/jobs/position-detail-new?number=CC1J2&_v=0.")
    assert spec.body == b""


@pytest.mark.parametrize(
    ("filters", "words"),
    [((("salary", "07"),), "no filter 'salary'"), ((("S_SOU_WORK_EXPERIENCE", "7"),), "does not know the code '7'")],
)
def test_an_unknown_filter_is_refused(filters: tuple[tuple[str, str], ...], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        PLATFORM.search_request(Query("数据分析", "上海", "538", filters), 1)


def test_city_codes_are_the_sites_flat_numbers() -> None:
    codes = PLATFORM.cities
    assert len(set(codes.values())) == len(codes) > 50
    assert [codes[city] for city in ("全国", "北京", "上海", "佛山", "杭州")] == ["489", "530", "538", "768", "653"]
