"""Scrapy's own settings, and ours that are read as Scrapy's are: what is wrong in them is told before anything is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
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
NUMBERS = ("PROGRESS_LOG_SECONDS",)
WHOLE_NUMBERS = ("PROGRESS_LOG_PAGES",)
FRACTIONS = ("DNS_TIMEOUT", "DOWNLOAD_DELAY", "DOWNLOAD_TIMEOUT")
"""Scrapy's own with a whole number for default, read as any number."""
FORMATS = ("csv", "json", "jsonl", "jsonlines", "jl")


def check_scrapy_settings(settings: BaseSettings, defaults: Mapping[str, Any]) -> None:
    """Refuses what Scrapy, or a component of ours, would stumble over in mid-start. Raises ConfigError naming the setting.

    defaults: Scrapy's own, which tell what each of its settings is read as.
    """
    scrapys = [(name, _kind(name, default)) for name, default in defaults.items() if name.isupper()]
    ours = {bool: SWITCHES, float: NUMBERS, int: WHOLE_NUMBERS}
    readers: dict[type, tuple[Callable[[str], Any], str]] = {
        bool: (settings.getbool, "true or false"),
        float: (settings.getfloat, "a number"),
        int: (settings.getint, "a whole number"),
    }
    for name, kind in [*scrapys, *((name, kind) for kind, names in ours.items() for name in names)]:
        if kind in readers and settings[name] is not None:
            read, allowed = readers[kind]
            _try(partial(read, name), name, settings[name], allowed)
    level = settings["LOG_LEVEL"]
    _try(partial(logging.NullHandler().setLevel, level), "LOG_LEVEL", level, "DEBUG, INFO, WARNING, ERROR, CRITICAL")
    if settings["LOG_FILE"]:
        _check_log(Path(settings["LOG_FILE"]))
    check_feeds(settings.getdict("FEEDS"))


def _kind(name: str, default: object) -> type:
    """What a setting of Scrapy's is read as, by its default."""
    if name in FRACTIONS:
        return float
    return bool if name.endswith("_ENABLED") else type(default)


def _try(read: Callable[[], Any], name: str, value: object, allowed: str) -> None:
    try:
        read()
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"{name}: {value!r} is not allowed; allowed: {allowed}") from None


def _check_log(path: Path) -> None:
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except OSError as error:
        raise ConfigError(f"LOG_FILE {path}: cannot be written: {error.strerror}") from None
    if is_folder or not has_folder:
        why = "it is a folder" if is_folder else f"there is no folder {path.parent}"
        raise ConfigError(f"LOG_FILE {path}: cannot be written: {why}")
    check_writable("LOG_FILE", path)


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
