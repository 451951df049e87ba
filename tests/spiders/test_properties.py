"""Whatever comes back, the verdict never raises and the parsers raise nothing but ParseError. For all sites alike."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.platform import Answer, PageKind, Verdict
from jobdata_scrapy.wire import RowError
from spiders.cases import load_cases
from spiders.registry import PLATFORMS

KINDS = [PageKind.SEARCH, PageKind.DETAIL, PageKind.COMPANY]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
check_examples = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Site:
    """A platform, the bodies of its cases, and those of them that are whole objects."""

    def __init__(self, name: str) -> None:
        self.platform = PLATFORMS[name]
        self.bodies = [case.body for case in load_cases(Path(__file__).parents[1] / "cases" / name) if case.body]
        self.objects = [json.loads(body) for body in self.bodies if body[:1] == b"{" and body.rstrip()[-1:] == b"}"]

    def check(self, body: bytes, kind: PageKind, status: int = 200, url: str = "") -> None:
        """Judges and parses the body in every way: only ParseError may come of it."""
        platform = self.platform
        assert platform.parse_detail is not None
        assert platform.parse_company is not None
        assert isinstance(platform.verdict(Answer(status, {}, body, kind, url)), Verdict)
        for parse in (lambda raw: platform.parse_search(raw, 1), platform.parse_detail, platform.parse_company):
            with suppress(ParseError):
                parse(body)


@pytest.fixture(scope="module", params=sorted(PLATFORMS))
def site(request: pytest.FixtureRequest) -> Site:
    return Site(request.param)


def replace_at(node: Any, steps: list[int], value: Any) -> Any:
    """A copy of `node` with `value` somewhere inside; each step chooses a child."""
    if not steps or not isinstance(node, (dict, list)) or not node:
        return value
    if isinstance(node, list):
        index = steps[0] % len(node)
        return [replace_at(item, steps[1:], value) if at == index else item for at, item in enumerate(node)]
    chosen = list(node)[steps[0] % len(node)]
    return {key: replace_at(item, steps[1:], value) if key == chosen else item for key, item in node.items()}


@check_examples
@given(st.binary(max_size=200), st.sampled_from(KINDS), st.integers(200, 599), st.text(max_size=30))
def test_any_bytes(site: Site, body: bytes, kind: PageKind, status: int, url: str) -> None:
    site.check(body, kind, status, "https://example.com/?" + url)


@check_examples
@given(st.data(), st.sampled_from(KINDS))
def test_an_answer_cut_or_damaged_anywhere(site: Site, data: st.DataObject, kind: PageKind) -> None:
    body = data.draw(st.sampled_from(site.bodies))
    at = data.draw(st.integers(0, len(body) - 1))
    site.check(body[:at], kind)
    site.check(body[:at] + data.draw(st.binary(max_size=3)) + body[at + 1 :], kind)


@check_examples
@given(st.data(), st.lists(st.integers(0, 40), min_size=1, max_size=8), JSON, st.sampled_from(KINDS))
def test_any_value_in_any_place(site: Site, data: st.DataObject, steps: list[int], value: Any, kind: PageKind) -> None:
    answer = data.draw(st.sampled_from(site.objects))
    site.check(json.dumps(replace_at(answer, steps, value)).encode("utf-8", "replace"), kind)


@pytest.mark.parametrize("name", ["qcwy", "zhilian"])  # boss: tests/spiders/boss/test_boss_properties.py
@check_examples
@given(data=st.data())
def test_a_row_is_read_or_refused(name: str, data: st.DataObject) -> None:
    wire, parse = import_module(f"spiders.{name}.wire"), import_module(f"spiders.{name}.parse")
    raw = data.draw(st.dictionaries(st.sampled_from(wire.Row.__struct_encode_fields__), JSON))
    with suppress(RowError):
        job = parse.make_job(raw)
        assert job.job_id
        assert job.title


@check_examples
@given(st.data())
def test_a_truncated_answer_is_never_taken_for_a_page(site: Site, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(site.bodies))
    cut = body[: data.draw(st.integers(0, len(body.rstrip()) - 1))]
    if body[:1] == b"{":
        assert site.platform.verdict(Answer(200, {}, cut, PageKind.SEARCH)) is Verdict.LAYOUT_CHANGED


def test_endless_nesting(site: Site) -> None:
    for start in (b'{"code":0,"zpData":', b'{"status":"1","resultbody":', b'{"code":200,"data":', b""):
        site.check(start + b"[" * 100_000, PageKind.SEARCH)
