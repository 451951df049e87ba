"""Scrapy's own settings, and ours that are read as Scrapy's are: what is wrong in them is told before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from w3lib.url import file_uri_to_path

from jobdata_scrapy.exceptions import ConfigError
from jobdata_scrapy.writable import check_writable

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

SWITCHES = (
    "VALIDATE_ENABLED", "NORMALIZE_ENABLED", "DEDUP_ENABLED", "CLICKHOUSE_ENABLED", "ANOMALY_ENABLED", "PROGRESS_ENABLED",
    "MONITORS_ENABLED", "DRAIN_ENABLED", "ROBOTSTXT_OBEY",
)  # fmt: skip
NUMBERS = ("DOWNLOAD_TIMEOUT", "PROGRESS_LOG_SECONDS")
WHOLE_NUMBERS = ("PROGRESS_LOG_PAGES", "FEED_EXPORT_BATCH_ITEM_COUNT")
FORMATS = ("csv", "json", "jsonl", "jsonlines", "jl")


def check_scrapy_settings(settings: BaseSettings) -> None:
    """Refuses what Scrapy, or a component of ours, would stumble over in mid-start. Raises ConfigError naming the setting."""
    readers = (
        (SWITCHES, settings.getbool, "true or false"),
        (NUMBERS, settings.getfloat, "a number"),
        (WHOLE_NUMBERS, settings.getint, "a whole number"),
    )
    for names, read, allowed in readers:
        for name in names:
            try:
                read(name)
            except (TypeError, ValueError):
                raise ConfigError(f"{name}: {settings[name]!r} is not allowed; allowed: {allowed}") from None
    check_feeds(settings.getdict("FEEDS"))


def check_feeds(feeds: Mapping[Any, Mapping[str, Any] | None]) -> None:
    """Refuses a feed that no row could be written to. feeds: as in Scrapy's FEEDS. Raises ConfigError naming the feed.

    Files are looked at; what lies elsewhere (ftp, s3), or has placeholders in its name, shows only when it is written.
    """
    for uri, given in feeds.items():
        name, options = str(uri), given or {}
        kind = str(options.get("format") or Path(name).suffix.removeprefix("."))  # as Scrapy reads it
        if kind not in FORMATS:
            raise ConfigError(f"feed {name}: format {kind!r} has no rows of postings; allowed: {', '.join(FORMATS)}")
        if urlsplit(name).scheme in ("", "file") and "%(" not in name:
            path = Path(file_uri_to_path(name) if name.startswith("file:") else name)
            _check_file(path, kind, overwrites=bool(options.get("overwrite")))


def _check_file(path: Path, kind: str, *, overwrites: bool) -> None:
    if path.is_dir():
        raise ConfigError(f"feed {path}: is a folder; allowed: a file's name")
    check_writable("feed", path)
    if kind == "json" and not overwrites and path.is_file() and path.stat().st_size:
        raise ConfigError(f"feed {path}: is there already, and JSON cannot be added to; -O writes it anew, a .jsonl is added to")
