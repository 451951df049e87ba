"""Queries about rounds: the coverage ledger."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from itertools import zip_longest
from typing import Any

import peewee as pw

from jobdata_scrapy.coverage import FOUND_EMPTY, REPLAYED, Coverage, RoundState, take_replayed
from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.models import CoverageLine
from jobdata_scrapy.db.transaction import locked, reading, writing
from jobdata_scrapy.exceptions import LeaseLost, StorageError

logger = logging.getLogger(__name__)
# These only ever grow; the others (spooled, stored, ...) may go both ways.
GROWING = ("pages_asked", "pages_ok", "seen", "new", "changed", "unchanged", "repeated", "rejected", "distinct")
COLUMNS = tuple(field.name for field in fields(Coverage))
READ_TO_THE_END = (RoundState.DONE, RoundState.CAPPED)
ROUND_KEY = ("platform", "keyword", "city", "round", "run_id")
EVERY_COLUMN = pw.SQL("*")  # named one by one, the fifty of them take half the time of a query
TOLD = tuple(f"replayed_{name}" for name in REPLAYED)  # what the reporter knows of replays


@writing
def open_round(database: pw.Database, coverage: Coverage, *, at: datetime | None = None) -> None:
    """Puts the round into the ledger; kept as it is when it stands there already. `at`: the time of the line, now by default."""
    CoverageLine.insert(_row(coverage, at)).on_conflict_ignore().execute(database)


@writing
def save_round(database: pw.Database, coverage: Coverage, *, unit: str = "", at: datetime | None = None) -> bool:
    """Writes the round's line, inserting it where it is missing. Safe to call again, and in the wrong order.

    A report older than what stands there (a request that was sent again and arrived late) lowers nothing: it is left aside, and
    False returned. `unit`: what the page that is reported is called in the spool. `coverage` takes in what was written from the
    spool meanwhile, by whatever process. Raises LeaseLost when the round belongs to another run by now.
    """
    from jobdata_scrapy.db.spool_units import count_unit  # late: it is about lines, too

    CoverageLine.insert(_row(coverage, at)).on_conflict_ignore().execute(database)
    row = locked(database, CoverageLine.select().where(_is_round(coverage))).get(database)
    if row.run_id != coverage.run_id:
        raise LeaseLost(f"coverage: round {coverage.round!r} belongs to run {row.run_id!r}, not to {coverage.run_id!r}")
    line = read_line(row)
    take_replayed(coverage, line.replayed)
    if _is_older(coverage, line):
        logger.info("round %s: a report of page count %d came late and was left aside", coverage.round, coverage.pages_ok)
        return False
    if unit:
        take_replayed(coverage, count_unit(database, line, unit))
    update_line(database, coverage, at=at)
    return True


@writing
def save_rounds(database: pw.Database, lines: Sequence[Coverage], units: Sequence[str] = ()) -> list[StorageError | None]:
    """`save_round` for several lines (and their units, "" for none) in one transaction.

    Returns, for each, None or the error that it alone ends with.
    """
    errors: list[StorageError | None] = []
    for coverage, unit in zip_longest(lines, units, fillvalue=""):
        try:
            if unit or not _update_running(database, coverage):
                save_round(database, coverage, unit=unit)
            errors.append(None)
        except StorageError as error:  # of this line; a failure of the database has another class in here, and ends them all
            errors.append(error)
    return errors


def update_line(database: pw.Database, coverage: Coverage, *, at: datetime | None = None) -> None:
    """Writes the line as it is. Part of the transaction that has locked it."""
    CoverageLine.update(_row(coverage, at)).where(_is_round(coverage)).execute(database)


def _update_running(database: pw.Database, coverage: Coverage) -> bool:
    """The common case of `save_round` in one statement: the line is there, still running, this run's, not newer, and
    nothing was replayed that the reporter does not know."""
    stored = check_row(CoverageLine, _values(coverage, None))
    values = [*stored.values(), *(stored[column] for column in (*ROUND_KEY, *GROWING, *TOLD))]
    return database.execute_sql(_update_running_sql(database.quote or '""', database.param, tuple(stored)), values).rowcount == 1


@cache
def _update_running_sql(quote: str, mark: str, columns: tuple[str, ...]) -> str:
    name = {column: f"{quote[0]}{column}{quote[1]}" for column in columns}
    return (
        f"UPDATE {quote[0]}coverage{quote[1]} SET {', '.join(f'{name[column]} = {mark}' for column in columns)} WHERE "  # noqa: S608
        + " AND ".join(f"{name[column]} = {mark}" for column in ROUND_KEY)
        + f" AND {name['state']} = '{RoundState.RUNNING.value}'"
        + "".join(f" AND {name[column]} <= {mark}" for column in GROWING)
        + "".join(f" AND {name[column]} = {mark}" for column in TOLD)
    )


@reading
def find_rounds(database: pw.Database, run_id: str) -> list[Coverage]:
    """The rounds of a run, in the order they were opened."""
    query = CoverageLine.select().where(CoverageLine.run_id == run_id).order_by(CoverageLine.id)
    return [read_line(line) for line in query.execute(database)]


@writing
def find_round(database: pw.Database, platform: str, keyword: str, city: str, round: str) -> Coverage | None:
    """A round's line, kept from others until the transaction that asks ends; None where it has none yet."""
    query = CoverageLine.select().where(_is_keyword(platform, keyword, city), CoverageLine.round == round)
    line = locked(database, query).first(database)
    return None if line is None else read_line(line)


