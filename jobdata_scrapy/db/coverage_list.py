"""What is covered and what is not: the latest round of each search, and searches of the queue that have had none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import peewee as pw

from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.models import CoverageLine, Keyword
from jobdata_scrapy.db.transaction import reading

NEVER = "never"
STATES = (*RoundState, NEVER)
COUNTS = ("total", "cap", "pages_ok", "seen", "new", "changed", "unchanged", "repeated", "rejected", "spooled", "distinct")


@dataclass(frozen=True, slots=True)
class SearchCoverage:
    """One search. state, counts, uncovered_parts: its latest round's ("never" without one); queue_state: "" outside the queue."""

    platform: str
    keyword: str
    city: str
    state: str
    stop_reason: str
    counts: dict[str, int | None]
    uncovered_parts: str
    updated_at: datetime | None
    queue_state: str
    paused: bool
    due_at: datetime | None
    last_error: str


@reading
def list_coverage(
    database: pw.Database, *, platform: str = "", keyword: str = "", city: str = "", state: str = "", limit: int = 200
) -> list[SearchCoverage]:
    """At most `limit` searches that have had a round, then at most as many that have not, each by site, keyword and city."""
    wanted = {"platform": platform, "keyword": keyword, "city": city}
    found: list[dict[str, Any]] = []
    if state != NEVER:
        found += _latest_rounds(wanted, state).limit(limit).dicts().execute(database)
    if state in ("", NEVER):
        found += _without_round(wanted).limit(limit).dicts().execute(database)
    return [_make(row) for row in found]


def _latest_rounds(wanted: dict[str, str], state: str) -> pw.Select:
    search = [CoverageLine.platform, CoverageLine.keyword, CoverageLine.city]
    newest = [CoverageLine.updated_at.desc(), CoverageLine.id.desc()]
    place = pw.fn.ROW_NUMBER().over(partition_by=search, order_by=newest)
    ranked = CoverageLine.select(CoverageLine.id, place.alias("place")).where(*_equal(CoverageLine, wanted)).alias("ranked")
    columns = [
        getattr(CoverageLine, name)
        for name in ("platform", "keyword", "city", "state", "stop_reason", "uncovered_parts", "updated_at", *COUNTS)
    ]
    query = CoverageLine.select(*columns, *_queue_columns())
    query = query.join(ranked, on=(ranked.c.id == CoverageLine.id)).switch(CoverageLine)
    query = query.join(Keyword, pw.JOIN.LEFT_OUTER, on=_same_search()).where(ranked.c.place == 1)
    return (query.where(CoverageLine.state == state) if state else query).order_by(*search)


def _without_round(wanted: dict[str, str]) -> pw.Select:
    search = [Keyword.platform, Keyword.keyword, Keyword.city]
    query = Keyword.select(*search, *_queue_columns()).join(CoverageLine, pw.JOIN.LEFT_OUTER, on=_same_search())
    return query.where(CoverageLine.id.is_null(), *_equal(Keyword, wanted)).order_by(*search)


def _queue_columns() -> list[Any]:
    return [Keyword.state.alias("queue_state"), Keyword.paused, Keyword.due_at, Keyword.last_error]


def _same_search() -> pw.Expression:
    return (
        (Keyword.platform == CoverageLine.platform)
        & (Keyword.keyword == CoverageLine.keyword)
        & (Keyword.city == CoverageLine.city)
    )


def _equal(model: type[pw.Model], wanted: dict[str, str]) -> list[Any]:
    return [getattr(model, name) == value for name, value in wanted.items() if value] or [pw.SQL("1 = 1")]


def _make(row: dict[str, Any]) -> SearchCoverage:
    return SearchCoverage(
        row["platform"],
        row["keyword"],
        row["city"],
        row.get("state", NEVER),
        row.get("stop_reason", ""),
        {name: row[name] for name in COUNTS if name in row},
        row.get("uncovered_parts", ""),
        row.get("updated_at"),
        row["queue_state"] or "",
        bool(row["paused"]),
        row["due_at"],
        row["last_error"] or "",
    )
