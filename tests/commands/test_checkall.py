"""`scrapy checkall`: the three sites keep the contract, and a site that breaks it is named with its line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands.checkall import check_sites, print_results

ROOT = Path(__file__).parents[2]


def test_every_site_keeps_the_contract() -> None:
    problems = [
        f"{site} {check}: {problem}"
        for site, checks in check_sites(ROOT, []).items()
        for check, found in checks.items()
        for problem in found
    ]
    assert problems == []


def test_an_unknown_site_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"^SITE: 'nope' is not in spiders/registry\.py; allowed: boss, qcwy, zhilian$"):
        check_sites(ROOT, ["nope"])


def test_every_problem_is_one_line_with_its_site_and_check() -> None:
    out = io.StringIO()
    long = "x" * 200
    print_results({"boss": {"structure": [], "codes": [long, "second [red]"]}}, Console(file=out, width=80))
    text = out.getvalue()
    assert f"boss codes: {long}\n" in text
    assert "boss codes: second [red]\n" in text
    assert "2 problems" in text
    assert "ok" in text
