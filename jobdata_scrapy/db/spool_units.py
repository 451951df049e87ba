"""Queries about pages that went through the spool: each moves its postings in the ledger exactly once, whatever dies in between.

A page is *counted* when the run that read it has reported it (its postings stand in `coverage.spooled`), *written* when it was
replayed. Both happen once, in either order and in any process; what comes second moves the postings from `spooled` to what they
turned out to be. A page that was never reported moves nothing: its run was killed before, and the page is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import peewee as pw

from jobdata_scrapy.coverage import REPLAYED, Coverage, take_replayed
from jobdata_scrapy.db.coverage import find_round, update_line
from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.models import SpoolUnit
from jobdata_scrapy.db.transaction import locked, writing
from jobdata_scrapy.items import Page

KEPT_DAYS = 90  # far longer than a file may come back from a backup


class UnitState(StrEnum):
    """COUNTED: reported, not yet written; WRITTEN: written, not (yet) reported; MOVED: both, and the ledger says so."""

    COUNTED = "counted"
    WRITTEN = "written"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class WrittenUnit:
    """One list page of the spool that is in the warehouse now. counts: by the names of `coverage.REPLAYED`."""

    unit: str
    platform: str
    keyword: str
    city: str
    round: str
    counts: Mapping[str, int]


@writing
def count_unit(database: pw.Database, line: Coverage, unit: str) -> dict[str, int]:
    """The page is reported. Returns what of `line`'s round was written from the spool, this page included where it is.

    Part of the transaction that has locked the line.
    """
    row = _find(database, unit)
    if row is None:
        _insert(database, unit, line.round, UnitState.COUNTED, dict.fromkeys(REPLAYED, 0))
    elif row.state == UnitState.WRITTEN:
        _update(database, unit, UnitState.MOVED, {})
        return _add(line.replayed, {name: getattr(row, name) for name in REPLAYED})
    return line.replayed


@writing
def write_units(database: pw.Database, units: Sequence[WrittenUnit]) -> None:
    """The pages are in the warehouse: moves the postings of those that were reported. Done again it changes nothing."""
    for one in units:
        line = find_round(database, one.platform, one.keyword, one.city, one.round)  # first: who reports locks it first, too
        row = _find(database, one.unit)
        if row is None:
            _insert(database, one.unit, one.round, UnitState.WRITTEN, one.counts)
        elif row.state == UnitState.COUNTED:
            _update(database, one.unit, UnitState.MOVED, one.counts)
            if line is not None:
                take_replayed(line, _add(line.replayed, one.counts))
                line.stored = None
                update_line(database, line)


@writing
def find_orphans(database: pw.Database, pages: Iterable[tuple[str, Page]]) -> frozenset[str]:
    """Units, of (unit, list page), that nobody reports any more: their round went on without them, and read the page anew."""
    found = set()
    for unit, page in pages:
        line = find_round(database, page.platform, page.keyword, page.city, page.round)
        row = _find(database, unit)
        counted = row is not None and row.state != UnitState.WRITTEN
        if line is not None and not counted and (line.run_id != page.run_id or line.pages_ok >= page.number):
            found.add(unit)
    return frozenset(found)


@writing
def forget_units(database: pw.Database, *, now: datetime | None = None) -> int:
    """Removes what was moved long ago; how many."""
    limit = (now or datetime.now(UTC)) - timedelta(days=KEPT_DAYS)
    old = SpoolUnit.delete().where(SpoolUnit.updated_at < limit, SpoolUnit.state != UnitState.COUNTED.value)
    return int(old.execute(database))


def _add(before: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
    return {name: before[name] + counts[name] for name in REPLAYED}


def _find(database: pw.Database, unit: str) -> SpoolUnit | None:
    return locked(database, SpoolUnit.select().where(SpoolUnit.unit == unit)).first(database)


def _insert(database: pw.Database, unit: str, round: str, state: UnitState, counts: Mapping[str, int]) -> None:
    row = {"unit": unit, "round": round, "state": state.value, "updated_at": datetime.now(UTC), **counts}
    check_row(SpoolUnit, row)
    SpoolUnit.insert(row).execute(database)


def _update(database: pw.Database, unit: str, state: UnitState, counts: Mapping[str, int]) -> None:
    changes = {"state": state.value, "updated_at": datetime.now(UTC), **counts}
    SpoolUnit.update(changes).where(SpoolUnit.unit == unit).execute(database)
