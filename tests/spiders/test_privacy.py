"""No person is left in what is stored: the declared paths cover the cases, and each of them occurs there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.platform import Platform, Verdict
from spiders.cases import Case, load_cases
from spiders.registry import PLATFORMS

KINDS = ("search", "detail", "company")
PERSON = "测试招聘者"


@dataclass(frozen=True)
class Personal:
    """keys: what a key about a person looks like at this site; values: what stands behind such keys in the cases."""

    keys: str
    values: tuple[str, ...]


PERSONAL = {
    "boss": Personal(
        r"(?i:boss\w*|encrypt(Boss|User)Id|\w*avatar|tiny|phone\w*|mobile|legalPerson|hr\w*|geekId|activeMsg)",
        ("测试人员", "avatar/1.png", "testBoss0001"),
    ),
    "qcwy": Personal(
        r"hr(?!ef)\w*|\w*hr[A-Z]\w*|\w*staff\w*|\w*avatar\w*|\w*phone\w*|\w*mobile\w*|\w*mail\w*|contact\w*|operName|legal\w*"
        r"|property|exrInfo\w*|jobScheme",
        (PERSON, "测试法人", "人事经理", "uid-", "person.png"),
    ),
    "zhilian": Personal(
        r"staff\w*|\w*avatar\w*|hr\w*|\w*phone\w*|\w*mobile\w*|\w*mail\w*|contact\w*|legal\w*|lastOnlineTime|\w*CustomJson",
        (PERSON, "招聘主管", "person.png"),
    ),
}


class Site:
    """A platform and what its cases would store."""

    def __init__(self, name: str) -> None:
        self.platform, self.personal = PLATFORMS[name], PERSONAL[name]
        self._folder = Path(__file__).parents[1] / "cases" / name

    @cached_property
    def cases(self) -> list[Case]:
        """Those with something to store."""
        return [case for case in load_cases(self._folder) if is_healthy(case)]

    @cached_property
    def raws(self) -> list[dict[str, Any]]:
        """The raw postings, refused rows and companies of the cases, before anything is dropped."""
        return [raw for case in self.cases for raw in raws_of(self.platform, case)]

    def is_dropped(self, path: str) -> bool:
        """Whether a declared path is this one or above it."""
        declared = self.platform.personal_paths
        return any(path == one or path.startswith((f"{one}.", f"{one}[]")) for one in declared)


@pytest.fixture(scope="module", params=sorted(PLATFORMS))
def site(request: pytest.FixtureRequest) -> Site:
    return Site(request.param)


def is_healthy(case: Case) -> bool:
    expected = case.data["expected"]
    return case.kind in KINDS and "error" not in expected and expected.get("verdict", Verdict.OK) == Verdict.OK


def raws_of(platform: Platform, case: Case) -> list[dict[str, Any]]:
    """What would be stored of a case."""
    assert platform.parse_detail is not None
    assert platform.parse_company is not None
    if case.kind == "search":
        page = platform.parse_search(case.body, case.data.get("page", 1))
        return [job.raw for job in page.jobs] + [row.raw for row in page.rejected]
    if case.kind == "company":
        return [platform.parse_company(case.body).raw]
    detail = platform.parse_detail(case.body)
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


def test_every_declared_path_occurs_in_the_cases(site: Site) -> None:
    """In the answers as they were sent: a parser may leave some of it out by itself."""
    found = {f".{path}" for case in site.cases for path, _, _ in find_leaves(json.loads(case.body))}
    declared = {*site.platform.personal_paths, *site.platform.free_text_paths}
    assert {path for path in declared if not any(one.endswith(f".{path}") for one in found)} == set()


def test_every_personal_key_of_the_cases_is_dropped(site: Site) -> None:
    personal = re.compile(site.personal.keys)
    leaves = (leaf for raw in site.raws for leaf in find_leaves(raw))
    assert {path for path, key, _ in leaves if personal.fullmatch(key) and not site.is_dropped(path)} == set()


def test_no_personal_value_stands_anywhere_else(site: Site) -> None:
    leaves = (leaf for raw in site.raws for leaf in find_leaves(raw))
    kept = [(path, value) for path, _, value in leaves if isinstance(value, str) and not site.is_dropped(path)]
    assert [path for path, value in kept if any(personal in value for personal in site.personal.values)] == []


def test_the_cases_do_hold_what_must_be_dropped(site: Site) -> None:
    text = json.dumps(site.raws, ensure_ascii=False)
    assert [value for value in site.personal.values if value not in text] == []


def test_an_error_tells_no_value_of_the_answer(site: Site) -> None:
    wrong = {"code": 0, "zpData": {"list": PERSON}}  # boss
    wrong |= {"status": "1", "resultbody": {"job": {"items": PERSON}}}  # qcwy
    wrong |= {"data": {"list": PERSON}}  # zhilian
    with pytest.raises(ParseError) as caught:
        site.platform.parse_search(json.dumps(wrong).encode(), 1)
    assert PERSON not in str(caught.value)
