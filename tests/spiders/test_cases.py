"""Every case folder of every site: what the answer is worth, and what is read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spiders.cases import Case, load_cases, run_case
from spiders.registry import PLATFORMS

CASES = Path(__file__).parents[1] / "cases"
ALL = [(name, case) for name in PLATFORMS for case in load_cases(CASES / name)]


@pytest.mark.parametrize(("platform", "case"), ALL, ids=[f"{name}-{case.name}" for name, case in ALL])
def test_case_gives_what_it_expects(platform: str, case: Case) -> None:
    assert run_case(PLATFORMS[platform], case) == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_site_has_cases_of_each_kind_it_can_do(platform: str) -> None:
    kinds = {case.kind for name, case in ALL if name == platform}
    site = PLATFORMS[platform]
    needed = {"search", "verdict", "request", "sign"}
    needed |= {"detail"} if site.parse_detail else set()
    needed |= {"company"} if site.parse_company else set()
    assert needed <= kinds
