"""What every site must keep, beyond what a type can say. Shared by `scrapy checkall` and the tests.

Each check returns its problems, one line each; empty when all is well.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.items import Company, Job, Page
from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.city import resolve_area
from jobdata_scrapy.page_steps import drop_path, strip_personal
from jobdata_scrapy.platform import Answer, PageKind, Platform, SignContext, Verdict
from spiders.cases import PARSED, Case, load_cases, run_case

FILES = ("__init__.py", "codes.json", "detect.py", "parse.py", "requests.py", "sign.py", "spider.py", "wire.py")
EXTRA_FILES = ("mapping.py",)  # where wire shapes are many
SPIDER_LINES = 35
NATIONWIDE = "全国"
FILL_IN = "FILL IN"
SITE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
PATH = re.compile(r"[A-Za-z_]\w*(\[\])?(\.[A-Za-z_]\w*(\[\])?)*")
GARBAGE = (b"", b"null", b"[]", b"{}", b'"text"', b'{"code":', b"\xff\xfe\x00", b"<html><body>hello</body></html>", b'{"a": [1]}')
STATUSES = (200, 302, 403, 404, 429, 500, 503)
HEALTHY = {Verdict.OK, Verdict.EMPTY, Verdict.CAPPED}
CONTEXT = SignContext(now=1_767_225_600.0, nonce="0" * 32, token="token", secret="secret", script_value="value")  # noqa: S106


@dataclass(frozen=True, slots=True)
class Site:
    """One registered site: its contract, its folder below spiders/ and the folder of its cases."""

    name: str
    platform: Platform
    folder: Path
    cases_folder: Path

    def cases(self) -> list[Case]:
        """The site's cases; none where the folder is missing."""
        return load_cases(self.cases_folder) if self.cases_folder.is_dir() else []


def class_name(site_name: str) -> str:
    """The spider class of a site: `my_site` -> `MySiteSpider`."""
    return "".join(part.capitalize() for part in site_name.split("_")) + "Spider"


def check_site(site: Site) -> dict[str, list[str]]:
    """Every check by name with its problems. A check that raises is a problem of its own."""
    return {name: _run(check, site) for name, check in CHECKS.items()}


def _run(check: Callable[[Site], Iterator[str]], site: Site) -> list[str]:
    try:
        return list(check(site))
    except Exception as error:  # a broken site must not hide what is wrong with the others
        return [f"{check.__name__} raised {type(error).__name__}: {error}"]


def check_structure(site: Site) -> Iterator[str]:
    """Folder, registry line, spider name and class name agree; functions that belong together are there together."""
    if not SITE_NAME.fullmatch(site.name):
        yield f"the name {site.name!r} is not lower-case words joined by underscores"
    present = {path.name for path in site.folder.iterdir() if path.is_file()} if site.folder.is_dir() else set()
    yield from (f"{site.folder.name}/{name} is missing" for name in FILES if name not in present)
    unknown = sorted(present - {*FILES, *EXTRA_FILES})
    yield from (f"{site.folder.name}/{name} is none of the files a site has: {', '.join(FILES)}" for name in unknown)
    if site.platform.name != site.name:
        yield f"PLATFORM.name is {site.platform.name!r}, the registry says {site.name!r}"
    yield from _check_spider(site)
    yield from _check_functions(site.platform)


def _check_spider(site: Site) -> Iterator[str]:
    module = import_module(f"spiders.{site.name}.spider")
    spider = getattr(module, class_name(site.name), None)
    if spider is None:
        yield f"spider.py has no class {class_name(site.name)}"
        return
    if spider.name != site.name:
        yield f"{spider.__name__}.name is {spider.name!r}, not {site.name!r}"
    if spider.platform is not site.platform:
        yield f"{spider.__name__}.platform is not the PLATFORM of this folder"
    lines = len((site.folder / "spider.py").read_text("utf-8").splitlines())
    if lines > SPIDER_LINES:
        yield f"spider.py has {lines} lines, {SPIDER_LINES} are enough for a declaration"


def _check_functions(platform: Platform) -> Iterator[str]:
    pairs = (
        ("detail_request", "parse_detail"),
        ("detail_batch_request", "split_detail_batch"),
        ("detail_batch_request", "detail_request"),
        ("company_request", "parse_company"),
        ("html_request", "parse_html"),
    )
    for one, other in pairs:
        if getattr(platform, one) is not None and getattr(platform, other) is None:
            yield f"{one} needs {other}"
    if platform.page_size < 1 or platform.result_cap < platform.page_size or platform.detail_batch_size < 1:
        yield "page_size, result_cap and detail_batch_size are at least 1, result_cap at least page_size"
    for role in ("token_setting", "secret_setting", "script_setting"):
        setting = getattr(platform, role)
        if setting and setting.lower() not in Config.model_fields:
            yield f"{role} {setting} is no field of jobdata_scrapy.config.Config"


def check_codes(site: Site) -> Iterator[str]:
    """codes.json: `_note` says where the codes come from, `cities` maps national names, `filters` label to code."""
    codes = json.loads((site.folder / "codes.json").read_bytes())
    if not isinstance(codes.get("_note"), str) or not codes["_note"].strip():
        yield "codes.json: _note is missing; it says where the codes come from"
    cities = codes.get("cities", {})
    yield from _check_table("cities", cities)
    yield from (
        f"codes.json: filters.{problem}" for name, table in codes.get("filters", {}).items() for problem in _bad(name, table)
    )
    if NATIONWIDE not in cities:
        yield f"codes.json: cities has no {NATIONWIDE}"
    yield from (f"codes.json: cities: {city} is no city of the national table" for city in cities if not _is_city(city))
    if dict(site.platform.cities) != cities:
        yield "PLATFORM.cities is not the table of codes.json"


