"""Who holds which (site, exit) pair, and what is known of it: pace, score, cool-down. `now` is an aware time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import peewee as pw

from jobdata_scrapy.config import Config
from jobdata_scrapy.db.cipher import Cipher
from jobdata_scrapy.db.exits import known_exits, proxy_url_of
from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.pool_models import ExitUse
from jobdata_scrapy.db.site_locks import exit_key, open_keys
from jobdata_scrapy.db.transaction import locked, reading, writing
from jobdata_scrapy.exceptions import LeaseLost
from jobdata_scrapy.exit_sources import has_exits
from jobdata_scrapy.leases import ExitLease, Owner

MAX_COOLDOWN = timedelta(days=1)
LONGEST_REASON = 255
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ExitRules:
    """lease_seconds: how long a lease holds without a touch; cooldown_seconds: the first cool-down, doubled each time in a row;
    direct: whether a node may use its own address where no exit is known (not where proxies are configured and none is left);
    ceiling: exits of one site that the fleet holds at a time, each with one request under way (0: no limit).
    """

    lease_seconds: float = 60
    cooldown_seconds: float = 600
    direct: bool = True
    ceiling: int = 0

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The rules that the settings tell."""
        seconds = (config.exit_lease_seconds, config.exit_cooldown_seconds)
        return cls(*seconds, direct=not has_exits(config), ceiling=config.site_requests_in_flight)

    def cooldown(self, count: int) -> timedelta:
        """The `count`th cool-down in a row."""
        return min(timedelta(seconds=self.cooldown_seconds * 2.0 ** min(count - 1, 30)), MAX_COOLDOWN)


def lease_exit(
    database: pw.Database, cipher: Cipher, platform: str, owner: Owner, rules: ExitRules, *, now: datetime | None = None
) -> ExitLease | None:
    """The best free exit of the site, None when there is none: neither held (by anybody, the owner included) nor cooling nor
    locked for the site; the healthiest, then the longest rested, and last those that the site told to wait. Raises ConfigError
    where TOKEN_KEY is needed and wrong.
    """
    now = now or datetime.now(UTC)
    known = known_exits(database, owner.node, direct=rules.direct)
    uses = _find_uses(database, platform)
    usable = _usable(database, platform, known, uses, now)
    ready = [name for name in usable if name not in uses or not _is_held(uses[name], now)]
    for name in sorted(ready, key=lambda one: _worth(uses.get(one), one, now)):
        proxy_url = proxy_url_of(cipher, known[name])
        lease = _take(database, platform, name, owner, rules, now)
        if lease is not None:
            lease.proxy_url = proxy_url
            return lease
    return None


def count_exits(database: pw.Database, platform: str, node: str, rules: ExitRules, *, now: datetime | None = None) -> int:
    """Exits that `node` may use for the site and that are neither cooling nor locked, whoever holds them."""
    now = now or datetime.now(UTC)
    known = known_exits(database, node, direct=rules.direct)
    return len(_usable(database, platform, known, _find_uses(database, platform), now))


@writing
def touch_exit(database: pw.Database, lease: ExitLease, rules: ExitRules, *, now: datetime | None = None) -> None:
    """Keeps pace and score and extends the lease. Raises LeaseLost.

    A score above the one that is kept tells of a healthy answer: the next cool-down is a first one again.
    """
    now = now or datetime.now(UTC)
    row = _find_use(database, lease)
    if row is None or row.owner != lease.owner:
        raise LeaseLost(f"exit {lease.exit_name!r} of {lease.platform} belongs to somebody else than {lease.owner} by now")
    changes: dict[str, Any] = _kept(row, lease) | {
        "slowness": lease.slowness,
        "score": lease.score,
        "lease_until": _end(rules, now),
    }
    if lease.score > row.score:
        changes |= {"cool_count": 0}
    _update(database, row, changes, now)


@writing
def cool_exit(database: pw.Database, lease: ExitLease, reason: str, rules: ExitRules, *, now: datetime | None = None) -> None:
    """Gives the exit back to cool down, its score halved. Done again, or by a lost owner, it changes nothing."""
    now = now or datetime.now(UTC)
    row = _find_use(database, lease)
    if row is None or row.owner != lease.owner:
        return
    count = row.cool_count + 1
    changes = {"owner": None, "lease_until": None, "slowness": lease.slowness, "score": min(row.score, lease.score) / 2}
    changes |= {"cool_count": count, "cool_until": now + rules.cooldown(count), "cool_reason": reason[:LONGEST_REASON]}
    _update(database, row, _kept(row, lease) | changes, now)


