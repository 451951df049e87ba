"""Whatever comes back, the verdict never raises and the parsers raise nothing but ParseError."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.platform import Answer, PageKind, Verdict
from jobdata_scrapy.wire import RowError
from spiders.cases import load_cases
from spiders.zhilian import PLATFORM
from spiders.zhilian.parse import make_job
from spiders.zhilian.wire import Row

BODIES = [case.body for case in load_cases(Path(__file__).parents[2] / "cases" / "zhilian") if case.body]
OBJECTS = [json.loads(body) for body in BODIES if body[:1] == b"{" and body.rstrip()[-1:] == b"}"]
KINDS = [PageKind.SEARCH, PageKind.DETAIL, PageKind.COMPANY]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def check(body: bytes, kind: PageKind, status: int = 200, url: str = "") -> None:
    assert PLATFORM.parse_detail is not None
    assert PLATFORM.parse_company is not None
    assert isinstance(PLATFORM.verdict(Answer(status, {}, body, kind, url)), Verdict)
    for parse in (lambda raw: PLATFORM.parse_search(raw, 1), PLATFORM.parse_detail, PLATFORM.parse_company):
        with suppress(ParseError):
            parse(body)


def replace_at(node: Any, steps: list[int], value: Any) -> Any:
    """A copy of `node` with `value` somewhere inside; each step chooses a child."""
    if not steps or not isinstance(node, (dict, list)) or not node:
        return value
    if isinstance(node, list):
        index = steps[0] % len(node)
        return [replace_at(item, steps[1:], value) if at == index else item for at, item in enumerate(node)]
    chosen = list(node)[steps[0] % len(node)]
    return {key: replace_at(item, steps[1:], value) if key == chosen else item for key, item in node.items()}


@given(st.binary(max_size=200), st.sampled_from(KINDS), st.integers(200, 599), st.text(max_size=30))
def test_any_bytes(body: bytes, kind: PageKind, status: int, url: str) -> None:
    check(body, kind, status, "https://example.com/?" + url)


@given(st.sampled_from(BODIES), st.data(), st.sampled_from(KINDS))
def test_an_answer_cut_or_damaged_anywhere(body: bytes, data: st.DataObject, kind: PageKind) -> None:
    at = data.draw(st.integers(0, len(body) - 1))
    check(body[:at], kind)
    check(body[:at] + data.draw(st.binary(max_size=3)) + body[at + 1 :], kind)


@given(st.sampled_from(OBJECTS), st.lists(st.integers(0, 40), min_size=1, max_size=8), JSON, st.sampled_from(KINDS))
def test_any_value_in_any_place(answer: Any, steps: list[int], value: Any, kind: PageKind) -> None:
    check(json.dumps(replace_at(answer, steps, value)).encode("utf-8", "replace"), kind)


@given(st.dictionaries(st.sampled_from(Row.__struct_encode_fields__), JSON))
def test_a_row_is_read_or_refused(raw: dict[str, Any]) -> None:
    with suppress(RowError):
        job = make_job(raw)
        assert job.job_id
        assert job.title


@given(st.sampled_from(BODIES), st.data())
def test_a_truncated_answer_is_never_taken_for_a_page(body: bytes, data: st.DataObject) -> None:
    cut = body[: data.draw(st.integers(0, len(body.rstrip()) - 1))]
    if body[:1] == b"{":
        assert PLATFORM.verdict(Answer(200, {}, cut, PageKind.SEARCH)) is Verdict.LAYOUT_CHANGED
