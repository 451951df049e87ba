"""What is asked of 51job: a list page and a company profile. Pure; `sign` turns the list request into the signed one.

A list row carries the whole description, so that no posting page is needed.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any
from urllib.parse import quote

import msgspec

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.platform import PageKind, Query, RequestSpec

PAGE_SIZE = 50
SEARCH_PATH = "/pc/open/noauth/search-h5"
COMPANY_PATH = "/pc/open/noauth/company-info/pc-info"


CODES: dict[str, Any] = msgspec.json.decode(files("spiders.qcwy").joinpath("codes.json").read_bytes())
CITIES: dict[str, str] = CODES["cities"]
FILTERS: dict[str, dict[str, str]] = CODES["filters"]

_PROPERTY = {
    "partner": "",
    "webId": 2,
    "fromdomain": "51job_web",
    "frompageUrl": "https://we.51job.com/",
    "pageUrl": "https://we.51job.com/pc/search",
    "identityType": "",
    "userType": "",
    "isLogin": "否",
    "accountid": "",
}
HEADERS = (
    ("Accept", "application/json, text/plain, */*"),
    ("From-Domain", "51job_web"),
    ("Referer", "https://we.51job.com/"),
    ("property", quote(msgspec.json.encode(_PROPERTY).decode(), safe="")),
)


def search_request(query: Query, page: int) -> RequestSpec:
    """List page `page` (from 1) of the open endpoint. Filters are (parameter, code) pairs, several codes joined by commas.

    Raises ArgumentError for a filter or code the site does not know.
    """
    for name, codes in query.filters:
        _check_filter(name, codes)
    params = (
        ("api_key", "51job"),
        ("searchType", "2"),
        ("keyword", query.keyword),
        ("jobArea", query.city_code),
        *query.filters,
        ("sortType", "0"),
        ("pageNum", str(page)),
        ("pageSize", str(PAGE_SIZE)),
        ("source", "3"),
    )
    return RequestSpec(PageKind.SEARCH, SEARCH_PATH, params=params, headers=HEADERS)


def company_request(company_id: str) -> RequestSpec:
    """The profile behind `company_id` (a posting's encCoId). The parameter's name is inferred: no capture shows it."""
    return RequestSpec(PageKind.COMPANY, COMPANY_PATH, params=(("api_key", "51job"), ("encCoId", company_id)), headers=HEADERS)


def _check_filter(name: str, codes: str) -> None:
    if name not in FILTERS:
        raise ArgumentError(f"qcwy has no filter {name!r}; it has: {', '.join(FILTERS)}")
    allowed = {code: text for text, code in FILTERS[name].items()}
    for code in codes.split(","):
        if code not in allowed:
            known = ", ".join(f"{code} {text}" for code, text in allowed.items())
            raise ArgumentError(f"qcwy filter {name!r} does not know the code {code!r}; it knows: {known}")
