"""Queries about runs."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

import peewee as pw

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.models import CrawlRun
from jobdata_scrapy.db.transaction import reading, writing


@writing
def open_run(database: pw.Database, run: RunRecord) -> None:
    """Records a run that begins; `started_at` is now where the record tells none. One that is recorded already stays as it is."""
    CrawlRun.insert(_row(run)).on_conflict_ignore().execute(database)


@writing
def close_run(database: pw.Database, run: RunRecord) -> None:
    """Records how a run ended, all columns; `finished_at` is now where the record tells none, `started_at` then stays.

    A run whose beginning was never recorded is recorded as a whole.
    """
    row = _row(run)
    if row["finished_at"] is None:
        row["finished_at"] = datetime.now(UTC)
        check_row(CrawlRun, row)
    changes = {name: value for name, value in row.items() if name != "run_id" and (name != "started_at" or run.started_at)}
    CrawlRun.insert(row).on_conflict_ignore().execute(database)
    CrawlRun.update(changes).where(CrawlRun.run_id == run.run_id).execute(database)


@reading
def find_run(database: pw.Database, run_id: str | None = None) -> RunRecord | None:
    """The run of this id, or the one that started last; None where there is none."""
    query = CrawlRun.select() if run_id is None else CrawlRun.select().where(CrawlRun.run_id == run_id)
    row = query.order_by(CrawlRun.started_at.desc(), CrawlRun.run_id.desc()).limit(1).first(database)
    return None if row is None else _record(row)


@reading
def list_runs(database: pw.Database, limit: int = 20, platform: str | None = None) -> list[RunRecord]:
    """The runs that started last (of one platform), newest first."""
    query = CrawlRun.select() if platform is None else CrawlRun.select().where(CrawlRun.platform == platform)
    newest = query.order_by(CrawlRun.started_at.desc(), CrawlRun.run_id.desc()).limit(limit)
    return [_record(row) for row in newest.execute(database)]


def _row(run: RunRecord) -> dict[str, Any]:
    row = asdict(run)
    row["started_at"] = run.started_at or datetime.now(UTC)
    check_row(CrawlRun, row)
    return row


def _record(row: CrawlRun) -> RunRecord:
    return RunRecord(**{field.name: getattr(row, field.name) for field in fields(RunRecord)})
