"""`scrapy lifecycle show SITE JOB_ID`: what became of one posting."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._sites import find_platform
from jobdata_scrapy.commands._subcommands import (
    LineParser,
    make_parser,
    print_json,
    print_table,
    run_subcommand,
    say,
    show_value,
)
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.report.text import clean_text
from jobdata_scrapy.warehouse.client import connect, describe_error
from jobdata_scrapy.warehouse.lifecycle import PostingHistory, read_history
from jobdata_scrapy.warehouse.lifecycle_rule import LifecycleRule

ATTEMPTS = 3  # somebody is waiting at the terminal
MAX_TEXT = 20_000
SHOWN = 60  # characters of a value
LEAD = 10  # of these, before the first difference
COLUMNS = ("when", "row", "field", "before", "after")


class Command(OneLineErrors, ScrapyCommand):
    """Code 1 for a posting that is not known."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "show SITE JOB_ID [--json]"

    def short_desc(self) -> str:
        return "Show when a posting was seen, what changed in it, and whether it was closed"

    def long_desc(self) -> str:
        return (
            f"{self.short_desc()}. It counts as closed once complete, healthy crawls of its searches no longer show it "
            "(CLOSED_AFTER_ROUNDS), or its own page says so."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        run_subcommand(self, build_parser(), args)


def build_parser() -> LineParser:
    """The words that are understood."""
    parser, add = make_parser("scrapy lifecycle")
    one = add("show", show_posting)
    one.add_argument("site")
    one.add_argument("job_id")
    one.add_argument("--json", action="store_true")
    return parser


def show_posting(config: Config, given: argparse.Namespace) -> None:
    """Its sightings, its versions with what changed. Raises StorageError for one that is not known."""
    platform = find_platform(given.site).name
    history = _ask(config, platform, given.job_id)
    if history is None:
        raise StorageError(f"{platform} {given.job_id}: no such posting was ever stored")
    if given.json:
        print_json(_as_json(history))
        return
    _say_lifecycle(history)
    print_table(COLUMNS, list(_rows(history)))


def _ask(config: Config, platform: str, job_id: str) -> PostingHistory | None:
    client = connect(config, attempts=ATTEMPTS)
    try:
        return read_history(client, platform, job_id, LifecycleRule.from_config(config), datetime.now(UTC))
    except DatabaseError as error:
        raise StorageError(f"{describe_error(error)}; `scrapy warehouse migrate` makes the tables that are missing") from None
    finally:
        client.close()


def _say_lifecycle(history: PostingHistory) -> None:
    title = clean_text(history.versions[-1].version.values["title"], SHOWN) if history.versions else ""
    say(f"{history.platform} {history.job_id}  {title}".rstrip())
    lifecycle = history.lifecycle
    if lifecycle is None:
        say("never sighted on a list: nothing is known of when it was open")
        return
    closed = f"closed {show_value(lifecycle.closed_at)}" if lifecycle.closed_at else "open, as far as is known"
    say(
        f"first seen {show_value(lifecycle.first_seen)}, last seen {show_value(lifecycle.last_seen)}, "
        f"in {lifecycle.sightings} rounds",
        f"found by {', '.join(f'{clean_text(keyword, SHOWN)} / {city}' for keyword, city in history.searches)}",
        closed,
    )
    for closed_at, again_at in lifecycle.closures:
        if again_at is not None:
            say(f"was closed {show_value(closed_at)}, seen again {show_value(again_at)}")


def _rows(history: PostingHistory) -> Iterator[list[object]]:
    known: set[str] = set()
    for one in history.versions:
        when, kind = one.version.crawled_at, one.version.page_kind
        row = [when, "list" if kind == "search" else kind]
        if kind not in known:
            yield [*row, "(first version)", "", _show(one.version.values["salary_text"])]
        known.add(kind)
        yield from ([*row, change.field, *_show_change(_show(change.old), _show(change.new))] for change in one.changes)


def _show(value: Any) -> str:
    return clean_text("、".join(value) if isinstance(value, list | tuple) else value, MAX_TEXT)


def _show_change(old: str, new: str) -> tuple[str, str]:
    """Both shortened; of long texts the place where they begin to differ."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    if max(len(old), len(new)) > SHOWN and same > LEAD:
        old, new = (f"…{text[same - LEAD :]}" for text in (old, new))
    return clean_text(old, SHOWN), clean_text(new, SHOWN)


def _as_json(history: PostingHistory) -> dict[str, Any]:
    lifecycle = history.lifecycle
    told = None
    if lifecycle is not None:
        names = ("first_seen", "last_seen", "sightings", "closed_at", "reopened_at", "reopened")
        told = {name: getattr(lifecycle, name) for name in names}
        told["closures"] = [{"closed_at": closed, "seen_again_at": again} for closed, again in lifecycle.closures]
    versions = [asdict(one.version) | {"changes": [asdict(change) for change in one.changes]} for one in history.versions]
    searches = [{"keyword": keyword, "city": city} for keyword, city in history.searches]
    return {
        "platform": history.platform,
        "job_id": history.job_id,
        "lifecycle": told,
        "searches": searches,
        "versions": versions,
    }
