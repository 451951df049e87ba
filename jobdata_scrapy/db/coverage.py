"""Queries about rounds: the coverage ledger."""

from __future__ import annotations

import logging
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

import peewee as pw

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.models import CoverageLine
from jobdata_scrapy.db.transaction import locked, reading, writing
from jobdata_scrapy.exceptions import StorageError

logger = logging.getLogger(__name__)
# These only ever grow; the others (spooled, stored, ...) may go both ways.
GROWING = ("pages_asked", "pages_ok", "seen", "new", "changed", "unchanged", "repeated", "rejected", "distinct")


@writing
def open_round(database: pw.Database, coverage: Coverage, *, at: datetime | None = None) -> None:
    """Puts the round into the ledger; kept as it is when it stands there already. `at`: the time of the line, now by default."""
    CoverageLine.insert(_row(coverage, at)).on_conflict_ignore().execute(database)


@writing
def save_round(database: pw.Database, coverage: Coverage, *, at: datetime | None = None) -> bool:
    """Writes the round's line, inserting it where it is missing. Safe to call again, and in the wrong order.

    A report older than what stands there (a request that was sent again and arrived late) lowers nothing: it is left aside, and
    False returned. Raises StorageError when the round belongs to another run.
    """
    row = _row(coverage, at)
    CoverageLine.insert(row).on_conflict_ignore().execute(database)
    is_round = _is_keyword(coverage.platform, coverage.keyword, coverage.city) & (CoverageLine.round == coverage.round)
    line = locked(database, CoverageLine.select().where(is_round)).get(database)
    if line.run_id != coverage.run_id:
        raise StorageError(f"coverage: round {coverage.round!r} belongs to run {line.run_id!r}, not to {coverage.run_id!r}")
    if _is_older(coverage, line):
        logger.info("round %s: a report of page count %d came late and was left aside", coverage.round, coverage.pages_ok)
        return False
    CoverageLine.update(row).where(CoverageLine.id == line.id).execute(database)
    return True


@reading
def find_rounds(database: pw.Database, run_id: str) -> list[Coverage]:
    """The rounds of a run, in the order they were opened."""
    query = CoverageLine.select().where(CoverageLine.run_id == run_id).order_by(CoverageLine.id)
    return [_coverage(line) for line in query.execute(database)]


@reading
def last_healthy_round(database: pw.Database, platform: str, keyword: str, city: str) -> Coverage | None:
    """The last round of this keyword that covered everything (state `done`), None where there was none yet."""
    query = CoverageLine.select().where(_is_keyword(platform, keyword, city), CoverageLine.state == RoundState.DONE.value)
    line = query.order_by(CoverageLine.updated_at.desc(), CoverageLine.id.desc()).limit(1).first(database)
    return None if line is None else _coverage(line)


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