def _check_table(name: str, table: dict[str, Any]) -> Iterator[str]:
    yield from (f"codes.json: {problem}" for problem in _bad(name, table))
    twice = [str(code) for code, count in Counter(map(str, table.values())).items() if count > 1]
    yield from (f"codes.json: {name}: the code {code} stands for several" for code in twice)


def _bad(name: str, table: object) -> Iterator[str]:
    if not isinstance(table, dict) or not table:
        yield f"{name} is not a filled object"
        return
    for label, code in table.items():
        if not label.strip() or not isinstance(code, str) or not code.strip():
            yield f"{name}: {label!r}: {code!r} is not a label with a code (text)"


def _is_city(name: str) -> bool:
    if name == NATIONWIDE:
        return True
    try:
        return bool(resolve_area(name, "").code)
    except UnreadableText:
        return False


def check_behaviour(site: Site) -> Iterator[str]:
    """Requests and signatures depend on nothing but their arguments; no garbage is healthy, and only ParseError comes of it."""
    platform = site.platform
    query = platform.query("C++ & 数据", next(iter(platform.cities)))
    first = platform.search_request(query, 1)
    if first != platform.search_request(query, 1):
        yield "search_request gives another request for the same search"
    if first == platform.search_request(query, 2):
        yield "search_request gives the same request for pages 1 and 2"
    if platform.sign(first, CONTEXT) != platform.sign(first, CONTEXT):
        yield "sign gives another result for the same context"
    for kind, parse in _parsers(platform):
        yield from _check_garbage(platform, kind, parse)


def _parsers(platform: Platform) -> Iterator[tuple[PageKind, Callable[[bytes], Any]]]:
    yield PageKind.SEARCH, lambda body: platform.parse_search(body, 1)
    if platform.parse_detail is not None:
        yield PageKind.DETAIL, platform.parse_detail
    if platform.parse_html is not None:
        yield PageKind.HTML, platform.parse_html
    if platform.parse_company is not None:
        yield PageKind.COMPANY, platform.parse_company


def _check_garbage(platform: Platform, kind: PageKind, parse: Callable[[bytes], Any]) -> Iterator[str]:
    for body in GARBAGE:
        for status in STATUSES:
            verdict = platform.verdict(Answer(status, {}, body, kind, platform.base_url))
            if verdict in HEALTHY:
                yield f"verdict: HTTP {status} with the {kind} body {body!r} is {verdict}"
        try:
            parse(body)
        except ParseError:
            continue
        yield f"the {kind} body {body!r} is parsed without a ParseError"


def check_privacy(site: Site) -> Iterator[str]:
    """Personal paths are declared, can be read, and hold nothing any more once a page has been stripped."""
    platform = site.platform
    if not platform.personal_paths:
        yield "personal_paths is empty: recruiters' names, pictures, phone numbers and ids are to be named there"
    for path in (*platform.personal_paths, *platform.free_text_paths):
        if not PATH.fullmatch(path):
            yield f"{path!r} is not a dotted path such as company.contact.name or staff[].name"
    for case in site.cases():
        for row in _parsed_rows(platform, case):
            yield from _check_stripped(platform, case, row)


def _parsed_rows(platform: Platform, case: Case) -> Iterator[Job | Company]:
    """The postings and companies of a case that has any."""
    parsers = dict(_parsers(platform))
    if case.kind not in parsers or case.data["expected"].get("error") or platform.verdict(case.answer()) not in PARSED:
        return
    if case.kind == PageKind.SEARCH:
        yield from platform.parse_search(case.body, case.data.get("page", 1)).jobs
    elif case.kind == PageKind.COMPANY:
        yield parsers[PageKind.COMPANY](case.body)
    else:
        detail = parsers[PageKind(case.kind)](case.body)
        yield from filter(None, (detail.job, detail.company))


def _check_stripped(platform: Platform, case: Case, row: Job | Company) -> Iterator[str]:
    page = Page(platform.name, case.kind, "", "", "", "", 1, datetime.now(UTC), platform.parser_version)
    page.jobs, page.companies = ([row], []) if isinstance(row, Job) else ([], [row])
    strip_personal(page, platform)
    left = deepcopy(row.raw)
    yield from (
        f"case {case.name}: {path} is still there after stripping"
        for path in platform.personal_paths
        if drop_path(left, path.split("."))
    )


def check_cases(site: Site) -> Iterator[str]:
    """Every case folder gives what it expects, and there is one of each kind the site can do."""
    cases, platform = site.cases(), site.platform
    needed = {"search", "request", "sign", "verdict"}
    needed |= {"detail"} if platform.parse_detail else set()
    needed |= {"html"} if platform.parse_html else set()
    needed |= {"company"} if platform.parse_company else set()
    missing = sorted(needed - {case.kind for case in cases})
    yield from (f"no case of the kind {kind} in {site.cases_folder.name}/" for kind in missing)
    for case in cases:
        yield from (f"case {case.name}: {line}" for line in run_case(platform, case))


def check_finished(site: Site) -> Iterator[str]:
    """No place is left that `scrapy newplatform` marked to be filled in."""
    for folder in (site.folder, site.cases_folder):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and path.suffix != ".pyc" and (count := path.read_bytes().count(FILL_IN.encode())):
                yield f"{path.relative_to(folder.parent)}: {count} place{'s' if count > 1 else ''} to fill in"


CHECKS: dict[str, Callable[[Site], Iterator[str]]] = {
    "structure": check_structure,
    "codes": check_codes,
    "behaviour": check_behaviour,
    "privacy": check_privacy,
    "cases": check_cases,
    "finished": check_finished,
}
