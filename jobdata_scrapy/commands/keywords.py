"""`scrapy keywords add|import|list|show|retry|pause|resume|remove`: the queue of keywords."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import peewee as pw
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._sites import check_search, find_platform
from jobdata_scrapy.commands._subcommands import (
    LineParser,
    make_parser,
    opened,
    print_json,
    print_table,
    read_limit,
    run_subcommand,
    say,
    show_value,
)
from jobdata_scrapy.config import Config
from jobdata_scrapy.db import keyword_list
from jobdata_scrapy.db.coverage import keyword_rounds
from jobdata_scrapy.db.keyword_import import read_keyword_file
from jobdata_scrapy.db.keyword_list import KeywordFilter, Outcome, add_keywords, read_keyword
from jobdata_scrapy.db.keyword_states import KeywordState
from jobdata_scrapy.db.models import Keyword
from jobdata_scrapy.exceptions import ArgumentError

SEPARATORS = re.compile(r"[,，]")
LISTED = 100
ROUNDS_SHOWN = 10
COLUMNS = ("id", "platform", "keyword", "city", "state", "priority", "interval", "due_at", "last_error")
SHOWN = (
    *COLUMNS,
    "attempts",
    "round",
    "round_at",
    "not_before",
    "owner",
    "node",
    "job",
    "lease_until",
    "created_at",
    "updated_at",
)

USAGE = (
    "add PLATFORM KEYWORD[,KEYWORD] [--city A,B] [--interval daily|6h|'0 2 * * *'] [--priority 0-9]; "
    "import FILE.csv|.xlsx [--platform PLATFORM]; list [PLATFORM [KEYWORD ...]] [--city] [--state] [--limit] [--json]; "
    "show PLATFORM KEYWORD [--city]; retry|pause|resume PLATFORM [KEYWORD ...] [--city] [--state]; "
    "remove PLATFORM [KEYWORD ... | --all] [--city] [--state] [--force]."
)


class Command(OneLineErrors, ScrapyCommand):
    """Each subcommand is a function below; errors are one line."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "add|import|list|show|retry|pause|resume|remove ..."

    def short_desc(self) -> str:
        return "Add keywords to the queue, look at them, revive, pause or remove them"

    def long_desc(self) -> str:
        return f"{self.short_desc()}. {USAGE} `scrapy crawl PLATFORM` works the queue off."

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        run_subcommand(self, build_parser(), args)


def build_parser() -> LineParser:
    """The words that are understood."""
    parser, add = make_parser("scrapy keywords")
    one = add("add", add_words)
    one.add_argument("platform")
    one.add_argument("keyword")
    one.add_argument("--city", default="")
    one.add_argument("--interval", default="")
    one.add_argument("--priority", default="")
    one = add("import", import_file)
    one.add_argument("file", type=Path)
    one.add_argument("--platform", default="")
    for name, action in (
        ("list", list_all),
        ("show", show),
        ("retry", retry),
        ("pause", pause),
        ("resume", resume),
        ("remove", remove),
    ):
        one = add(name, action)
        one.add_argument("platform", nargs="?" if name == "list" else None, default="")
        one.add_argument("keyword", nargs="+" if name == "show" else "*")
        one.add_argument("--city", default="")
        one.add_argument("--state", default="", choices=[state.value for state in KeywordState])
        one.add_argument("--json", action="store_true")
        one.add_argument("--limit", type=read_limit, default=LISTED)
        one.add_argument("--all", action="store_true")
        one.add_argument("--force", action="store_true")
    return parser


def add_words(config: Config, given: argparse.Namespace) -> None:
    """Every keyword in every city."""
    cities = [check_search(given.platform, city) for city in _split(given.city) or [""]]
    new = [
        read_keyword(platform, word, city, given.interval, given.priority)
        for word in _split(given.keyword) or [given.keyword]
        for platform, city in cities
    ]
    with opened(config) as database:
        outcomes = add_keywords(database, new)
    say(*(f"{one.platform} {one.keyword} {one.city}: {outcome}" for one, outcome in zip(new, outcomes, strict=True)))


def import_file(config: Config, given: argparse.Namespace) -> int:
    """The good lines; each bad one is told, and why, and makes the exit code 1."""
    platform = find_platform(given.platform).name if given.platform else ""
    found = read_keyword_file(given.file, check_search, platform=platform)
    with opened(config) as database:
        outcomes = Counter(add_keywords(database, found.keywords))
    say(*(f"line {bad.line}: {bad.reason}" for bad in found.bad))
    say(", ".join(f"{outcomes[outcome]} {outcome}" for outcome in Outcome) + f", {len(found.bad)} bad lines left out")
    return 1 if found.bad else 0


