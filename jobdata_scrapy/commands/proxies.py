"""`scrapy proxies add|import|list|check|remove`: the exits that every process may use. Passwords are never shown."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import requests
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._sites import find_platform
from jobdata_scrapy.commands._subcommands import LineParser, make_parser, opened, print_json, print_table, run_subcommand, say
from jobdata_scrapy.config import Config
from jobdata_scrapy.db import exits
from jobdata_scrapy.db.cipher import Cipher
from jobdata_scrapy.db.exit_leases import list_uses
from jobdata_scrapy.exceptions import ArgumentError, ConfigError
from jobdata_scrapy.exit_sources import parse_lines
from jobdata_scrapy.exits import DIRECT, Exit, read_exit

MANUAL = "manual"
TIMEOUT_SECONDS = 15
PROXY_REFUSES = 407
COLUMNS = ("exit", "source", "platform", "score", "slowness", "owner", "last_end", "cool_until", "cool_reason")
USAGE = (
    "add URL|direct|--stdin: one proxy (one with credentials from the standard input); import FILE: one a line; list [--json]; "
    "check [NAME] [--platform PLATFORM] [--url URL]: a real connection; remove NAME."
)


class Command(OneLineErrors, ScrapyCommand):
    """Each subcommand is a function below; errors are one line."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "add|import|list|check|remove ..."

    def short_desc(self) -> str:
        return "Keep proxies, look how they do, try them"

    def long_desc(self) -> str:
        return f"{self.short_desc()}. {USAGE} Those of settings, file and provider are listed, too, once a run has used them."

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        run_subcommand(self, build_parser(), args)


def build_parser() -> LineParser:
    """The words that are understood."""
    parser, add = make_parser("scrapy proxies")
    one = add("add", add_proxy)
    one.add_argument("url", nargs="?", default="")
    one.add_argument("--stdin", action="store_true")
    add("import", import_file).add_argument("file", type=Path)
    add("list", list_all).add_argument("--json", action="store_true")
    one = add("check", check)
    one.add_argument("name", nargs="?", default="")
    one.add_argument("--platform", default="boss")
    one.add_argument("--url", default="")
    add("remove", remove).add_argument("name")
    return parser


def add_proxy(config: Config, given: argparse.Namespace) -> None:
    """One proxy, or "direct": each machine's own address beside the proxies."""
    line = given.url or sys.stdin.readline()
    one = DIRECT if line.strip() == DIRECT.name else _read(line, config)
    if given.url and one.proxy_url and "@" in one.proxy_url:
        raise ArgumentError("url: has credentials, which every user of this machine could see here; use --stdin")
    with opened(config) as database:
        added = exits.add_exits(database, Cipher.from_config(config), [one], MANUAL)
    say(f"{one.name}: {'new' if added else 'known'}")


def import_file(config: Config, given: argparse.Namespace) -> int:
    """The good lines; each bad one is told by its number, and makes the exit code 1."""
    try:
        lines = given.file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ArgumentError(f"file: {str(given.file)!r} cannot be read: {reason}") from None
    found = parse_lines(lines, config.proxy_scheme)
    with opened(config) as database:
        added = exits.add_exits(database, Cipher.from_config(config), found.exits, MANUAL)
    say(*(f"line {bad.number}: {bad.reason}" for bad in found.bad))
    say(f"{added} new, {len(found.exits) - added} known, {len(found.bad)} bad lines left out")
    return 1 if found.bad else 0


def list_all(config: Config, given: argparse.Namespace) -> None:
    """A line for each exit, and for each site that it was used for."""
    with opened(config) as database:
        known = exits.list_exits(database)
        uses = list_uses(database)
    sources: dict[str, list[str]] = {}
    for row in known:
        sources.setdefault(row.name, []).append(row.source)
    rows: list[list[object]] = []
    for name in sorted({*sources, *(use.exit_name for use in uses)}):
        source = ", ".join(sources.get(name, ["own address" if name.startswith(DIRECT.name) else "no longer named"]))
        found = [use for use in uses if use.exit_name == name]
        rows += [[name, source, use.platform, *(getattr(use, column) for column in COLUMNS[3:])] for use in found]
        rows += [[name, source, *([None] * 7)]] if not found else []
    if given.json:
        print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    elif rows:
        print_table([name.removesuffix("_end") for name in COLUMNS], rows)
    else:
        say("no exits: every machine asks through its own address; `scrapy proxies add` adds a proxy")


def check(config: Config, given: argparse.Namespace) -> int:
    """One request through each: its latency, or why it does not work; exit code 1 where one does not."""
    platform = find_platform(given.platform)
    url = given.url or f"{config.base_url(platform.name, platform.base_url).rstrip('/')}/robots.txt"
    with opened(config) as database:
        rows = {row.name: row for row in reversed(exits.list_exits(database)) if given.name in ("", row.name)}
    if not rows:
        raise ArgumentError(
            f"name: {given.name!r} is not known; `scrapy proxies list` shows what is" if given.name else "no proxy is known"
        )
    cipher = Cipher.from_config(config)
    all_work = True
    for name, row in rows.items():
        try:
            told, works = try_exit(exits.proxy_url_of(cipher, row), url)
        except ConfigError as error:
            told, works = str(error), False
        say(f"{name}: {told}")
        all_work = all_work and works
    return 0 if all_work else 1


def remove(config: Config, given: argparse.Namespace) -> None:
    """Until a source names it again."""
    with opened(config) as database:
        found = exits.remove_exit(database, given.name)
    if not found:
        raise ArgumentError(f"name: {given.name!r} is not known; `scrapy proxies list` shows what is")
    say(f"{given.name}: removed")


def try_exit(proxy_url: str | None, url: str) -> tuple[str, bool]:
    """(what came of asking `url` through the proxy, whether it works). An error's text may hold the password: its kind is told.

    Any answer of the site's will do; 407 is the proxy's own, which refuses its credentials.
    """
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": proxy_url, "https": proxy_url} if proxy_url else {}
        begun = time.perf_counter()
        try:
            answer = session.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            return f"does not work: {type(error).__name__}", False
    if answer.status_code == PROXY_REFUSES:
        return "does not work: HTTP 407, the proxy refuses its user name or password", False
    return f"HTTP {answer.status_code} in {(time.perf_counter() - begun) * 1000:.0f} ms", True


def _read(line: str, config: Config) -> Exit:
    try:
        return read_exit(line, config.proxy_scheme)
    except ValueError as error:
        raise ArgumentError(f"url: {error}") from None
