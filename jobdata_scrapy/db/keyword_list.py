"""What an operator does with the queue: add, look, revive, pause, remove. Large lists go in batches, a transaction each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any

import peewee as pw

from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.intervals import next_due, read_interval
from jobdata_scrapy.db.keyword_rows import save_rows
from jobdata_scrapy.db.keyword_states import COVERED, MAX_PRIORITY, REVIVED, KeywordState, change, revive, schedule
from jobdata_scrapy.db.models import Keyword
from jobdata_scrapy.db.transaction import locked, reading, writing
from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.platform import MAX_KEYWORD_LENGTH, NATIONWIDE

BATCH = 500
USUAL_PRIORITY = 5
WAITING_FOR = {
    KeywordState.DEAD: "dead",
    KeywordState.FAILED: "in back-off",
    KeywordState.PARTIAL: "in back-off",
    KeywordState.RUNNING: "held by a process",
    KeywordState.PENDING: "pending",
    KeywordState.DONE: "done",
    KeywordState.CAPPED: "done",
}
EMPTY: dict[str, Any] = dict.fromkeys(("last_state", "interval", "round", "plan", "node", "job", "released_by", "last_error"), "")


class Outcome(StrEnum):
    """What became of a keyword that was added."""

    NEW = "new"
    CHANGED = "changed"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class NewKeyword:
    """A keyword to add. interval, priority: None where nothing is said: once and 5 for a new one, else as it is."""

    platform: str
    keyword: str
    city: str = NATIONWIDE
    interval: str | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class KeywordFilter:
    """Which keywords; what is empty does not restrict."""

    platform: str = ""
    keywords: Sequence[str] = ()
    city: str = ""
    states: Sequence[str] = ()
    ids: Sequence[int] = ()

    def conditions(self) -> list[Any]:
        """For `where`; never empty."""
        found = [Keyword.platform == self.platform] if self.platform else []
        found += [Keyword.city == self.city] if self.city else []
        many = ((Keyword.keyword, self.keywords), (Keyword.state, self.states), (Keyword.id, self.ids))
        found += [field.in_(list(values)) for field, values in many if values]
        return found or [pw.SQL("1 = 1")]


def read_keyword(platform: str, keyword: str, city: str = "", interval: str = "", priority: str = "") -> NewKeyword:
    """A keyword from what a person wrote; "" says nothing. Raises ArgumentError naming field, value and what is allowed."""
    word = keyword.strip()
    if not 1 <= len(word) <= MAX_KEYWORD_LENGTH or not word.isprintable():
        raise ArgumentError(f"keyword: {keyword!r} must be 1 to {MAX_KEYWORD_LENGTH} printable characters")
    rank = priority.strip()
    if rank and not (len(rank) == 1 and rank in "0123456789"):
        raise ArgumentError(f"priority: {priority!r} must be a digit from 0 to {MAX_PRIORITY}; higher goes first")
    every = read_interval(interval) if interval.strip() else None
    return NewKeyword(platform, word, city or NATIONWIDE, every, int(rank) if rank else None)


def add_keywords(database: pw.Database, keywords: Iterable[NewKeyword], *, now: datetime | None = None) -> list[Outcome]:
    """Puts keywords into the queue; known ones take the interval and priority that are given. Tells what became of each."""
    found: list[Outcome] = []
    given = iter(keywords)
    while batch := list(islice(given, BATCH)):
        found += _add_batch(database, batch, now or datetime.now(UTC))
    return found


@reading
def list_keywords(database: pw.Database, which: KeywordFilter, limit: int = 100) -> list[Keyword]:
    """Keywords by site, keyword and city."""
    query = Keyword.select().where(*which.conditions()).order_by(Keyword.platform, Keyword.keyword, Keyword.city)
    return list(query.limit(limit).execute(database))


@reading
def count_keywords(database: pw.Database, which: KeywordFilter) -> dict[str, int]:
    """State -> number of keywords, "paused" beside them."""
    query = Keyword.select(Keyword.state, pw.fn.COUNT(Keyword.id), pw.fn.SUM(Keyword.paused).coerce(False))
    rows = list(query.where(*which.conditions()).group_by(Keyword.state).tuples().execute(database))
    counts = {state: count for state, count, _ in rows}
    paused = int(sum(paused for *_, paused in rows))
    return counts | ({"paused": paused} if paused else {})


@reading
def count_waiting(database: pw.Database, platform: str) -> dict[str, int]:
    """Why no keyword of the site is ready to be leased: reason -> number of keywords."""
    counts: Counter[str] = Counter()
    query = Keyword.select(Keyword.state, Keyword.paused, pw.fn.COUNT(Keyword.id)).where(Keyword.platform == platform)
    for state, paused, count in query.group_by(Keyword.state, Keyword.paused).tuples().execute(database):
        paused_now = paused and state not in (KeywordState.DEAD, KeywordState.RUNNING)
        counts["paused" if paused_now else WAITING_FOR[KeywordState(state)]] += count
    return {reason: counts[reason] for reason in dict.fromkeys((*WAITING_FOR.values(), "paused")) if counts[reason]}


def retry_keywords(database: pw.Database, which: KeywordFilter, *, now: datetime | None = None) -> int:
    """Dead and failed keywords become pending, and a partial one goes on at once. How many changed."""
    return _change_all(database, replace(which, states=which.states or REVIVED), revive, now)


def pause_keywords(database: pw.Database, which: KeywordFilter, *, paused: bool = True, now: datetime | None = None) -> int:
    """Keeps keywords from being leased, or lets them be leased again; what is running goes on. How many changed."""

    def set_paused(row: Keyword, now: datetime) -> None:
        change(row, paused=paused)
        schedule(row, now)

    return _change_all(database, which, set_paused, now)


@writing
def remove_keywords(
    database: pw.Database, which: KeywordFilter, *, force: bool = False, now: datetime | None = None
) -> tuple[int, int]:
    """Takes keywords out of the queue; their ledger stays. Leased ones only with `force`. (removed, left because leased)"""
    conditions = which.conditions()
    if force:
        return Keyword.delete().where(*conditions).execute(database), 0
    leased = Keyword.owner.is_null(False) & (Keyword.lease_until > (now or datetime.now(UTC)))
    kept = [row.id for row in locked(database, Keyword.select(Keyword.id).where(*conditions, leased)).execute(database)]
    free = [Keyword.id.not_in(kept)] if kept else []
    return Keyword.delete().where(*conditions, *free).execute(database), len(kept)


@writing
def _add_batch(database: pw.Database, batch: Sequence[NewKeyword], now: datetime) -> list[Outcome]:
    known = {_key(row): row for row in _find_known(database, batch)}
    fresh: dict[tuple[str, str, str], dict[str, Any]] = {}
    outcomes = []
    for one in batch:
        row = known.get(_key(one))
        if row is not None:
            outcomes.append(_update(row, one, now))
        elif _key(one) in fresh:
            outcomes.append(Outcome.KNOWN)
        else:
            fresh[_key(one)] = _new_row(one, now)
            outcomes.append(Outcome.NEW)
    if fresh:
        Keyword.insert_many(list(fresh.values())).on_conflict_ignore().execute(database)
    save_rows(database, list(known.values()), now)
    return outcomes


def _find_known(database: pw.Database, batch: Sequence[NewKeyword]) -> Iterable[Keyword]:
    for platform in sorted({one.platform for one in batch}):
        words = sorted({one.keyword for one in batch if one.platform == platform})
        query = Keyword.select().where(Keyword.platform == platform, Keyword.keyword.in_(words))
        yield from locked(database, query).execute(database)


def _update(row: Keyword, one: NewKeyword, now: datetime) -> Outcome:
    if one.priority is not None:
        change(row, priority=one.priority)
    if one.interval is not None and one.interval != row.interval:
        due = next_due(one.interval, row.round_at) if row.state in COVERED else None
        change(row, interval=one.interval, due_at=due)
    if not row.dirty_fields:
        return Outcome.KNOWN
    schedule(row, now)
    return Outcome.CHANGED


def _new_row(one: NewKeyword, now: datetime) -> dict[str, Any]:
    priority = USUAL_PRIORITY if one.priority is None else one.priority
    row = Keyword(
        platform=one.platform, keyword=one.keyword, city=one.city, state=KeywordState.PENDING, priority=priority, **EMPTY
    )
    change(
        row, interval=one.interval or "", paused=False, moved=False, attempts=0, pages_before=0, created_at=now, updated_at=now
    )
    schedule(row, now)
    values = {name: getattr(row, name) for name in Keyword._meta.fields if name != "id"}
    check_row(Keyword, values)
    return values


def _key(one: Keyword | NewKeyword) -> tuple[str, str, str]:
    return one.platform, one.keyword, one.city


def _change_all(
    database: pw.Database, which: KeywordFilter, step: Callable[[Keyword, datetime], None], now: datetime | None
) -> int:
    changed, last = 0, 0
    while True:
        last, count = _change_batch(database, which, step, last, now or datetime.now(UTC))
        changed += count
        if not last:
            return changed


@writing
def _change_batch(
    database: pw.Database, which: KeywordFilter, step: Callable[[Keyword, datetime], None], after: int, now: datetime
) -> tuple[int, int]:
    query = Keyword.select().where(*which.conditions(), Keyword.id > after).order_by(Keyword.id).limit(BATCH)
    rows = list(locked(database, query).execute(database))
    for row in rows:
        step(row, now)
    save_rows(database, rows, now)
    return (rows[-1].id if len(rows) == BATCH else 0), sum(bool(row.dirty_fields) for row in rows)