@reading
def search_of_round(database: pw.Database, platform: str, round: str) -> tuple[str, str] | None:
    """Keyword and city of a round of which only the name is known. It reads all lines of the site, and keeps none from others."""
    columns = CoverageLine.select(CoverageLine.keyword, CoverageLine.city)
    line = columns.where(CoverageLine.platform == platform, CoverageLine.round == round).first(database)
    return None if line is None else (line.keyword, line.city)


@writing
def take_over(database: pw.Database, coverage: Coverage, run_id: str, *, at: datetime | None = None) -> Coverage:
    """The round goes on in another run: its line is that run's from now on, and reports of the run before are refused.

    Part of the transaction that hands out the keyword. Returns the line as it stands now.
    """
    taken = replace(coverage, run_id=run_id, state=RoundState.RUNNING, stop_reason="")
    changes = {"run_id": run_id, "state": taken.state.value, "stop_reason": "", "updated_at": at or datetime.now(UTC)}
    check_row(CoverageLine, changes)
    CoverageLine.update(changes).where(_is_round(coverage)).execute(database)
    return taken


@reading
def last_healthy_rounds(database: pw.Database, platform: str, keyword: str, city: str, count: int) -> list[Coverage]:
    """The last rounds of this keyword that were read to the end (`done`, or `capped`: as far as the site shows), newest first.

    Which of them later ones are compared with: `report.history.select_healthy`.
    """
    read = CoverageLine.state.in_([state.value for state in READ_TO_THE_END])
    query = CoverageLine.select(EVERY_COLUMN).where(_is_keyword(platform, keyword, city), read)
    newest = query.order_by(CoverageLine.updated_at.desc(), CoverageLine.id.desc()).limit(count)
    return [read_line(line) for line in newest.execute(database)]


@reading
def found_empty(database: pw.Database, platform: str, keyword: str, city: str) -> list[datetime]:
    """When rounds of this keyword ended as FOUND_EMPTY on page 1, oldest first, since one that was healthy or saw anything."""
    is_keyword, newest = _is_keyword(platform, keyword, city), CoverageLine.updated_at.desc()
    read = (CoverageLine.state == RoundState.DONE.value) | (CoverageLine.seen > 0)
    last = CoverageLine.select(CoverageLine.updated_at).where(is_keyword, read).order_by(newest).limit(1).first(database)
    query = CoverageLine.select(CoverageLine.updated_at).where(
        is_keyword, CoverageLine.state == RoundState.FAILED.value, CoverageLine.stop_reason == FOUND_EMPTY
    )
    if last is not None:
        query = query.where(CoverageLine.updated_at > last.updated_at)
    return [line.updated_at for line in query.order_by(CoverageLine.updated_at).execute(database)]


@reading
def keyword_rounds(database: pw.Database, platform: str, keyword: str, city: str, count: int) -> list[Coverage]:
    """The last rounds of this keyword, however they ended, newest first."""
    query = CoverageLine.select(EVERY_COLUMN).where(_is_keyword(platform, keyword, city))
    newest = query.order_by(CoverageLine.updated_at.desc(), CoverageLine.id.desc()).limit(count)
    return [read_line(line) for line in newest.execute(database)]


def _is_round(coverage: Coverage) -> pw.Expression:
    return _is_keyword(coverage.platform, coverage.keyword, coverage.city) & (CoverageLine.round == coverage.round)


def _is_keyword(platform: str, keyword: str, city: str) -> pw.Expression:
    return (CoverageLine.platform == platform) & (CoverageLine.keyword == keyword) & (CoverageLine.city == city)


def _is_older(coverage: Coverage, line: Coverage) -> bool:
    given = [getattr(coverage, name) for name in GROWING]
    kept = [getattr(line, name) for name in GROWING]
    if any(new < old for new, old in zip(given, kept, strict=True)):
        return True
    reopens = coverage.state is RoundState.RUNNING and line.state is not RoundState.RUNNING
    return reopens and given == kept


def _row(coverage: Coverage, at: datetime | None) -> dict[str, Any]:
    row = _values(coverage, at)
    check_row(CoverageLine, row)
    return row


def _values(coverage: Coverage, at: datetime | None) -> dict[str, Any]:
    values = {name: getattr(coverage, name) for name in COLUMNS}
    return values | {"state": coverage.state.value, "updated_at": at or datetime.now(UTC)}


def read_line(line: CoverageLine) -> Coverage:
    """The row as a record."""
    values = {name: getattr(line, name) for name in COLUMNS}
    return Coverage(**values | {"state": RoundState(line.state)})
