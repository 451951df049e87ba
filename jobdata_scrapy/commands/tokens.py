"""`scrapy tokens key|add|list|check|disable|remove`: the operator's own session tokens. No value stands in a command line."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
from datetime import UTC, datetime, timedelta

import requests
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._look_up import LookUp
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
from jobdata_scrapy.db import tokens
from jobdata_scrapy.db.cipher import Cipher, make_key
from jobdata_scrapy.db.pool_models import Token
from jobdata_scrapy.db.tokens import TokenState
from jobdata_scrapy.exceptions import ArgumentError, ConfigError, ParseError, RequestRefused
from jobdata_scrapy.normalize.published import BEIJING
from jobdata_scrapy.platform import NATIONWIDE, Verdict

COLUMNS = ("platform", "name", "state", "expires_at", "last_used", "failures", "owner", "exit_name", "reason")
REFUSED = (Verdict.TOKEN_EXPIRED, Verdict.LOGIN_REQUIRED)
USAGE = (
    "key: a new TOKEN_KEY; add PLATFORM [--name NAME] [--expires 2026-12-31|7d] [--stdin]; list [PLATFORM] [--json]; "
    "check [PLATFORM [NAME]] [--ask [--keyword KEYWORD]]; disable PLATFORM NAME [--reason TEXT]; remove PLATFORM NAME."
)


class Command(OneLineErrors, ScrapyCommand):
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
        parser = build_parser()
        agent, obeys = self.settings["USER_AGENT"], self.settings.getbool("ROBOTSTXT_OBEY")
        parser.set_defaults(user_agent=agent, obeys_robots=obeys)
        run_subcommand(self, parser, args)


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
    site = find_platform(given.platform)
    if not site.token_setting:
        raise ArgumentError(f"platform: {site.name} is asked without a token: there is nothing to keep")
    platform = site.name
    cipher = Cipher.from_config(config)
    cipher.encrypt("")  # a missing key is told before a person types
    expires_at = read_expiry(given.expires, datetime.now(UTC)) if given.expires else None
    asks = sys.stdin.isatty() and not given.stdin
    value = getpass.getpass(f"token of {platform}: ") if asks else sys.stdin.readline()
    with opened(config) as database:
        row = tokens.add_token(database, cipher, platform, value, name=given.name, expires_at=expires_at)
    until = f", expires {show_value(row.expires_at)}" if row.expires_at else ""
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


def check(config: Config, given: argparse.Namespace) -> int:
    """Whether each can be decrypted and has not expired; with --ask one look-up on the site, which may mark it invalid.

    Exit code 1 where one does not work, or --ask could not find out; one that is in use, or disabled by hand, is no fault.
    The look-up keeps the crawl's rules: a free exit and its pause, locks, the page budget, robots.txt.
    """
    platform = find_platform(given.platform).name if given.platform else ""
    cipher = Cipher.from_config(config)
    with opened(config) as database:
        rows = [row for row in tokens.list_tokens(database, platform) if given.name in ("", row.name)]
        if not rows:
            raise ArgumentError(f"token: {given.name or given.platform or 'none'!r} is not there")
        works = True
        for row in rows:
            look_up = LookUp(config, database, cipher, given.user_agent, given.obeys_robots)
            told, this_works = _check_one(look_up, row, given)
            say(f"{row.platform} {row.name}: {told}")
            works = works and this_works
    return 0 if works else 1


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


def _check_one(look_up: LookUp, row: Token, given: argparse.Namespace) -> tuple[str, bool]:
    """(what to tell, whether it works)"""
    try:
        value = tokens.token_value(look_up.cipher, row)
    except ConfigError as error:
        return str(error), False
    now, shown = datetime.now(UTC), f"{tokens.mask_value(value)} {row.state}" + (f" ({row.reason})" if row.reason else "")
    if row.expires_at and row.expires_at <= now:
        return f"{shown}, expired", False
    if not given.ask:
        return shown, row.state != TokenState.INVALID
    if row.owner and row.lease_until > now:  # a token is used through one exit at a time
        return f"{shown}, not asked: {row.owner} uses it", True
    answer, works = _ask(look_up, row, value, given.keyword)
    return f"{shown}, {answer}", works


def _ask(look_up: LookUp, row: Token, value: str, keyword: str) -> tuple[str, bool]:
    try:
        page = look_up.search(find_platform(row.platform), value, row.name, keyword, NATIONWIDE)
    except RequestRefused as refused:
        if refused.verdict in REFUSED:
            tokens.retire_token(look_up.database, row.platform, row.name, TokenState.INVALID, f"the site says {refused.verdict}")
        return f"not asked: {refused.cause}" if refused.cause else f"the site says {refused.verdict}", False
    except (requests.RequestException, ParseError) as error:
        return f"could not be asked: {type(error).__name__}", False
    return f"the site answers: {len(page.jobs)} postings on the first page", True


def _say_found(found: bool, given: argparse.Namespace, what: str) -> None:
    if not found:
        raise ArgumentError(f"token: {given.name!r} of {given.platform} is not there; `scrapy tokens list` shows what is")
    say(f"{given.platform} {given.name}: {what}")
