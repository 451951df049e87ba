"""The case runner itself: it must be able to fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spiders.boss import PLATFORM
from spiders.cases import load_cases, run_case

EMPTY = {"code": 0, "zpData": {"list": [], "hasMore": False}}


def make_case(folder: Path, data: dict[str, Any], answer: object = EMPTY) -> list[str]:
    (folder / "one").mkdir()
    (folder / "one" / "case.json").write_text(json.dumps(data), "utf-8")
    (folder / "one" / "answer.json").write_text(json.dumps(answer), "utf-8")
    [case] = load_cases(folder)
    return run_case(PLATFORM, case)


def test_a_case_that_holds_has_no_difference(tmp_path: Path) -> None:
    assert make_case(tmp_path, {"kind": "search", "expected": {"verdict": "EMPTY", "jobs": [], "next_page": None}}) == []


def test_each_difference_is_one_line_with_its_path(tmp_path: Path) -> None:
    expected = {"verdict": "OK", "jobs": [{"title": "x"}], "pages": 1}
    assert make_case(tmp_path, {"kind": "search", "expected": expected}) == [
        "verdict: 'EMPTY', expected 'OK'",
        "jobs: 0 items, expected 1",
        "pages: missing, expected 1",
    ]


def test_a_parse_error_nobody_expected_is_a_difference(tmp_path: Path) -> None:
    data = {"kind": "detail", "expected": {"job": {"title": "x"}}}
    answer = {"code": 0, "zpData": {"jobBaseInfoVO": {"positionName": "x"}}}
    assert "error: 'jobBaseInfoVO.encryptJobId', expected ''" in make_case(tmp_path, data, answer)


def test_an_error_that_does_not_come_is_a_difference(tmp_path: Path) -> None:
    data = {"kind": "search", "expected": {"verdict": "EMPTY", "error": "zpData.list"}}
    assert make_case(tmp_path, data) == ["error: missing, expected 'zpData.list'"]


def test_an_unknown_kind_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^one/case\.json: needs expected and a kind out of search, detail"):
        make_case(tmp_path, {"kind": "serach", "expected": {}})
