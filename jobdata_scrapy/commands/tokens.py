"""`scrapy tokens key|add|list|check|disable|remove`: the operator's own session tokens. No value stands in a command line."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
from datetime import UTC, datetime, timedelta

import peewee as pw
import requests
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.client import PlatformClient
from jobdata_scrapy.commands._sites import find_platform
from jobdata_scrapy.commands._subcommands import LineParser, make_parser, opened, print_json, print_table, run_subcommand, say
from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.db import tokens
from jobdata_scrapy.db.cipher import Cipher, make_key
from jobdata_scrapy.db.keyword_list import NATIONWIDE
from jobdata_scrapy.db.pool_models import Token
from jobdata_scrapy.db.tokens import TokenState
from jobdata_scrapy.exceptions import ArgumentError, ConfigError, ParseError, RequestRefused
from jobdata_scrapy.normalize.published import BEIJING
from jobdata_scrapy.platform import Verdict

COLUMNS = ("platform", "name", "state", "expires_at", "last_used", "failures", "owner", "exit_name", "reason")
REFUSED = (Verdict.TOKEN_EXPIRED, Verdict.LOGIN_REQUIRED)
USAGE = (
    "key: a new TOKEN_KEY; add PLATFORM [--name NAME] [--expires 2026-12-31|7d] [--stdin]; list [PLATFORM] [--json]; "
    "check [PLATFORM [NAME]] [--ask [--keyword KEYWORD]]; disable PLATFORM NAME [--reason TEXT]; remove PLATFORM NAME."
)


class Command(ScrapyCommand):
    """Each subcommand is a function below; errors are one line."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "key|add|list|check|disable|remove ..."

    def short_desc(self) -> str:
        return "Keep session tokens, encrypted with TOKEN_KEY"

    def long_desc(self) -> str:
        return f"{self.short_desc()}. {USAGE}"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        run_subcommand(self, build_parser(), args)


def build_parser() -> LineParser:
    """The words that are understood."""
    parser, add = make_parser("scrapy tokens")
    add("key", show_key)
    one = add("add", add_token)
    one.add_argument("platform")
    one.add_argument("--name", default="")
    one.add_argument("--expires", default="")
    one.add_argument("--stdin", action="store_true")
    one = add("list", list_all)
    one.add_argument("platform", nargs="?", default="")
    one.add_argument("--json", action="store_true")
    one = add("check", check)
    one.add_argument("platform", nargs="?", default="")
    one.add_argument("name", nargs="?", default="")
    one.add_argument("--ask", action="store_true")
    one.add_argument("--keyword", default="数据分析")
    for name, action in (("disable", disable), ("remove", remove)):
        one = add(name, action)
        one.add_argument("platform")
        one.add_argument("name")
        one.add_argument("--reason", default="disabled by hand")
    return parser


def show_key(config: Config, given: argparse.Namespace) -> None:
    """A new key; nothing is stored."""
    say(make_key())


def add_token(config: Config, given: argparse.Namespace) -> None:
    """The value comes from the standard input, or is asked for."""
    platform = find_platform(given.platform).name
    cipher = Cipher.from_config(config)
    cipher.encrypt("")  # a missing key is told before a person types
    expires_at = read_expiry(given.expires, datetime.now(UTC)) if given.expires else None
    asks = sys.stdin.isatty() and not given.stdin
    value = getpass.getpass(f"token of {platform}: ") if asks else sys.stdin.readline()
    with opened(config) as database:
        row = tokens.add_token(database, cipher, platform, value, name=given.name, expires_at=expires_at)
    until = f", expires {row.expires_at.astimezone(BEIJING):%Y-%m-%d %H:%M}" if row.expires_at else ""
    say(f"{platform} {row.name}: {tokens.mask_value(value.strip())} kept{until}")


def list_all(config: Config, given: argparse.Namespace) -> None:
    """All but their values."""
    platform = find_platform(given.platform).name if given.platform else ""
    with opened(config) as database:
        rows = [[getattr(row, name) for name in COLUMNS] for row in tokens.list_tokens(database, platform)]
    if given.json:
        print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    elif rows:
        print_table([name.removesuffix("_at") for name in COLUMNS], rows)
    else:
        say("no tokens: `scrapy tokens add PLATFORM` adds one")


def check(config: Config, given: argparse.Namespace) -> None:
    """Whether each can be decrypted and has not expired; with --ask one look-up on the site, which may mark it invalid."""
    platform = find_platform(given.platform).name if given.platform else ""
    cipher = Cipher.from_config(config)
    with opened(config) as database:
        rows = [row for row in tokens.list_tokens(database, platform) if given.name in ("", row.name)]
        if not rows:
            raise ArgumentError(f"token: {given.name or given.platform or 'none'!r} is not there")
        for row in rows:
            say(f"{row.platform} {row.name}: {_check_one(config, database, cipher, row, given)}")


def disable(config: Config, given: argparse.Namespace) -> None:
    """Out of use until it is added anew."""
    with opened(config) as database:
        found = tokens.retire_token(database, given.platform, given.name, TokenState.DISABLED, given.reason)
    _say_found(found, given, "disabled")


def remove(config: Config, given: argparse.Namespace) -> None:
    """Forgets it."""
    with opened(config) as database:
        found = tokens.remove_token(database, given.platform, given.name)
    _say_found(found, given, "removed")


def read_expiry(text: str, now: datetime) -> datetime:
    """A date, a date and time (Beijing's where no zone is told), or a time from now (12h, 7d). Raises ArgumentError."""
    if span := re.fullmatch(r"([1-9][0-9]{0,4})([hd])", text):
        return now + timedelta(**{{"h": "hours", "d": "days"}[span[2]]: int(span[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentError(f"expires: {text!r} is neither a time such as 2026-12-31T18:00 nor one from now such as 7d") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)).astimezone(UTC)


def _check_one(config: Config, database: pw.Database, cipher: Cipher, row: Token, given: argparse.Namespace) -> str:
    try:
        value = tokens.token_value(cipher, row)
    except ConfigError as error:
        return str(error)
    shown = f"{tokens.mask_value(value)} {row.state}" + (f" ({row.reason})" if row.reason else "")
    if row.expires_at and row.expires_at <= datetime.now(UTC):
        return f"{shown}, expired"
    return f"{shown}, {_ask(config, database, row, value, given.keyword)}" if given.ask else shown


def _ask(config: Config, database: pw.Database, row: Token, value: str, keyword: str) -> str:
    platform = find_platform(row.platform)
    secret = secret_value(getattr(config, platform.secret_setting.lower(), "")) if platform.secret_setting else ""
    base_url = config.base_url(platform.name, platform.base_url)
    try:
        with PlatformClient(platform, base_url=base_url, token=value, secret=secret) as client:
            page = client.search(keyword, NATIONWIDE)
    except RequestRefused as refused:
        if refused.verdict in REFUSED:
            tokens.retire_token(database, row.platform, row.name, TokenState.INVALID, f"the site says {refused.verdict}")
        return f"the site says {refused.verdict}"
    except (requests.RequestException, ParseError) as error:
        return f"could not be asked: {type(error).__name__}"
    return f"the site answers: {len(page.jobs)} postings on the first page"


def _say_found(found: bool, given: argparse.Namespace, what: str) -> None:
    if not found:
        raise ArgumentError(f"token: {given.name!r} of {given.platform} is not there; `scrapy tokens list` shows what is")
    say(f"{given.platform} {given.name}: {what}")
