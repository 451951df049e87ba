"""Checks of what a site's functions do with answers: no garbage passes for healthy, nobody is left in what is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.items import Company, Job, Page
from jobdata_scrapy.page_steps import drop_path, strip_personal
from jobdata_scrapy.platform import Answer, PageKind, Platform, SignContext, Verdict
from spiders.cases import PARSED, Case, Site

PATH = re.compile(r"[A-Za-z_]\w*(\[\])?(\.[A-Za-z_]\w*(\[\])?)*")
GARBAGE = (b"", b"null", b"[]", b"{}", b'"text"', b'{"code":', b"\xff\xfe\x00", b"<html><body>hello</body></html>", b'{"a": [1]}')
STATUSES = (200, 302, 403, 404, 429, 500, 503)
HEALTHY = {Verdict.OK, Verdict.EMPTY, Verdict.CAPPED}
CONTEXT = SignContext(now=1_767_225_600.0, nonce="0" * 32, token="token", secret="secret", script_value="value")  # noqa: S106


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
