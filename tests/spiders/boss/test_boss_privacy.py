"""No recruiter, no account and no session ticket is left in what boss would store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.exceptions import ParseError
from spiders.boss import PLATFORM
from spiders.boss.parse import parse_company, parse_detail, parse_search
from spiders.cases import Case, load_cases

CASES = [case for case in load_cases(Path(__file__).parents[2] / "cases" / "boss") if case.suffix == ".json"]
PERSONAL_KEY = re.compile(r"boss\w*|encrypt(Boss|User)Id|\w*avatar|tiny|phone\w*|mobile|legalPerson|hr\w*|geekId|activeMsg", re.I)
NEVER_KEPT = {"securityId", "lid", "sessionId", "bossInfo", "bossBaseInfoVO", "relatedJobInfo", "homeAddressInfo"}
SESSION_KEY = re.compile(r"securityId|lid|sessionId|expectId")
PERSONAL_VALUES = (
    "测试人员",
    "avatar/1.png",
    "testBoss0001",
    "testGeek",
    "testSecurityId",
    "testSession",
    "7c2eTest",
    "5d1fTest",
)


def answered(case: Case) -> list[dict[str, Any]]:
    """The raw postings or the raw company as the site sent them."""
    data = json.loads(case.body).get("zpData") if case.kind in ("search", "detail", "company") else None
    if not isinstance(data, dict):
        return []
    if case.kind == "search":
        return [row for row in data.get("list", data.get("jobList", [])) if isinstance(row, dict)]
    return [data]


def kept(case: Case) -> list[dict[str, Any]]:
    """The raw objects as the parser hands them on."""
    try:
        if case.kind == "search":
            page = parse_search(case.body, 1)
            return [row.raw for row in (*page.jobs, *page.rejected)]
        if case.kind == "company":
            return [parse_company(case.body).raw]
        detail = parse_detail(case.body)
        return [detail.job.raw, *([detail.company.raw] if detail.company else [])]
    except ParseError:
        return []


def drop(node: Any, path: list[str]) -> int:
    """Removes the path below `node`; returns how often it was there."""
    if not isinstance(node, dict):
        return 0
    if len(path) == 1:
        return 1 if path[0] in node and (node.pop(path[0]), True) else 0
    return drop(node.get(path[0]), path[1:])


def keys_below(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node
        node = list(node.values())
    for value in node if isinstance(node, list) else []:
        yield from keys_below(value)


def raw_objects() -> list[dict[str, Any]]:
    cases = [case for case in CASES if case.kind in ("search", "detail", "company")]
    whole = [raw for case in cases if case.kind != "company" for raw in answered(case)]
    return whole + [raw for case in cases for raw in kept(case)]


def test_nothing_personal_is_left_after_the_declared_paths() -> None:
    objects = raw_objects()
    assert len(objects) > 100
    for raw in objects:
        for path in PLATFORM.personal_paths:
            drop(raw, path.split("."))
        left = [key for key in keys_below(raw) if PERSONAL_KEY.fullmatch(key) or SESSION_KEY.fullmatch(key)]
        assert left == []
        text = json.dumps(raw, ensure_ascii=False)
        assert [value for value in PERSONAL_VALUES if value in text] == []


def test_the_parser_itself_leaves_tickets_and_persons_of_details_out() -> None:
    for case in CASES:
        if case.kind in ("search", "detail", "company"):
            for raw in kept(case):
                assert NEVER_KEPT.isdisjoint(keys_below(raw))


def test_company_and_posting_do_not_share_their_raw_objects() -> None:
    case = next(case for case in CASES if case.name == "detail_miniapp")
    detail = parse_detail(case.body)
    assert detail.company is not None
    assert "legalPerson" not in detail.company.raw
    detail.company.raw.clear()
    assert detail.job.raw["brandComInfoVO"]["brandName"] == "青禾数据"


def test_errors_and_tickets_show_no_values() -> None:
    case = next(case for case in CASES if case.name == "search_miniapp")
    job = parse_search(case.body, 1).jobs[0]
    assert job.ticket["securityId"] not in repr(job)
    with pytest.raises(ParseError) as caught:
        parse_search(b'{"code":0,"zpData":{"list":[{"bossName":"\xe6\xb5\x8b"},{"bossName":1}]}}', 1)
    assert str(caught.value) == "boss search: field 'encryptJobId' missing in 2 of 2 postings"
