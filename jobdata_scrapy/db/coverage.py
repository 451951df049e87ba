"""Queries about rounds: the coverage ledger."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

import peewee as pw

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.models import CoverageLine
from jobdata_scrapy.db.transaction import locked, reading, writing
from jobdata_scrapy.exceptions import LeaseLost, StorageError

logger = logging.getLogger(__name__)
# These only ever grow; the others (spooled, stored, ...) may go both ways.
GROWING = ("pages_asked", "pages_ok", "seen", "new", "changed", "unchanged", "repeated", "rejected", "distinct")
ROUND_KEY = ("platform", "keyword", "city", "round", "run_id")


@writing
def open_round(database: pw.Database, coverage: Coverage, *, at: datetime | None = None) -> None:
    """Puts the round into the ledger; kept as it is when it stands there already. `at`: the time of the line, now by default."""
    CoverageLine.insert(_row(coverage, at)).on_conflict_ignore().execute(database)


@writing
def save_round(database: pw.Database, coverage: Coverage, *, at: datetime | None = None) -> bool:
    """Writes the round's line, inserting it where it is missing. Safe to call again, and in the wrong order.

    A report older than what stands there (a request that was sent again and arrived late) lowers nothing: it is left aside, and
    False returned. Raises LeaseLost when the round belongs to another run by now.
    """
    row = _row(coverage, at)
    CoverageLine.insert(row).on_conflict_ignore().execute(database)
    is_round = _is_keyword(coverage.platform, coverage.keyword, coverage.city) & (CoverageLine.round == coverage.round)
    line = locked(database, CoverageLine.select().where(is_round)).get(database)
    if line.run_id != coverage.run_id:
        raise LeaseLost(f"coverage: round {coverage.round!r} belongs to run {line.run_id!r}, not to {coverage.run_id!r}")
    if _is_older(coverage, line):
        logger.info("round %s: a report of page count %d came late and was left aside", coverage.round, coverage.pages_ok)
        return False
    CoverageLine.update(row).where(CoverageLine.id == line.id).execute(database)
    return True


@writing
def save_rounds(database: pw.Database, lines: Sequence[Coverage]) -> list[StorageError | None]:
    """`save_round` for several lines in one transaction. Returns, for each, None or the error that it alone ends with."""
    errors: list[StorageError | None] = []
    for coverage in lines:
        try:
            if not _update_running(database, _row(coverage, None)):
                save_round(database, coverage)
            errors.append(None)
        except StorageError as error:  # of this line; a failure of the database has another class in here, and ends them all
            errors.append(error)
    return errors


def _update_running(database: pw.Database, row: dict[str, Any]) -> bool:
    """The common case of `save_round` in one statement: the line is there, still running, this run's, and not newer."""
    quote, mark = (database.quote or '""'), database.param
    name = {column: f"{quote[0]}{column}{quote[1]}" for column in row}
    sql = (
        f"UPDATE {quote[0]}coverage{quote[1]} SET {', '.join(f'{name[column]} = {mark}' for column in row)} WHERE "  # noqa: S608
        + " AND ".join(f"{name[column]} = {mark}" for column in ROUND_KEY)
        + f" AND {name['state']} = '{RoundState.RUNNING.value}'"
        + "".join(f" AND {name[column]} <= {mark}" for column in GROWING)
    )
    stored = {column: CoverageLine._meta.fields[column].db_value(value) for column, value in row.items()}
    values = [*stored.values(), *(stored[column] for column in (*ROUND_KEY, *GROWING))]
    return database.execute_sql(sql, values).rowcount == 1


@reading
def find_rounds(database: pw.Database, run_id: str) -> list[Coverage]:
    """The rounds of a run, in the order they were opened."""
    query = CoverageLine.select().where(CoverageLine.run_id == run_id).order_by(CoverageLine.id)
    return [_coverage(line) for line in query.execute(database)]


@writing
def find_round(database: pw.Database, platform: str, keyword: str, city: str, round: str) -> Coverage | None:
    """A round's line, kept from others until the transaction that asks ends; None where it has none yet."""
    query = CoverageLine.select().where(_is_keyword(platform, keyword, city), CoverageLine.round == round)
    line = locked(database, query).first(database)
    return None if line is None else _coverage(line)


@writing
def take_over(database: pw.Database, coverage: Coverage, run_id: str, *, at: datetime | None = None) -> Coverage:
    """The round goes on in another run: its line is that run's from now on, and reports of the run before are refused.

    Part of the transaction that hands out the keyword. Returns the line as it stands now.
    """
    taken = replace(coverage, run_id=run_id, state=RoundState.RUNNING, stop_reason="")
    changes = {"run_id": run_id, "state": taken.state.value, "stop_reason": "", "updated_at": at or datetime.now(UTC)}
    check_row(CoverageLine, changes)
    is_round = _is_keyword(coverage.platform, coverage.keyword, coverage.city) & (CoverageLine.round == coverage.round)
    CoverageLine.update(changes).where(is_round).execute(database)
    return taken


@reading
def last_healthy_rounds(database: pw.Database, platform: str, keyword: str, city: str, count: int) -> list[Coverage]:
    """The last rounds of this keyword that covered everything (state `done`), newest first."""
    query = CoverageLine.select().where(_is_keyword(platform, keyword, city), CoverageLine.state == RoundState.DONE.value)
    newest = query.order_by(CoverageLine.updated_at.desc(), CoverageLine.id.desc()).limit(count)
    return [_coverage(line) for line in newest.execute(database)]


@reading
def keyword_rounds(database: pw.Database, platform: str, keyword: str, city: str, count: int) -> list[Coverage]:
    """The last rounds of this keyword, however they ended, newest first."""
    query = CoverageLine.select().where(_is_keyword(platform, keyword, city))
    newest = query.order_by(CoverageLine.updated_at.desc(), CoverageLine.id.desc()).limit(count)
    return [_coverage(line) for line in newest.execute(database)]


def _is_keyword(platform: str, keyword: str, city: str) -> pw.Expression:
    return (CoverageLine.platform == platform) & (CoverageLine.keyword == keyword) & (CoverageLine.city == city)


def _is_older(coverage: Coverage, line: CoverageLine) -> bool:
    given = [getattr(coverage, name) for name in GROWING]
    kept = [getattr(line, name) for name in GROWING]
    if any(new < old for new, old in zip(given, kept, strict=True)):
        return True
    reopens = coverage.state is RoundState.RUNNING and line.state != RoundState.RUNNING.value
    return reopens and given == kept


def _row(coverage: Coverage, at: datetime | None) -> dict[str, Any]:
    row = asdict(coverage) | {"state": coverage.state.value, "updated_at": at or datetime.now(UTC)}
    check_row(CoverageLine, row)
    return row


def _coverage(line: CoverageLine) -> Coverage:
    values = {field.name: getattr(line, field.name) for field in fields(Coverage)}
    return Coverage(**values | {"state": RoundState(line.state)})
