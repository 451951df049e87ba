"""What is asked of zhipin.com: the mini program's endpoints. Nothing here is secret; the session token comes with `sign`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jobdata_scrapy.exceptions import ArgumentError, ParseError
from jobdata_scrapy.items import Job
from jobdata_scrapy.platform import PageKind, Query, RequestSpec

SEARCH_PATH = "/wapi/zpgeek/miniapp/search/joblist.json"
DETAIL_PATH = "/wapi/zpgeek/miniapp/job/detail.json"
BATCH_PATH = "/wapi/batch/batchRunV3"
COMPANY_PATH = "/wapi/zpgeek/miniapp/brand/detail.json"
APP_ID = "10002"

PAGE_SIZE = 15  # what the mini program itself asks for; other sizes were seen, none is confirmed
RESULT_CAP = 300  # a capture advertises resCount 450 and totalCount 300
BATCH_SIZE = 5

CODES: dict[str, Any] = json.loads(files("spiders.boss").joinpath("codes.json").read_text("utf-8"))
CITIES: dict[str, str] = CODES["cities"]
FILTERS: dict[str, dict[str, str]] = {**CODES["filters"], "industry": {name: code for code, name in CODES["industries"].items()}}
OPEN_FILTERS = frozenset(
    {"districtCode", "businessCode", "position", "subwayLineId", "subwayStationId"}
)  # codes we hold no table of


def search_request(query: Query, page: int) -> RequestSpec:
    """List page `page` (from 1). Filters are (parameter, code) pairs, several codes joined by commas.

    Raises ArgumentError for a filter or code the site does not know.
    """
    for name, code in query.filters:
        _check_filter(name, code)
    params = (
        ("query", query.keyword),
        ("city", query.city_code),
        ("page", str(page)),
        ("pageSize", str(PAGE_SIZE)),
        ("sortType", "0"),
        *query.filters,
        ("appId", APP_ID),
    )
    return RequestSpec(PageKind.SEARCH, SEARCH_PATH, params=params)


def detail_request(job: Job) -> RequestSpec:
    """One posting. Needs the ticket of the list row: the id alone is not enough. Raises ParseError when it has none."""
    return RequestSpec(PageKind.DETAIL, DETAIL_PATH, params=_detail_params(job))


def detail_batch_request(jobs: Sequence[Job]) -> RequestSpec:
    """Several postings in one request: each sub-call is a string `method=<path>&<its query>`, all of them one JSON array."""
    feed = [f"method={DETAIL_PATH}&{urlencode(_detail_params(job))}" for job in jobs]
    params = (("batch_method_feed", json.dumps(feed, separators=(",", ":"))), ("appId", APP_ID))
    return RequestSpec(PageKind.DETAIL_BATCH, BATCH_PATH, params=params)


def company_request(company_id: str) -> RequestSpec:
    """The profile of the company with this encryptBrandId."""
    return RequestSpec(PageKind.COMPANY, COMPANY_PATH, params=(("brandId", company_id), ("appId", APP_ID)))


def _detail_params(job: Job) -> tuple[tuple[str, str], ...]:
    if "securityId" not in job.ticket:
        raise ParseError("boss", PageKind.SEARCH, "securityId", f"missing: posting {job.job_id} cannot be asked for")
    return (
        ("securityId", job.ticket["securityId"]),
        ("jobId", job.job_id),
        ("lid", job.ticket.get("lid", "")),
        ("source", "10"),
        ("scene", ""),
        ("appId", APP_ID),
    )


def _check_filter(name: str, codes: str) -> None:
    if name in OPEN_FILTERS:
        return
    if name not in FILTERS:
        raise ArgumentError(f"filter {name!r}: boss knows {', '.join(sorted({*FILTERS, *OPEN_FILTERS}))}")
    allowed = FILTERS[name]
    unknown = set(codes.split(",")) - set(allowed.values())
    if unknown:
        shown = ", ".join(f"{code} ({label})" for label, code in allowed.items())
        raise ArgumentError(f"filter {name}={','.join(sorted(unknown))}: boss knows {shown}")
