"""What is asked of zhaopin.com: a list page (POST) and a posting (GET). Pure; `sign` adds the identifiers of each request.

There is no company page of its own: the posting's answer carries the company.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any
from urllib.parse import quote

import msgspec

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.items import Job
from jobdata_scrapy.platform import PageKind, Query, RequestSpec

PAGE_SIZE = 20
SEARCH_PATH = "/c/i/search/positions"
DETAIL_PATH = "/c/i/jobs/position-detail-new"
WEB = "www"  # the host of the pages that people read
STATE = "__INITIAL_STATE__"

CODES: dict[str, Any] = msgspec.json.decode(files("spiders.zhilian").joinpath("codes.json").read_bytes())
CITIES: dict[str, str] = CODES["cities"]
FILTERS: dict[str, dict[str, str]] = CODES["filters"]
OPEN_FILTERS = frozenset({"S_SOU_SALARY", "S_SOU_INDUSTRY", "S_SOU_JOB_TYPE"})  # a band "15001,25000", codes we hold no table of

HEADERS = (
    ("Accept", "application/json, text/plain, */*"),
    ("Origin", "https://www.zhaopin.com"),
    ("Referer", "https://www.zhaopin.com/"),
    ("x-zp-business-system", "1"),
    ("x-zp-page-code", "4019"),
    ("x-zp-platform", "13"),
)


def search_request(query: Query, page: int) -> RequestSpec:
    """List page `page` (from 1). Filters are (body field, code) pairs, several codes joined by commas.

    Raises ArgumentError for a filter or code the site does not know.
    """
    for name, codes in query.filters:
        _check_filter(name, codes)
    body = {
        "S_SOU_FULL_INDEX": query.keyword,
        "S_SOU_WORK_CITY": query.city_code,
        **dict(query.filters),
        "order": 4,
        "pageSize": PAGE_SIZE,
        "pageIndex": page,
        "eventScenario": "pcSearchedSouSearch",
        "anonymous": 1,
        "clickFilterBlackCompany": False,
        "sortType": "DEFAULT",
        "platform": 13,
        "version": "0.0.0",
    }
    return RequestSpec(
        PageKind.SEARCH,
        SEARCH_PATH,
        method="POST",
        headers=(*HEADERS, ("Content-Type", "application/json")),
        body=msgspec.json.encode(body),
    )


def detail_request(job: Job) -> RequestSpec:
    """One posting, by its number alone."""
    return RequestSpec(PageKind.DETAIL, DETAIL_PATH, params=(("number", job.job_id),), headers=HEADERS)


def html_request(job: Job) -> RequestSpec:
    """The posting's public page. Without a query: robots.txt of that host refuses every address with one."""
    headers = (("Accept", "text/html"), ("Accept-Language", "zh-CN"))
    path = f"/jobdetail/{quote(job.job_id, safe='')}.htm"
    return RequestSpec(PageKind.HTML, path, headers=headers, host=WEB, needs_browser=True, state=STATE)


def _check_filter(name: str, codes: str) -> None:
    if name in OPEN_FILTERS:
        return
    if name not in FILTERS:
        raise ArgumentError(f"zhilian has no filter {name!r}; it has: {', '.join((*FILTERS, *sorted(OPEN_FILTERS)))}")
    allowed = {code: text for text, code in FILTERS[name].items()}
    for code in codes.split(","):
        if code not in allowed:
            known = ", ".join(f"{code} {text}" for code, text in allowed.items())
            raise ArgumentError(f"zhilian filter {name!r} does not know the code {code!r}; it knows: {known}")