@writing
def release_exit(database: pw.Database, lease: ExitLease, *, now: datetime | None = None) -> None:
    """Gives the exit back, the time of its last answer kept; a lost owner's release changes nothing."""
    row = _find_use(database, lease)
    if row is not None and row.owner == lease.owner:
        changes = _kept(row, lease) | {"owner": None, "lease_until": None, "slowness": lease.slowness, "score": lease.score}
        _update(database, row, changes, now or datetime.now(UTC))


@reading
def list_uses(database: pw.Database, platform: str = "") -> list[ExitUse]:
    """What is known of each (site, exit) pair that was ever leased."""
    query = ExitUse.select().where(ExitUse.platform == platform) if platform else ExitUse.select()
    return list(query.order_by(ExitUse.exit_name, ExitUse.platform).execute(database))


def _usable(database: pw.Database, platform: str, known: Iterable[str], uses: dict[str, ExitUse], now: datetime) -> list[str]:
    locked_out = open_keys(database, now=now)
    cooling = {name for name, use in uses.items() if _is_cooling(use, now)}
    return [name for name in known if name not in cooling and exit_key(platform, name) not in locked_out]


def _find_uses(database: pw.Database, platform: str) -> dict[str, ExitUse]:
    return {row.exit_name: row for row in list_uses(database, platform)}


@writing
def _take(database: pw.Database, platform: str, name: str, owner: Owner, rules: ExitRules, now: datetime) -> ExitLease | None:
    """The lease, None where another process was faster. Only here rows are locked: to look for the best one locks none."""
    values = {"platform": platform, "exit_name": name, "node": "", "slowness": 1.0, "score": 1.0, "cool_count": 0}
    values |= {"cool_reason": "", "updated_at": now}
    check_row(ExitUse, values)
    ExitUse.insert(values).on_conflict_ignore().execute(database)
    # with a ceiling all rows of the site are locked: two processes that count at the same moment would both stay below it
    rows = ExitUse.select().where(ExitUse.platform == platform).order_by(ExitUse.id)
    uses = list(locked(database, rows if rules.ceiling else rows.where(ExitUse.exit_name == name)).execute(database))
    row = next(use for use in uses if use.exit_name == name)
    if _is_held(row, now) or _is_cooling(row, now):
        return None
    if rules.ceiling and sum(_is_held(use, now) for use in uses) >= rules.ceiling:
        return None
    until = _end(rules, now)
    _update(database, row, {"owner": owner.name, "node": owner.node, "lease_until": until}, now)
    values = {column: getattr(row, column) for column in ("last_end", "slowness", "score", "not_before")}
    return ExitLease(platform, name, owner.name, until, **values)


def _find_use(database: pw.Database, lease: ExitLease) -> ExitUse | None:
    pair = (ExitUse.platform == lease.platform) & (ExitUse.exit_name == lease.exit_name)
    return locked(database, ExitUse.select().where(pair)).first(database)


def _kept(row: ExitUse, lease: ExitLease) -> dict[str, Any]:
    """The times of the pair never go back: a report may come late."""
    names = ("last_end", "not_before")
    return {name: max(filter(None, (getattr(row, name), getattr(lease, name))), default=None) for name in names}


def _update(database: pw.Database, row: ExitUse, changes: dict[str, Any], now: datetime) -> None:
    values = changes | {"updated_at": now}
    check_row(ExitUse, values)
    ExitUse.update(values).where(ExitUse.id == row.id).execute(database)


def _is_held(row: ExitUse, now: datetime) -> bool:
    return row.owner is not None and row.lease_until is not None and row.lease_until > now


def _is_cooling(row: ExitUse, now: datetime) -> bool:
    return row.cool_until is not None and row.cool_until > now


def _worth(use: ExitUse | None, name: str, now: datetime) -> tuple[bool, float, datetime, str]:
    if use is None:
        return False, -1.0, NEVER, name
    rests = use.not_before is not None and use.not_before > now
    return rests, -round(use.score, 1), use.last_end or NEVER, name


def _end(rules: ExitRules, now: datetime) -> datetime:
    return now + timedelta(seconds=rules.lease_seconds)
