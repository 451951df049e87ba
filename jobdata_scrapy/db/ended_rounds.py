"""Queries about rounds that have ended, in the order in which they did: what is copied to the warehouse, and audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import peewee as pw

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.coverage import EVERY_COLUMN, read_line
from jobdata_scrapy.db.models import CoverageLine
from jobdata_scrapy.db.transaction import reading

FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
BATCH = 1000
Place = tuple[datetime, int]
"""When a line was last written (aware UTC), and its id."""


@dataclass(frozen=True, slots=True)
class EndedRound:
    """A line of the ledger, and when it was last written (aware UTC)."""

    line_id: int
    coverage: Coverage
    updated_at: datetime

    @property
    def place(self) -> Place:
        """Where it stands in the order; what `list_ended` goes on after."""
        return self.updated_at, self.line_id


@reading
def list_ended(
    database: pw.Database, after: Place = (FIRST_TIME, 0), *, platform: str = "", limit: int = BATCH
) -> list[EndedRound]:
    """At most `limit` rounds that have ended, those after the place `after`, the oldest first."""
    query = _after(CoverageLine.select(), after)
    if platform:
        query = query.where(CoverageLine.platform == platform)
    return _read(query.limit(limit), database)


@reading
def list_places(database: pw.Database, after: Place, *, limit: int = BATCH) -> list[Place]:
    """Where the rounds of `list_ended` stand, without reading them."""
    query = _after(CoverageLine.select(CoverageLine.updated_at, CoverageLine.id), after)
    return list(query.limit(limit).tuples().execute(database))


@reading
def read_ended(database: pw.Database, places: Sequence[Place]) -> list[EndedRound]:
    """The rounds at these places, but for those that have gone on since; the oldest first."""
    ids = [line_id for _, line_id in places]
    query = CoverageLine.select().where(CoverageLine.id.in_(ids), CoverageLine.state != RoundState.RUNNING.value)
    return _read(query.order_by(CoverageLine.updated_at, CoverageLine.id), database)


@reading
def healthy_before(database: pw.Database, ended: EndedRound, count: int) -> list[Coverage]:
    """The last `count` rounds of the same search that ended `done` before this one, newest first."""
    line = ended.coverage
    query = CoverageLine.select(EVERY_COLUMN).where(
        CoverageLine.platform == line.platform,
        CoverageLine.keyword == line.keyword,
        CoverageLine.city == line.city,
        CoverageLine.state == RoundState.DONE.value,
        CoverageLine.updated_at < ended.updated_at,
    )
    newest = query.order_by(CoverageLine.updated_at.desc(), CoverageLine.id.desc()).limit(count)
    return [read_line(row) for row in newest.execute(database)]


def _after(query: pw.ModelSelect, place: Place) -> pw.ModelSelect:
    updated_at, line_id = place
    is_later = (CoverageLine.updated_at > updated_at) | ((CoverageLine.updated_at == updated_at) & (CoverageLine.id > line_id))
    # the first condition says nothing new, but lets the index be used
    query = query.where(CoverageLine.updated_at >= updated_at, is_later, CoverageLine.state != RoundState.RUNNING.value)
    return query.order_by(CoverageLine.updated_at, CoverageLine.id)


def _read(query: pw.ModelSelect, database: pw.Database) -> list[EndedRound]:
    return [EndedRound(row.id, read_line(row), row.updated_at) for row in query.execute(database)]
