"""Words and places the postings are made of: `words.json`, `cities.json`."""

from __future__ import annotations

from functools import cache
from importlib import import_module, resources
from typing import Any

import orjson

from jobdata_scrapy.sandbox.draws import Weighted

COUNTRY = "全国"


def _read(name: str) -> Any:
    return orjson.loads(resources.files(__package__).joinpath(name).read_bytes())


WORDS: dict[str, Any] = _read("words.json")
SHARES = {
    site: {name: Weighted(WORDS[site][name]) for name in ("experience", "degree", "size", "stage", "type")}
    for site in ("boss", "qcwy", "zhilian")
}
CITIES: dict[str, dict[str, Any]] = _read("cities.json")
CITY_NAMES: tuple[str, ...] = tuple(name for name in CITIES if name != COUNTRY)


@cache
def city_names(site: str) -> dict[str, str]:
    """The site's own city code -> national name: our table, and whatever more the site's own registry entry knows."""
    names = {str(codes[site]): name for name, codes in CITIES.items()}
    if site == "zhilian":
        names["0"] = COUNTRY
    try:
        registry = import_module("spiders.registry")
    except ModuleNotFoundError as error:  # the sandbox runs without the spiders too
        if (error.name or "").partition(".")[0] != "spiders":
            raise
        return names
    platform = registry.PLATFORMS.get(site)
    return {code: name for name, code in platform.cities.items()} | names if platform else names
