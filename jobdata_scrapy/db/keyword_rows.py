"""Writes changed keyword rows, many alike with one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

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
        _update(database, values, ids)


def _update(database: pw.Database, values: dict[str, Any], ids: Sequence[int]) -> None:
    """SQL as text: putting the statement together took peewee longer than the database took to run it."""
    quote, mark = database.quote or '""', database.param
    columns = ", ".join(f"{quote[0]}{name}{quote[1]} = {mark}" for name in values)
    sql = f"UPDATE keyword SET {columns} WHERE id IN ({', '.join(mark for _ in ids)})"  # noqa: S608 - names of our own columns
    database.execute_sql(sql, [*(Keyword._meta.fields[name].db_value(value) for name, value in values.items()), *ids])
