"""The queue's side that a spider meets: leasing a keyword, signs of life, giving it back. What an operator does: `keyword_list`.

`now` is an aware time, the current one by default: that of the machine that asks the database, so leases are minutes long.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import peewee as pw

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.coverage import find_round, save_rounds, take_over
from jobdata_scrapy.db.keyword_rows import save_rows
from jobdata_scrapy.db.keyword_states import KeywordState, QueueRules, change, extend, give_back, queue_range, take, wake
from jobdata_scrapy.db.models import Keyword
from jobdata_scrapy.db.transaction import locked, writing
from jobdata_scrapy.exceptions import LeaseLost, StorageError
from jobdata_scrapy.leases import KeywordLease, Owner

WOKEN_AT_ONCE = 200  # a lease never waits for more, and each keyword is woken once a lease of it
QUEUE_ROUND = re.compile(r"k([0-9]+)\..+")
LEASE_COLUMNS = ("id", "platform", "keyword", "city", "state", "round", "plan", "attempts", "owner", "queue_key")
ENDED = (RoundState.DONE, RoundState.CAPPED)


@dataclass(frozen=True, slots=True)
class RoundReport:
    """The counts of a round after a page. unit: the page's name in the spool; plan: how the search goes on, "" for as before."""

    line: Coverage
    unit: str = ""
    plan: str = ""


@writing
def lease_keyword(
    database: pw.Database,
    platform: str,
    owner: Owner,
    rules: QueueRules,
    *,
    going_on: bool = True,
    now: datetime | None = None,
) -> KeywordLease | None:
    """The next keyword of `platform` in the queue's order, now the owner's; None when none is ready.

    A partial round goes on under its own id, its ledger line becoming the owner's run's; else a new round begins. `going_on`:
    whether partial ones are handed out.
    """
    now = now or datetime.now(UTC)
    keys = queue_range(platform, going_on=going_on)
    row, overdue = _first_in_queue(database, platform, keys, now)
    if overdue and _wake_keywords(database, platform, rules, now):
        row, _ = _first_in_queue(database, platform, keys, now)
    while row is not None:
        lease = _lease_row(database, row, owner, rules, now)
        if lease is not None:
            return lease
        row, _ = _first_in_queue(database, platform, keys, now)
    return None


@writing
def extend_keywords(database: pw.Database, owner: Owner, rules: QueueRules, *, now: datetime | None = None) -> frozenset[int]:
    """The heartbeat: extends every lease of the owner, lapsed ones that nobody took included. The ids that are its own."""
    now = now or datetime.now(UTC)
    rows = list(locked(database, Keyword.select().where(Keyword.owner == owner.name)).execute(database))
    for row in rows:
        extend(row, now, rules)
    save_rows(database, rows, now)
    return frozenset(row.id for row in rows)


@writing
def report_rounds(
    database: pw.Database,
    reports: Sequence[RoundReport],
    rules: QueueRules,
    *,
    now: datetime | None = None,
) -> list[StorageError | None]:
    """Writes the counts of rounds; the lease of each that belongs to the queue begins anew, and goes on by the page's plan.

    A line takes in what was written from the spool meanwhile. Returns, for each, None or the error that it alone ends with:
    LeaseLost where somebody else has it by now.
    """
    now = now or datetime.now(UTC)
    lost = [_extend_reporting(database, report, rules, now) for report in reports]
    kept = [report for report, error in zip(reports, lost, strict=True) if error is None]
    saved = iter(save_rounds(database, [report.line for report in kept], [report.unit for report in kept]))
    return [next(saved) if error is None else error for error in lost]


@writing
def save_plan(database: pw.Database, lease: KeywordLease, plan: str, *, now: datetime | None = None) -> None:
    """Keeps the search plan of a leased keyword. Raises LeaseLost."""
    row = _check_lease(find_row(database, lease.keyword_id), lease)
    change(row, plan=plan)
    save_rows(database, [row], now or datetime.now(UTC))


@writing
def release_keyword(
    database: pw.Database, lease: KeywordLease, error: str, rules: QueueRules, *, now: datetime | None = None
) -> None:
    """Gives the keyword back in the state its round ended in; RUNNING: to go on at its next page. Done again it changes nothing.

    `error`: why it did not end well, "" where nothing went wrong. Raises LeaseLost.
    """
    now = now or datetime.now(UTC)
    row = find_row(database, lease.keyword_id)
    if row is not None and (row.released_by, row.round) == (lease.owner, lease.coverage.round):
        return
    row = _check_lease(row, lease)
    give_back(row, lease.coverage.state, error, now, rules)
    save_rows(database, [row], now)


def _wake_keywords(database: pw.Database, platform: str, rules: QueueRules, now: datetime) -> int:
    """The longest overdue first; how many. Rows that another process is just waking are left to it."""
    due = Keyword.select().where(Keyword.platform == platform, Keyword.wake_at <= now).order_by(Keyword.wake_at)
    rows = list(locked(database, due.limit(WOKEN_AT_ONCE), skip=True).execute(database))
    for row in rows:
        wake(row, now, rules)
    save_rows(database, rows, now)
    return len(rows)


