"""`scrapy locks list|open|close|events`: where the fleet stands still, and what was seen."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._sites import find_platform
from jobdata_scrapy.commands._subcommands import (
    LineParser,
    make_parser,
    opened,
    print_json,
    print_table,
    run_subcommand,
    say,
    show_value,
)
from jobdata_scrapy.config import Config
from jobdata_scrapy.db import site_locks
from jobdata_scrapy.db.anomalies import list_anomalies
from jobdata_scrapy.exceptions import ArgumentError

EVENTS = 50
MAX_MINUTES = 7 * 24 * 60
COLUMNS = ("key", "state", "open_until", "trips", "probe_owner", "reason")
EVENT_COLUMNS = ("at", "platform", "verdict", "exit_name", "token_name", "keyword", "city", "run_id", "seen", "reason")
USAGE = (
    "list [--json]; open KEY [--reason TEXT] [--minutes N]; close KEY; events [PLATFORM] [--limit N] [--json]. "
    "KEY is PLATFORM, 'PLATFORM|exit=NAME' or 'PLATFORM|token=NAME'."
)


class Command(OneLineErrors, ScrapyCommand):
    """Each subcommand is a function below; errors are one line."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "list|open|close|events ..."

    def short_desc(self) -> str:
        return "Show, open and close the locks of sites; show what the anomaly detector saw"

    def long_desc(self) -> str:
        return f"{self.short_desc()}. {USAGE}"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        run_subcommand(self, build_parser(), args)


def build_parser() -> LineParser:
    """The words that are understood."""
    parser, add = make_parser("scrapy locks")
    add("list", list_all).add_argument("--json", action="store_true")
    one = add("open", open_one)
    one.add_argument("key")
    one.add_argument("--reason", default="opened by hand")
    one.add_argument("--minutes", type=float, default=None)
    add("close", close_one).add_argument("key")
    one = add("events", show_events)
    one.add_argument("platform", nargs="?", default="")
    one.add_argument("--limit", type=int, default=EVENTS)
    one.add_argument("--json", action="store_true")
    return parser


def list_all(config: Config, given: argparse.Namespace) -> None:
    """Every lock that was ever opened."""
    now = datetime.now(UTC)
    with opened(config) as database:
        locks = site_locks.list_locks(database)
    rows = [[one.key, site_locks.state_of(one, now).value, *(getattr(one, name) for name in COLUMNS[2:])] for one in locks]
    if given.json:
        print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    elif rows:
        print_table(COLUMNS, rows)
    else:
        say("no lock was ever opened")


def open_one(config: Config, given: argparse.Namespace) -> None:
    """No process asks there until the time is over and one probe was healthy."""
    if given.minutes is not None and not 0 < given.minutes <= MAX_MINUTES:
        raise ArgumentError(f"minutes: {given.minutes:g} must be above 0 and at most {MAX_MINUTES}")
    key = check_key(given.key)
    seconds = given.minutes * 60 if given.minutes is not None else None
    with opened(config) as database:
        until = site_locks.trip_lock(database, key, given.reason, config.lock_seconds, seconds=seconds)
    say(f"{key}: open until {show_value(until)}")


def close_one(config: Config, given: argparse.Namespace) -> None:
    """At once."""
    key = check_key(given.key)
    with opened(config) as database:
        closed = site_locks.close_lock(database, key)
    say(f"{key}: {'closed' if closed else 'was not open'}")


def show_events(config: Config, given: argparse.Namespace) -> None:
    """The newest first."""
    platform = find_platform(given.platform).name if given.platform else ""
    with opened(config) as database:
        events = list_anomalies(database, platform, given.limit)
    if given.json:
        print_json(events)
    elif events:
        shown = [{name: getattr(one, name) for name in EVENT_COLUMNS} for one in events]
        rows = [row | {"seen": " ".join(f"{name}={value:g}" for name, value in row["seen"].items())} for row in shown]
        print_table(EVENT_COLUMNS, [list(row.values()) for row in rows])
    else:
        say("no anomaly was seen")


def check_key(key: str) -> str:
    """The key of a lock, its site known. Raises ArgumentError naming what is allowed."""
    platform, mark, rest = key.partition("|")
    kind, _, name = rest.partition("=")
    if mark and (kind not in ("exit", "token") or not name):
        raise ArgumentError(f"key: {key!r} is not PLATFORM, 'PLATFORM|exit=NAME' or 'PLATFORM|token=NAME'")
    return find_platform(platform).name + mark + rest
