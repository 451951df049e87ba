"""What `-a` may say, checked before the first request. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.platform import MAX_KEYWORD_LENGTH, NATIONWIDE, Platform, Query, find_city

ALLOWED = ("keyword", "city", "pages", "details", "max_keywords", "max_minutes")
NAMED_ONLY = ("city", "pages")
SCRAPYD_OWN = ("_job", "_version")  # added by Scrapyd to every job
SEPARATORS = re.compile(r"[,，]")


class Details(StrEnum):
    """How single postings are asked: not at all, by the site's API, or in a browser as the page that people read."""

    NONE = ""
    API = "api"
    HTML = "html"


DETAILS = {
    **dict.fromkeys(("", "false", "0", "no"), Details.NONE),
    **dict.fromkeys(("true", "1", "yes", "api"), Details.API),
    "html": Details.HTML,
}


@dataclass(frozen=True, slots=True)
class CrawlArguments:
    """queries: every keyword in every city, none: the queue's; pages: list pages a search at most (0: all); details: how posting
    pages are asked; max_keywords, max_minutes: when a run over the queue leases no more (0: when the queue has none ready).
    """

    queries: tuple[Query, ...]
    pages: int = 0
    details: Details = Details.NONE
    max_keywords: int = 0
    max_minutes: int = 0


def read_arguments(platform: Platform, given: Mapping[str, str], config: Config) -> CrawlArguments:
    """Reads spider arguments. Raises ArgumentError with one line naming argument, value and what is allowed."""
    unknown = sorted(set(given) - {*ALLOWED, *SCRAPYD_OWN})
    if unknown:
        raise ArgumentError(f"{unknown[0]}: unknown argument; allowed: {', '.join(ALLOWED)}")
    details = _read_details(platform, given.get("details", ""))
    if "keyword" not in given:
        return _read_queue_arguments(given, details)
    for name in ("max_keywords", "max_minutes"):
        if name in given:
            raise ArgumentError(f"{name}: is for a run over the queue; leave out keyword, or leave out {name}")
    keywords = _read_keywords(given["keyword"])
    cities = _read_cities(platform, given.get("city", NATIONWIDE))
    queries = tuple(platform.query(keyword, city) for keyword in keywords for city in cities)
    pages = _read_number("pages", given["pages"]) if "pages" in given else config.max_pages
    return CrawlArguments(queries, pages, details)


def _read_queue_arguments(given: Mapping[str, str], details: Details) -> CrawlArguments:
    for name in NAMED_ONLY:
        if name in given:
            raise ArgumentError(f"{name}: needs a keyword; without one the run works off the queue (scrapy keywords list)")
    limits = {name: _read_number(name, given[name]) for name in ("max_keywords", "max_minutes") if name in given}
    return CrawlArguments((), details=details, **limits)


def _read_keywords(text: str) -> list[str]:
    keywords = _split(text)
    if not keywords:
        raise ArgumentError("keyword: is empty; give one, such as -a keyword=数据分析 (several are separated by commas)")
    for keyword in keywords:
        if len(keyword) > MAX_KEYWORD_LENGTH or not keyword.isprintable():
            raise ArgumentError(f"keyword: {keyword!r} must be 1 to {MAX_KEYWORD_LENGTH} printable characters")
    return keywords


def _read_cities(platform: Platform, text: str) -> list[str]:
    cities = [find_city(platform, city) for city in _split(text)]
    if not cities:
        raise ArgumentError(f"city: is empty; give a city such as 上海, or leave it out for {NATIONWIDE}")
    return list(dict.fromkeys(cities))  # 上海 and 上海市 are one


def _read_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentError(f"{name}: {text!r} must be a whole number from 1; leave it out for no limit")
    return int(text)


def _read_details(platform: Platform, text: str) -> Details:
    details = DETAILS.get(text.strip().lower())
    if details is None:
        raise ArgumentError(f"details: {text!r} must be true, false or html")
    if details is Details.API and platform.detail_request is None:
        raise ArgumentError(f"details: {platform.name} has no posting page to ask; its list rows carry the whole posting")
    if details is Details.HTML and platform.html_request is None:
        raise ArgumentError(f"details: {platform.name} has no posting page for a browser; allowed here: true, false")
    return details


def _split(text: str) -> list[str]:
    parts = [part.strip() for part in SEPARATORS.split(text)]
    return list(dict.fromkeys(part for part in parts if part))
