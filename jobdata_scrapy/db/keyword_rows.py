"""Writes changed keyword rows, many alike with one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import peewee as pw

from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.models import Keyword


def save_rows(database: pw.Database, rows: Sequence[Keyword], now: datetime) -> None:
    """Writes what was changed since each row was read: one UPDATE for all rows that changed alike. Raises StorageError."""
    alike: dict[tuple[tuple[str, object], ...], list[int]] = defaultdict(list)
    for row in rows:
        changes = {field.name: getattr(row, field.name) for field in row.dirty_fields}
        if changes:
            alike[tuple(changes.items())].append(row.id)
    for columns, ids in alike.items():
        values = dict(columns) | {"updated_at": now}
        check_row(Keyword, values)
        Keyword.update(values).where(Keyword.id.in_(ids)).execute(database)
