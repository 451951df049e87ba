"""The checks of a site: each must be able to fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.platform import Platform, SearchPage, Verdict
from spiders import checks
from spiders.checks import Site
from spiders.qcwy import PLATFORM

ROOT = Path(__file__).parents[2]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """qcwy, in folders that may be changed."""
    folder, cases = tmp_path / "qcwy", tmp_path / "cases"
    shutil.copytree(ROOT / "spiders" / "qcwy", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "cases" / "qcwy", cases)
    return Site("qcwy", PLATFORM, folder, cases)


def problems(check: Callable[[Site], Iterator[str]], site: Site, **changes: Any) -> list[str]:
    return list(check(replace(site, platform=replace(site.platform, **changes)) if changes else site))


def test_a_healthy_site_has_no_problem(site: Site) -> None:
    assert {name: found for name, found in checks.check_site(site).items() if found} == {}


def test_a_missing_and_an_unknown_file_are_named(site: Site) -> None:
    (site.folder / "sign.py").rename(site.folder / "signing.py")
    found = problems(checks.check_structure, site)
    assert found[0] == "qcwy/sign.py is missing"
    assert found[1].startswith("qcwy/signing.py is none of the files a site has")


def test_a_name_that_differs_from_the_registry_is_named(site: Site) -> None:
    assert "PLATFORM.name is '51job', the registry says 'qcwy'" in problems(checks.check_structure, site, name="51job")


def test_a_spider_that_is_more_than_a_declaration_is_named(site: Site) -> None:
    (site.folder / "spider.py").write_text("#\n" * 36, "utf-8")
    assert "spider.py has 36 lines, 35 are enough for a declaration" in problems(checks.check_structure, site)


def test_half_a_pair_of_functions_is_named(site: Site) -> None:
    assert "company_request needs parse_company" in problems(checks.check_structure, site, parse_company=None)


def test_a_setting_nobody_reads_is_named(site: Site) -> None:
    found = problems(checks.check_structure, site, secret_setting="QCWY_SIGN_KYE")
    assert "secret_setting QCWY_SIGN_KYE is no field of jobdata_scrapy.config.Config" in found


def test_codes_with_an_unknown_city_a_number_or_a_double_code_are_named(site: Site) -> None:
    codes = {"_note": "", "cities": {"上海": "1", "北京": "1", "亚特兰蒂斯": "2"}, "filters": {"salary": {"1万": 7}}}
    (site.folder / "codes.json").write_text(json.dumps(codes), "utf-8")
    assert problems(checks.check_codes, site) == [
        "codes.json: _note is missing; it says where the codes come from",
        "codes.json: cities: the code 1 stands for several",
        "codes.json: filters.salary: '1万': 7 is not a label with a code (text)",
        "codes.json: cities has no 全国",
        "codes.json: cities: 亚特兰蒂斯 is no city of the national table",
        "PLATFORM.cities is not the table of codes.json",
    ]


def test_garbage_that_passes_for_healthy_is_named(site: Site) -> None:
    found = problems(checks.check_behaviour, site, verdict=lambda answer: Verdict.OK)
    assert "verdict: HTTP 403 with the search body b'' is OK" in found


def test_a_parser_that_takes_anything_is_named(site: Site) -> None:
    found = problems(checks.check_behaviour, site, parse_search=lambda body, page: SearchPage([], [], 0, None))
    assert "the search body b'null' is parsed without a ParseError" in found


def test_a_parser_that_raises_something_else_is_a_problem_of_its_own(site: Site) -> None:
    def parse(body: bytes, page: int) -> SearchPage:
        raise KeyError("x")

    broken = replace(site, platform=replace(site.platform, parse_search=parse))
    assert checks.check_site(broken)["behaviour"] == ["check_behaviour raised KeyError: 'x'"]


def test_a_request_that_does_not_page_is_named(site: Site) -> None:
    found = problems(checks.check_behaviour, site, search_request=lambda query, page: PLATFORM.search_request(query, 1))
    assert "search_request gives the same request for pages 1 and 2" in found


@pytest.mark.parametrize(
    ("paths", "problem"),
    [
        ((), "personal_paths is empty: recruiters' names, pictures, phone numbers and ids are to be named there"),
        (("hr name",), "'hr name' is not a dotted path such as company.contact.name or staff[].name"),
    ],
)
def test_personal_paths_that_say_nothing_are_named(site: Site, paths: tuple[str, ...], problem: str) -> None:
    assert problem in problems(checks.check_privacy, site, personal_paths=paths)


def test_a_case_that_fails_and_a_kind_without_a_case_are_named(site: Site) -> None:
    for folder in site.cases_folder.glob("sign_*"):
        shutil.rmtree(folder)
    case = site.cases_folder / "verdict_429" / "case.json"
    case.write_text(json.dumps({"kind": "verdict", "status": 429, "expected": {"verdict": "OK"}}), "utf-8")
    assert problems(checks.check_cases, site) == [
        "no case of the kind sign in cases/",
        "case verdict_429: verdict: 'RATE_LIMITED', expected 'OK'",
    ]


def test_places_to_fill_in_are_counted(site: Site) -> None:
    path = site.folder / "sign.py"
    path.write_text(path.read_text("utf-8") + "# FILL IN\n# FILL IN\n", "utf-8")
    assert problems(checks.check_finished, site) == ["qcwy/sign.py: 2 places to fill in"]


def test_a_platform_is_data_a_check_can_change() -> None:
    assert isinstance(replace(PLATFORM, name="x"), Platform)