def _first_in_queue(database: pw.Database, platform: str, keys: tuple[str, str], now: datetime) -> tuple[Keyword | None, bool]:
    """The first keyword that no other transaction has taken, and whether any is to be woken first: each one range of one index.

    SQL as text and only what a lease needs: to build the one and to read the rest took longer than all else.
    """
    mark = database.param
    sql = (
        f"SELECT {', '.join(LEASE_COLUMNS)}, "  # noqa: S608 - our own text
        f"EXISTS (SELECT 1 FROM keyword k WHERE k.platform = {mark} AND k.wake_at <= {mark}) AS overdue "
        f"FROM keyword WHERE queue_key >= {mark} AND queue_key < {mark} ORDER BY queue_key, queued_at, id LIMIT 1"
        + (" FOR UPDATE SKIP LOCKED" if database.for_update else "")
    )
    found = database.execute_sql(sql, (platform, Keyword.wake_at.db_value(now), *keys)).fetchone()
    if found is None:
        return None, True
    row = Keyword()
    row.__data__.update(zip(LEASE_COLUMNS, found, strict=False))  # not assigned: what is read is not to be written
    return row, bool(found[-1])


def _lease_row(database: pw.Database, row: Keyword, owner: Owner, rules: QueueRules, now: datetime) -> KeywordLease | None:
    """The lease; None where the keyword only left the queue: it is not to be handed out after all."""
    if row.owner == owner.name:  # its own heartbeat came late; whoever works on it in that process still does
        extend(row, now, rules)
        save_rows(database, [row], now)
        return None
    goes_on = row.state == KeywordState.PARTIAL
    line = find_round(database, row.platform, row.keyword, row.city, row.round) if goes_on else None
    if line is not None and line.state in ENDED:  # its owner was killed between the last report and giving it back
        _settle(database, row.id, line.state, now, rules)
        return None
    if line is not None and line.state is RoundState.FAILED:
        line, goes_on = None, False
    pages = line.pages_ok if line else 0
    take(row, owner, now, rules, new_round="" if goes_on else _new_round(row, now), pages=pages)
    save_rows(database, [row], now)
    coverage = take_over(database, line, owner.name, at=now) if line else _new_line(row, owner)
    return KeywordLease(
        row.id, row.platform, row.keyword, row.city, owner.name, row.lease_until, coverage, row.plan, row.attempts, goes_on
    )  # fmt: skip


def _settle(database: pw.Database, keyword_id: int, state: RoundState, now: datetime, rules: QueueRules) -> None:
    row = find_row(database, keyword_id)
    if row is not None:
        give_back(row, state, "", now, rules)
        save_rows(database, [row], now)


def _new_line(row: Keyword, owner: Owner) -> Coverage:
    return Coverage(row.platform, row.keyword, row.city, row.round, owner.name)


def _extend_reporting(database: pw.Database, report: RoundReport, rules: QueueRules, now: datetime) -> StorageError | None:
    """What `keyword_states.extend` does, and `moved`, in one statement."""
    line = report.line
    found = QUEUE_ROUND.fullmatch(line.round)
    if found is None:  # a round of a run that was given its keyword: it stands in no queue
        return None
    keyword_id, until = int(found[1]), Keyword.lease_until.db_value(rules.lease_end(now))
    mark = database.param
    sql = (
        f"UPDATE keyword SET moved = (moved OR {mark} > pages_before), state = {mark}, queue_key = NULL, "  # noqa: S608
        f"lease_until = {mark}, wake_at = {mark}, plan = CASE WHEN {mark} = '' THEN plan ELSE {mark} END "
        f"WHERE id = {mark} AND round = {mark} AND owner = {mark}"
    )
    plan = report.plan
    values = (line.pages_ok, KeywordState.RUNNING.value, until, until, plan, plan, keyword_id, line.round, line.run_id)
    if database.execute_sql(sql, values).rowcount == 1:
        return None
    row = find_row(database, keyword_id)  # MySQL counts rows that changed, and two reports may come within one tick
    if row is not None and (row.round, row.owner) == (line.round, line.run_id):
        return None
    return LeaseLost(_describe_loss(row, line.run_id, line.keyword))


def _new_round(row: Keyword, now: datetime) -> str:
    """Names its keyword; no two are equal, also after a database was made anew beside the same warehouse."""
    return f"k{row.id}.{now:%Y%m%dT%H%M%S}.{secrets.token_hex(3)}"


def find_row(database: pw.Database, keyword_id: int) -> Keyword | None:
    """The keyword, kept from others until the transaction that asks ends."""
    return locked(database, Keyword.select().where(Keyword.id == keyword_id)).first(database)


def _check_lease(row: Keyword | None, lease: KeywordLease) -> Keyword:
    if row is None or (row.owner, row.round) != (lease.owner, lease.coverage.round):
        raise LeaseLost(_describe_loss(row, lease.owner, lease.keyword))
    return row


def _describe_loss(row: Keyword | None, owner: str, keyword: str) -> str:
    if row is None:
        return f"keyword {keyword!r} is no longer in the queue"
    if row.owner == owner:
        return f"keyword {keyword!r} is in another round by now: {row.round}"
    return f"keyword {keyword!r} belongs to {row.owner or 'nobody'} by now, not to {owner}"
