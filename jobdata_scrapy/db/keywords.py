"""The queue's side that a spider meets: leasing a keyword, signs of life, giving it back. What an operator does: `keyword_list`.

`now` is an aware time, the current one by default: that of the machine that asks the database, so leases are minutes long.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import peewee as pw

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.coverage import find_round, save_rounds, take_over
from jobdata_scrapy.db.keyword_rows import save_rows
from jobdata_scrapy.db.keyword_states import KeywordState, QueueRules, change, extend, give_back, take, wake
from jobdata_scrapy.db.models import Keyword
from jobdata_scrapy.db.transaction import locked, writing
from jobdata_scrapy.exceptions import LeaseLost, StorageError
from jobdata_scrapy.leases import KeywordLease, Owner

WOKEN_AT_ONCE = 200  # a lease never waits for more, and each keyword is woken once a lease of it
QUEUE_ROUND = re.compile(r"k([0-9]+)\..+")
ENDED = (RoundState.DONE, RoundState.CAPPED)


@writing
def lease_keyword(
    database: pw.Database, platform: str, owner: Owner, rules: QueueRules, *, now: datetime | None = None
) -> KeywordLease | None:
    """The next keyword of `platform` in the queue's order, now the owner's; None when none is ready.

    A partial round goes on under its own id, its ledger line becoming the owner's run's; else a new round begins.
    """
    now = now or datetime.now(UTC)
    _wake_keywords(database, platform, rules, now)
    while (row := _first_in_queue(database, platform)) is not None:
        lease = _lease_row(database, row, owner, rules, now)
        save_rows(database, [row], now)
        if lease is not None:
            return lease
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
    database: pw.Database, lines: Sequence[Coverage], rules: QueueRules, *, now: datetime | None = None
) -> list[StorageError | None]:
    """Writes the counts of rounds; the lease of each that belongs to the queue begins anew.

    Returns, for each, None or the error that it alone ends with: LeaseLost where somebody else has the keyword or the round.
    """
    now = now or datetime.now(UTC)
    lost = [_extend_reporting(database, line, rules, now) for line in lines]
    saved = iter(save_rounds(database, [line for line, error in zip(lines, lost, strict=True) if error is None]))
    return [next(saved) if error is None else error for error in lost]


@writing
def save_plan(database: pw.Database, lease: KeywordLease, plan: str, *, now: datetime | None = None) -> None:
    """Keeps the search plan of a leased keyword. Raises LeaseLost."""
    row = _check_owner(_find_row(database, lease.keyword_id), lease.owner, lease.keyword)
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
    row = _find_row(database, lease.keyword_id)
    if row is not None and (row.released_by, row.round) == (lease.owner, lease.coverage.round):
        return
    row = _check_owner(row, lease.owner, lease.keyword)
    give_back(row, lease.coverage.state, error, now, rules)
    save_rows(database, [row], now)


def _wake_keywords(database: pw.Database, platform: str, rules: QueueRules, now: datetime) -> None:
    """The longest overdue first. Rows that another process is just waking are left to it."""
    overdue = "platform = {0} AND wake_at <= {0} ORDER BY wake_at"
    rows = _select_free(database, overdue, WOKEN_AT_ONCE, platform, Keyword.wake_at.db_value(now))
    for row in rows:
        wake(row, now, rules)
    save_rows(database, rows, now)


def _first_in_queue(database: pw.Database, platform: str) -> Keyword | None:
    """One predicate on one index; NULL is no rank."""
    rows = _select_free(database, "platform = {0} AND lease_rank >= 0 ORDER BY lease_rank, queued_at, id", 1, platform)
    return rows[0] if rows else None


def _select_free(database: pw.Database, condition: str, limit: int, *parameters: object) -> list[Keyword]:
    """Rows that no other transaction has taken. SQL as text: putting it together took peewee longer than the rest of a lease."""
    skip = " FOR UPDATE SKIP LOCKED" if database.for_update else ""
    sql = f"SELECT * FROM keyword WHERE {condition.format(database.param)} LIMIT {limit}{skip}"  # noqa: S608 - our own text
    return list(Keyword.raw(sql, *parameters).execute(database))


def _lease_row(database: pw.Database, row: Keyword, owner: Owner, rules: QueueRules, now: datetime) -> KeywordLease | None:
    """The lease; None where the keyword is not to be handed out after all: it only left the queue."""
    if row.owner == owner.name:  # its own heartbeat came late; whoever works on it in that process still does
        extend(row, now, rules)
        return None
    line = find_round(database, row.platform, row.keyword, row.city, row.round) if row.state == RoundState.PARTIAL else None
    if line is not None and line.state in ENDED:  # its owner was killed between the last report and giving it back
        give_back(row, line.state, "", now, rules)
        return None
    goes_on = row.state == RoundState.PARTIAL and (line is None or line.state is not RoundState.FAILED)
    take(row, owner, now, rules, new_round="" if goes_on else _new_round(row, now))
    if line is not None and goes_on:
        coverage = take_over(database, line, owner.name, at=now)
    else:
        coverage = Coverage(row.platform, row.keyword, row.city, row.round, owner.name)
    return KeywordLease(
        row.id, row.platform, row.keyword, row.city, owner.name, row.lease_until, coverage, row.plan, row.attempts
    )  # fmt: skip


def _extend_reporting(database: pw.Database, line: Coverage, rules: QueueRules, now: datetime) -> StorageError | None:
    """A page was read: `moved`, and what `keyword_states.extend` does, in one statement."""
    found = QUEUE_ROUND.fullmatch(line.round)
    if found is None:  # a round of a run that was given its keyword: it stands in no queue
        return None
    keyword_id, until = int(found[1]), Keyword.lease_until.db_value(rules.lease_end(now))
    mark = database.param
    sql = (
        f"UPDATE keyword SET moved = {mark}, state = {mark}, lease_rank = NULL, lease_until = {mark}, wake_at = {mark} "  # noqa: S608
        f"WHERE id = {mark} AND round = {mark} AND owner = {mark}"
    )
    values = (True, KeywordState.RUNNING.value, until, until, keyword_id, line.round, line.run_id)
    if database.execute_sql(sql, values).rowcount == 1:
        return None
    row = _find_row(database, keyword_id)  # MySQL counts rows that changed, and two reports may come within one tick
    if row is not None and (row.round, row.owner) == (line.round, line.run_id):
        return None
    return LeaseLost(_describe_loss(row, line.run_id, line.keyword))


def _new_round(row: Keyword, now: datetime) -> str:
    """Names its keyword; no two are equal, also after a database was made anew beside the same warehouse."""
    return f"k{row.id}.{now:%Y%m%dT%H%M%S}.{secrets.token_hex(3)}"


def _find_row(database: pw.Database, keyword_id: int) -> Keyword | None:
    return locked(database, Keyword.select().where(Keyword.id == keyword_id)).first(database)


def _check_owner(row: Keyword | None, owner: str, keyword: str) -> Keyword:
    if row is None or row.owner != owner:
        raise LeaseLost(_describe_loss(row, owner, keyword))
    return row


def _describe_loss(row: Keyword | None, owner: str, keyword: str) -> str:
    if row is None:
        return f"keyword {keyword!r} is no longer in the queue"
    return f"keyword {keyword!r} belongs to {row.owner or 'nobody'} by now, not to {owner}"
