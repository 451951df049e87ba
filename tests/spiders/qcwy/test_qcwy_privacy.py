"""No person is left in what is stored: the declared paths cover the cases, and each of them occurs there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.platform import Verdict
from spiders.cases import Case, load_cases
from spiders.qcwy import PLATFORM

PERSONAL_KEY = re.compile(
    r"hr(?!ef)\w*|\w*hr[A-Z]\w*|\w*staff\w*|\w*avatar\w*|\w*phone\w*|\w*mobile\w*|\w*mail\w*|contact\w*|operName|legal\w*|property|exrInfo\w*|jobScheme"
)
PERSONAL_VALUES = ("测试招聘者", "测试法人", "人事经理", "uid-", "person.png")
CASES = [
    case
    for case in load_cases(Path(__file__).parents[2] / "cases" / "qcwy")
    if case.kind in ("search", "detail", "company") and "error" not in case.data["expected"]
    if case.data["expected"].get("verdict", Verdict.OK) == Verdict.OK
]


def raws_of(case: Case) -> list[dict[str, Any]]:
    """What would be stored of a case: the raw posting, refused row or company."""
    assert PLATFORM.parse_detail is not None
    assert PLATFORM.parse_company is not None
    if case.kind == "search":
        page = PLATFORM.parse_search(case.body, case.data.get("page", 1))
        return [job.raw for job in page.jobs] + [row.raw for row in page.rejected]
    if case.kind == "company":
        return [PLATFORM.parse_company(case.body).raw]
    detail = PLATFORM.parse_detail(case.body)
    return [detail.job.raw] + ([detail.company.raw] if detail.company else [])


def find_leaves(node: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """(path, key, value) of every key below `node`, in the notation of the declared paths."""
    if isinstance(node, dict):
        for key, value in node.items():
            here = f"{path}.{key}" if path else key
            yield here, key, value
            yield from find_leaves(value, f"{here}[]" if isinstance(value, list) else here)
    elif isinstance(node, list):
        for item in node:
            yield from find_leaves(item, path)


def is_dropped(path: str) -> bool:
    return any(path == declared or path.startswith((f"{declared}.", f"{declared}[]")) for declared in PLATFORM.personal_paths)


ALL = [raw for case in CASES for raw in raws_of(case)]


def test_every_declared_path_occurs_in_the_cases() -> None:
    found = {path for raw in ALL for path, _, _ in find_leaves(raw)}
    assert set(PLATFORM.personal_paths) - found == set()
    assert set(PLATFORM.free_text_paths) - found == set()


def test_every_personal_key_of_the_cases_is_dropped() -> None:
    kept = {path for raw in ALL for path, key, _ in find_leaves(raw) if PERSONAL_KEY.fullmatch(key) and not is_dropped(path)}
    assert kept == set()


def test_no_personal_value_stands_anywhere_else() -> None:
    kept = [
        path
        for raw in ALL
        for path, _, value in find_leaves(raw)
        if isinstance(value, str) and not is_dropped(path) and any(personal in value for personal in PERSONAL_VALUES)
    ]
    assert kept == []


@pytest.mark.parametrize("word", PERSONAL_VALUES)
def test_the_cases_do_hold_what_must_be_dropped(word: str) -> None:
    assert any(word in json.dumps(raw, ensure_ascii=False) for raw in ALL)


def test_an_error_tells_no_value_of_the_answer() -> None:
    body = json.dumps({"status": "1", "data": {"list": "测试招聘者"}, "resultbody": {"job": {"items": "测试招聘者"}}}).encode()
    with pytest.raises(ParseError) as caught:
        PLATFORM.parse_search(body, 1)
    assert "测试招聘者" not in str(caught.value)
