"""What `-a` may say, checked before the first request. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.platform import Platform, Query

NATIONWIDE = "全国"
MAX_KEYWORD_LENGTH = 64
ALLOWED = ("keyword", "city", "pages", "details")
SEPARATORS = re.compile(r"[,，]")
BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


@dataclass(frozen=True, slots=True)
class CrawlArguments:
    """queries: every keyword in every city; pages: list pages a search at most (0: all); details: ask posting pages, too."""

    queries: tuple[Query, ...]
    pages: int = 0
    details: bool = False


def read_arguments(platform: Platform, given: Mapping[str, str], config: Config) -> CrawlArguments:
    """Reads spider arguments. Raises ArgumentError with one line naming argument, value and what is allowed."""
    unknown = sorted(set(given) - set(ALLOWED))
    if unknown:
        raise ArgumentError(f"{unknown[0]}: unknown argument; allowed: {', '.join(ALLOWED)}")
    keywords = _read_keywords(given.get("keyword", ""))
    cities = _read_cities(platform, given.get("city", NATIONWIDE))
    details = _read_boolean("details", given.get("details", ""))
    if details and platform.detail_request is None:
        raise ArgumentError(f"details: {platform.name} has no posting page to ask; its list rows carry the whole posting")
    queries = tuple(platform.query(keyword, city) for keyword in keywords for city in cities)
    return CrawlArguments(queries, _read_pages(given.get("pages"), config), details)


def _read_keywords(text: str) -> list[str]:
    keywords = _split(text)
    if not keywords:
        raise ArgumentError("keyword: is empty; give one, such as -a keyword=数据分析 (several are separated by commas)")
    for keyword in keywords:
        if len(keyword) > MAX_KEYWORD_LENGTH or not keyword.isprintable():
            raise ArgumentError(f"keyword: {keyword!r} must be 1 to {MAX_KEYWORD_LENGTH} printable characters")
    return keywords


def _read_cities(platform: Platform, text: str) -> list[str]:
    cities = [city.removesuffix("市") if city not in platform.cities else city for city in _split(text)]
    if not cities:
        raise ArgumentError(f"city: is empty; give a city such as 上海, or leave it out for {NATIONWIDE}")
    for city in cities:
        if city not in platform.cities:
            near = difflib.get_close_matches(city, platform.cities, n=3, cutoff=0.4)
            hint = f"did you mean {', '.join(near)}?" if near else f"{len(platform.cities)} are known, such as 北京, 上海, 深圳"
            raise ArgumentError(f"city: {city!r} is unknown to {platform.name}; {hint}")
    return cities


def _read_pages(text: str | None, config: Config) -> int:
    if text is None:
        return config.max_pages
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentError(f"pages: {text!r} must be a whole number from 1; leave it out to read to the site's end")
    return int(text)


def _read_boolean(name: str, text: str) -> bool:
    value = BOOLEANS.get(text.strip().lower())
    if value is None:
        raise ArgumentError(f"{name}: {text!r} must be true or false")
    return value


def _split(text: str) -> list[str]:
    parts = [part.strip() for part in SEPARATORS.split(text)]
    return list(dict.fromkeys(part for part in parts if part))