def list_all(config: Config, given: argparse.Namespace) -> None:
    """Keywords, and how many are in which state."""
    which = _filter(given)
    with opened(config) as database:
        rows = keyword_list.list_keywords(database, which, given.limit)
        counts = keyword_list.count_keywords(database, which)
    if given.json:
        print_json([_fields(row, SHOWN) for row in rows])
        return
    print_table(
        ["id", "platform", "keyword", "city", "state", "prio", "interval", "due", "error"],
        [[_cell(row, name) for name in COLUMNS] for row in rows],
    )
    if not rows:
        asked = given.platform or given.keyword or given.city or given.state
        say("no keyword is like that" if asked else "no keywords: `scrapy keywords add` adds some")
        return
    say(", ".join(f"{count} {state}" for state, count in counts.items()))
    if len(rows) < (total := sum(counts.values()) - counts.get("paused", 0)):  # paused ones are in another state, too
        say(f"these are the first {len(rows)} of {total}: --limit shows more")


def show(config: Config, given: argparse.Namespace) -> None:
    """All that is known of a keyword, and its last rounds."""
    with opened(config) as database:
        rows = keyword_list.list_keywords(database, _filter(given), given.limit)
        rounds = [keyword_rounds(database, row.platform, row.keyword, row.city, ROUNDS_SHOWN) for row in rows]
    if not rows:
        raise ArgumentError(f"keyword: {' '.join(given.keyword)!r} is not in the queue of {given.platform}")
    if given.json:
        print_json([_fields(row, SHOWN) | {"rounds": lines} for row, lines in zip(rows, rounds, strict=True)])
        return
    for row, lines in zip(rows, rounds, strict=True):
        say(*(f"{name + ':':13}{_cell_text(row, name)}" for name in SHOWN))
        names = ("round", "state", "stop_reason", "total", "pages_ok", "seen", "new", "changed", "distinct", "run_id")
        print_table(names, [[getattr(line, name) for name in names] for line in lines])


def retry(config: Config, given: argparse.Namespace) -> None:
    """Dead and failed ones become pending, partial ones go on at once."""
    with opened(config) as database:
        say(f"{keyword_list.retry_keywords(database, _find(database, given))} keywords are tried again")


def pause(config: Config, given: argparse.Namespace) -> None:
    """Not leased until resumed; what is running goes on."""
    with opened(config) as database:
        say(f"{keyword_list.pause_keywords(database, _find(database, given))} keywords paused")


def resume(config: Config, given: argparse.Namespace) -> None:
    """Ends a pause."""
    with opened(config) as database:
        say(f"{keyword_list.pause_keywords(database, _find(database, given), paused=False)} keywords resumed")


def remove(config: Config, given: argparse.Namespace) -> None:
    """Out of the queue; the ledger keeps their rounds."""
    if not (given.keyword or given.all or given.state):
        raise ArgumentError("keyword: is missing; name keywords, or give --state, or --all for every keyword of the site")
    with opened(config) as database:
        removed, leased = keyword_list.remove_keywords(database, _find(database, given), force=given.force)
    say(
        f"{removed} keywords removed"
        + (f", {leased} left: a process works on them (--force removes them, too)" if leased else "")
    )


def _find(database: pw.Database, given: argparse.Namespace) -> KeywordFilter:
    """What is to be changed. Raises ArgumentError for a keyword that the queue does not have, before any is."""
    which = _filter(given)
    for word in which.keywords:
        if not keyword_list.list_keywords(database, replace(which, keywords=[word], states=[]), 1):
            raise ArgumentError(f"keyword: {word!r} is not in the queue; scrapy keywords list shows what is")
    return which


def _filter(given: argparse.Namespace) -> KeywordFilter:
    platform = find_platform(given.platform).name if given.platform else ""
    city = check_search(platform, given.city)[1] if platform and given.city else given.city
    words = [word for text in given.keyword for word in _split(text)]
    return KeywordFilter(platform, words, city, [given.state] if given.state else [])


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in SEPARATORS.split(text) if part.strip()))


def _fields(row: Keyword, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _cell(row: Keyword, name: str) -> object:
    value = getattr(row, name)
    if name == "state":
        return f"{value}, paused" if row.paused else value
    return value or "once" if name == "interval" else value


def _cell_text(row: Keyword, name: str) -> str:
    return show_value(_cell(row, name))
