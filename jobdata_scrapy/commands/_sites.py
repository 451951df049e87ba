"""Checks of the site and city that a person names, against the registry."""

from __future__ import annotations

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.platform import Platform, find_city


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
    return platform.name, find_city(platform, city)
