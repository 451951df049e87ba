"""Site locks (circuit breakers), shared by all processes: closed -> open -> half-open (one owner probes) -> closed.

Keys: "boss", "boss|exit=NAME", "boss|token=NAME". `now` is an aware time, the current one by default.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import peewee as pw

from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.pool_models import SiteLock
from jobdata_scrapy.db.transaction import locked, reading, writing
from jobdata_scrapy.leases import LockCheck, LockState, Owner

MAX_OPEN = timedelta(hours=6)
PROBE_SECONDS = 60
LONGEST_REASON = 255


def lock_keys(platform: str, exit_name: str = "", token_name: str = "") -> list[str]:
    """The keys of a site, of the site through an exit, and of the site with a token."""
    keys = [platform]
    keys += [exit_key(platform, exit_name)] if exit_name else []
    return keys + ([token_key(platform, token_name)] if token_name else [])


def exit_key(platform: str, exit_name: str) -> str:
    """The key of a site's lock for one exit."""
    return f"{platform}|exit={exit_name}"


def token_key(platform: str, token_name: str) -> str:
    """The key of a site's lock for one token."""
    return f"{platform}|token={token_name}"


def check_lock(
    database: pw.Database, platform: str, exit_name: str, token_name: str, owner: Owner, *, now: datetime | None = None
) -> LockCheck:
    """The strictest of the three, with those that make it so. HALF_OPEN is told to one owner, again and again for PROBE_SECONDS;
    all others see OPEN.
    """
    now = now or datetime.now(UTC)
    keys = lock_keys(platform, exit_name, token_name)
    if not _is_any_open(database, keys):
        return LockCheck(LockState.CLOSED)
    rows = _find_open(database, keys)
    if still_open := tuple(row.key for row in rows if state_of(row, now) is LockState.OPEN):
        return LockCheck(LockState.OPEN, still_open)
    return _take_probe(database, keys, owner, now)


@writing
def trip_lock(
    database: pw.Database,
    key: str,
    reason: str,
    lock_seconds: float,
    *,
    seconds: float | None = None,
    now: datetime | None = None,
) -> datetime:
    """Opens a lock: for `lock_seconds` the first time, twice as long each time in a row; or for `seconds`. Until when it is open.

    One that is open already stays as it is: several processes meet one block. One whose probe has failed opens again.
    """
    now = now or datetime.now(UTC)
    row = locked(database, SiteLock.select().where(SiteLock.key == key)).first(database)
    if row is not None and seconds is None and state_of(row, now) is LockState.OPEN:
        return row.open_until
    trips = row.trips + 1 if row is not None else 1
    span = timedelta(seconds=lock_seconds * 2.0 ** min(trips - 1, 30) if seconds is None else seconds)
    until = now + (min(span, MAX_OPEN) if seconds is None else span)
    values = {"is_open": True, "reason": reason[:LONGEST_REASON], "opened_at": now, "open_until": until, "trips": trips}
    values |= {"probe_owner": None, "probe_until": None, "updated_at": now}
    check_row(SiteLock, values | {"key": key})
    SiteLock.insert(values | {"key": key}).on_conflict_ignore().execute(database)
    SiteLock.update(values).where(SiteLock.key == key).execute(database)
    return until


@writing
def close_lock(database: pw.Database, key: str, *, now: datetime | None = None) -> bool:
    """Closes a lock; the next opening is a first one again. False where none of this key is open."""
    changes = {"is_open": False, "trips": 0, "probe_owner": None, "probe_until": None, "updated_at": now or datetime.now(UTC)}
    return bool(SiteLock.update(changes).where(SiteLock.key == key, SiteLock.is_open).execute(database))


@reading
def list_locks(database: pw.Database) -> list[SiteLock]:
    """Every lock that was ever opened, the open ones first."""
    return list(SiteLock.select().order_by(SiteLock.is_open.desc(), SiteLock.opened_at.desc()).execute(database))


@reading
def open_keys(database: pw.Database, *, now: datetime) -> frozenset[str]:
    """The keys of all locks that let nothing through."""
    query = SiteLock.select(SiteLock.key).where(SiteLock.is_open, SiteLock.open_until > now)
    return frozenset(row.key for row in query.execute(database))


def state_of(row: SiteLock, now: datetime) -> LockState:
    """HALF_OPEN once its time is over: one owner may probe."""
    if not row.is_open:
        return LockState.CLOSED
    return LockState.OPEN if row.open_until > now else LockState.HALF_OPEN


@reading
def _is_any_open(database: pw.Database, keys: list[str]) -> bool:
    """Asked before every request: as plain SQL, which costs a tenth of the models' way."""
    opening, closing = database.quote or '""'
    marks = ", ".join([database.param] * len(keys))
    sql = f"SELECT 1 FROM site_lock WHERE {opening}key{closing} IN ({marks}) AND is_open LIMIT 1"  # noqa: S608 - marks alone
    return database.execute_sql(sql, keys).fetchone() is not None


@reading
def _find_open(database: pw.Database, keys: list[str]) -> list[SiteLock]:
    return list(SiteLock.select().where(SiteLock.key.in_(keys), SiteLock.is_open).execute(database))


@writing
def _take_probe(database: pw.Database, keys: list[str], owner: Owner, now: datetime) -> LockCheck:
    """All that are half-open, or none of them."""
    query = SiteLock.select().where(SiteLock.key.in_(keys), SiteLock.is_open).order_by(SiteLock.key)
    rows = list(locked(database, query).execute(database))
    if not rows:
        return LockCheck(LockState.CLOSED)
    if shut := tuple(row.key for row in rows if state_of(row, now) is LockState.OPEN or _is_probed(row, owner, now)):
        return LockCheck(LockState.OPEN, shut)
    changes = {"probe_owner": owner.name, "probe_until": now + timedelta(seconds=PROBE_SECONDS), "updated_at": now}
    fresh = [row.id for row in rows if row.probe_owner != owner.name or row.probe_until <= now]
    SiteLock.update(changes).where(SiteLock.id.in_(fresh)).execute(database)
    return LockCheck(LockState.HALF_OPEN, tuple(row.key for row in rows))


def _is_probed(row: SiteLock, owner: Owner, now: datetime) -> bool:
    return row.probe_owner is not None and row.probe_owner != owner.name and row.probe_until > now
