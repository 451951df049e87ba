"""Checks of a site's folder: its files, its spider, its functions, its tables of codes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from jobdata_scrapy.config import Config
from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.city import resolve_area
from jobdata_scrapy.platform import Platform
from spiders.cases import Site

FILES = ("__init__.py", "codes.json", "detect.py", "parse.py", "requests.py", "sign.py", "spider.py", "wire.py")
EXTRA_FILES = ("mapping.py",)  # where wire shapes are many
SPIDER_LINES = 35
NATIONWIDE = "全国"
SITE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def class_name(site_name: str) -> str:
    """The spider class of a site: `my_site` -> `MySiteSpider`."""
    return "".join(part.capitalize() for part in site_name.split("_")) + "Spider"


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
