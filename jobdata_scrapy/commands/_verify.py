"""`scrapy warehouse verify`: is everything that was ever reported as stored in the warehouse?"""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime, time
from typing import Any

from jobdata_scrapy.commands._sites import find_platform
from jobdata_scrapy.commands._subcommands import opened, print_json, print_table, say
from jobdata_scrapy.config import Config
from jobdata_scrapy.db.intervals import read_span
from jobdata_scrapy.exceptions import ArgumentError, StorageError
from jobdata_scrapy.normalize.published import BEIJING
from jobdata_scrapy.warehouse.client import connect
from jobdata_scrapy.warehouse.verify import Audit, SiteAudit, verify

DEFAULT_SINCE = "7d"
SHOWN = 50  # differences on a terminal; --json has all
COLUMNS = ("site", "rounds", "done", "capped", "partial", "failed", "too old", "expected", "in the warehouse")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--since, --platform, --json."""
    parser.add_argument("--since", default=DEFAULT_SINCE)
    parser.add_argument("--platform", default="")
    parser.add_argument("--json", action="store_true")


def run_verify(config: Config, given: argparse.Namespace, *, attempts: int) -> None:
    """Prints what was compared and what differs. Raises StorageError where something does, ArgumentError for a wrong --since."""
    since = read_since(given.since, datetime.now(UTC))
    platform = find_platform(given.platform).name if given.platform else ""
    client = connect(config, attempts=attempts)
    try:
        with opened(config) as database:
            audit = verify(client, database, config, since=since, platform=platform)
    finally:
        client.close()
    if given.json:
        print_json(_as_json(audit, since))
    else:
        _print(audit, given.since)
    if audit.problems:
        count = len(audit.problems)
        raise StorageError(f"{count} difference{'' if count == 1 else 's'} found")


def read_since(text: str, now: datetime) -> datetime:
    """The moment that `7d`, `12h` or `2026-11-01` (0:00 in Beijing) names. Raises ArgumentError."""
    span = read_span(text.strip().lower())
    try:
        since = now - span if span else datetime.combine(date.fromisoformat(text.strip()), time(), BEIJING).astimezone(UTC)
    except (ValueError, OverflowError):
        allowed = "a number with m, h or d (7d), or a day (2026-11-01, Beijing)"
        raise ArgumentError(f"since: {text!r} is not allowed; allowed: {allowed}") from None
    if since > now:
        raise ArgumentError(f"since: {text!r} lies ahead; allowed: a day that has begun")
    return max(since, datetime(1970, 1, 2, tzinfo=UTC))


def _print(audit: Audit, since: str) -> None:
    if audit.sites:
        print_table(COLUMNS, [_row(site) for site in audit.sites])
    else:
        say(f"no round has ended since {since}")
    if audit.copied:
        say(f"{audit.copied} rounds were not in the warehouse's crawl_round yet, and are now")
    for site in audit.sites:
        postings, versions = site.twice
        if postings:
            say(f"{site.platform}: {versions} versions of {postings} postings stand there twice in a row: harmless, read as one")
    say(*(str(problem) for problem in audit.problems[:SHOWN]))
    if len(audit.problems) > SHOWN:
        say(f"and {len(audit.problems) - SHOWN} more (--json has all)")
    if not audit.problems:
        say("all that the ledger says is stored is there, and nothing waits in the spool")


def _row(site: SiteAudit) -> tuple[object, ...]:
    states = (site.states[name] for name in ("done", "capped", "partial", "failed"))
    return site.platform, site.states.total(), *states, site.pruned, site.expected, site.stored


def _as_json(audit: Audit, since: datetime) -> dict[str, Any]:
    return {
        "since": since,
        "sites": [
            {
                "platform": site.platform,
                "rounds": dict(site.states),
                "too_old": site.pruned,
                "expected": site.expected,
                "stored": site.stored,
                "twice": {"postings": site.twice[0], "versions": site.twice[1]},
            }
            for site in audit.sites
        ],
        "copied": audit.copied,
        "problems": [{"code": one.code, "message": one.message, "action": one.action} for one in audit.problems],
    }
