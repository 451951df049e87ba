"""PLATFORMS: every site the project knows. A new site is its folder and one line here."""

from __future__ import annotations

from importlib import import_module

from jobdata_scrapy.platform import Platform

PLATFORMS: dict[str, Platform] = {
    name: import_module(f"spiders.{name}").PLATFORM
    for name in (
        "boss",
        "qcwy",
        "zhilian",
    )
}
