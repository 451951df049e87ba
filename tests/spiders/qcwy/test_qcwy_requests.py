"""What 51job is asked, and the signature over it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.platform import Query, RequestSpec, SignContext
from spiders.cases import Case, load_cases
from spiders.qcwy import PLATFORM
from spiders.qcwy.sign import make_signature, sign, signed_message

CONTEXT = SignContext(now=1767225600.75, nonce="00112233445566778899aabbccddeeff")
KEYED = replace(CONTEXT, secret="a-test-key-and-no-secret")
VECTORS = [case for case in load_cases(Path(__file__).parents[2] / "cases" / "qcwy") if "stages" in case.data]


def search() -> RequestSpec:
    return PLATFORM.search_request(PLATFORM.query("数据分析", "上海"), 2)


def test_the_open_endpoint_is_asked_unsigned_without_a_key() -> None:
    spec = sign(search(), CONTEXT)
    assert (spec.path, spec.params) == (search().path, search().params)
    assert "sign" not in dict(spec.headers)
    assert dict(spec.headers)["uuid"] == CONTEXT.nonce


def test_the_signed_endpoint_is_asked_with_a_key_and_the_same_search() -> None:
    spec = sign(search(), KEYED)
    assert spec.path == "/open/noauth/search-pc"
    assert spec.params[:2] == (("api_key", "51job"), ("timestamp", "1767225600"))
    changed = {"source"}
    kept = [pair for pair in search().params if pair[0] not in changed]
    assert [pair for pair in spec.params if pair in kept] == kept


@pytest.mark.parametrize("case", VECTORS, ids=[case.name for case in VECTORS])
def test_every_stage_of_the_signature_is_as_written_down(case: Case) -> None:
    stages, given = case.data["stages"], case.data["spec"]
    spec = RequestSpec(
        given["page_kind"],
        given["path"],
        given.get("method", "GET"),
        tuple(map(tuple, given.get("params", []))),
        body=given.get("body", "").encode(),
    )
    message = signed_message(sign(spec, SignContext(**case.data["context"])))
    assert message.decode() == stages["message"]
    assert make_signature(message, KEYED.secret) == stages["signature"]


def test_the_signature_follows_time_and_key_only_where_it_should() -> None:
    signatures = {
        dict(sign(search(), context).headers)["sign"]
        for context in (KEYED, replace(KEYED, now=KEYED.now + 1), replace(KEYED, secret="another-test-key"))
    }
    assert len(signatures) == 3
    assert sign(search(), KEYED) == sign(search(), KEYED)


def test_no_key_stands_in_what_is_shown() -> None:
    assert KEYED.secret not in repr(KEYED)
    assert KEYED.secret not in repr(sign(search(), KEYED))


def test_the_property_header_is_url_encoded_json() -> None:
    assert json.loads(unquote(dict(search().headers)["property"]))["fromdomain"] == "51job_web"


@pytest.mark.parametrize(
    ("filters", "words"), [((("stage", "801"),), "no filter 'stage'"), ((("salary", "99"),), "does not know the code '99'")]
)
def test_an_unknown_filter_is_refused(filters: tuple[tuple[str, str], ...], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        PLATFORM.search_request(Query("数据分析", "上海", "020000", filters), 1)


def test_city_codes_follow_the_sites_province_order() -> None:
    codes = PLATFORM.cities
    assert len(set(codes.values())) == len(codes) > 50
    assert all(len(code) == 6 and code.isdigit() for code in codes.values())
    assert [codes[city] for city in ("全国", "南京", "杭州", "苏州", "海口", "南宁", "兰州", "佛山")] == [
        *("000000", "070200", "080200", "070300"),
        *("100200", "140200", "270200", "030600"),
    ]
