"""Beside what holds for all sites (tests/spiders/test_properties.py): batches of details, and rows, whatever they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.platform import Answer, PageKind, Verdict
from spiders.boss.detect import verdict
from spiders.boss.parse import parse_company, parse_detail, parse_search, split_detail_batch
from spiders.cases import load_cases
from tests.spiders.boss.boss_parts import make_envelope

CASES = [case for case in load_cases(Path(__file__).parents[2] / "cases" / "boss") if case.body]
PARSED_CASES = [case for case in CASES if case.kind not in ("verdict", "request", "sign")]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def read_everything(body: bytes) -> None:
    """Every function over every kind: only ParseError may come out."""
    for kind in PageKind:
        for status in (200, 302, 403, 500):
            assert isinstance(verdict(Answer(status, {}, body, kind)), Verdict)
    errors = []
    for parse in (lambda: parse_search(body, 1), lambda: parse_detail(body), lambda: parse_company(body)):
        try:
            parse()
        except ParseError as error:
            errors.append(error)
    assert all(error.platform == "boss" and error.field for error in errors)
    try:
        parts = split_detail_batch(body, 3)
    except ParseError:
        return
    assert len(parts) == 3


@settings(deadline=None)
@given(values)
def test_arbitrary_data_in_a_healthy_envelope_is_judged(data: Any) -> None:
    read_everything(make_envelope(data))


def replace_somewhere(node: Any, data: st.DataObject, value: Any) -> Any:
    """`node` with one inner value replaced, chosen by hypothesis."""
    keys = sorted(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    if not keys or data.draw(st.booleans()):
        return value
    key = data.draw(st.sampled_from(keys))
    node[key] = replace_somewhere(node[key], data, value)
    return node


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_an_answer_with_one_value_replaced_is_judged(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(PARSED_CASES))
    envelope = json.loads(case.body)
    envelope["zpData"] = replace_somewhere(envelope["zpData"], data, data.draw(values))
    read_everything(json.dumps(envelope).encode())


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({}, optional={"encryptJobId": scalars, "jobName": scalars, "skills": values}), max_size=6))
def test_every_row_is_a_posting_or_a_rejected_row(rows: list[dict[str, Any]]) -> None:
    try:
        page = parse_search(make_envelope({"list": rows, "hasMore": True}), 1)
    except ParseError:
        return
    assert len(page.jobs) + len(page.rejected) == len(rows)
    assert all(job.job_id and job.title.strip() for job in page.jobs)
    assert all(row.field and row.reason for row in page.rejected)
