"""Checks of the site and city that a person names, against the registry."""

from __future__ import annotations

import difflib

from jobdata_scrapy.db.keyword_list import NATIONWIDE
from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.platform import Platform


def find_platform(name: str) -> Platform:
    """The site, by its name or as people write it ("Boss直聘"). Raises ArgumentError."""
    from spiders.registry import PLATFORMS  # late: `--help` needs no site

    titles = {platform.title.lower(): platform for platform in PLATFORMS.values()}
    platform = PLATFORMS.get(name.strip().lower()) or titles.get(name.strip().lower())
    if platform is None:
        raise ArgumentError(f"platform: {name!r} is unknown; allowed: {', '.join(sorted(PLATFORMS))}")
    return platform


def check_search(platform_name: str, city: str) -> tuple[str, str]:
    """Both as the registry names them; "" as city is the whole country. Raises ArgumentError naming what is allowed."""
    platform = find_platform(platform_name)
    wanted = city.strip() or NATIONWIDE
    found = wanted if wanted in platform.cities else wanted.removesuffix("市")
    if found not in platform.cities:
        near = difflib.get_close_matches(found, platform.cities, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"{len(platform.cities)} are known, such as 北京, 上海, 深圳"
        raise ArgumentError(f"city: {city!r} is unknown to {platform.name}; {hint}")
    return platform.name, found
