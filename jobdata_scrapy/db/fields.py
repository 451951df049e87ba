"""Columns that mean the same on SQLite and MySQL, and the check of what goes into them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import peewee as pw

from jobdata_scrapy.exceptions import StorageError


class UtcDateTimeField(pw.DateTimeField):
    """Aware datetimes in, aware UTC datetimes out; naive UTC with microseconds in the table (sorts as text on SQLite)."""

    def get_modifiers(self) -> list[int]:
        return [6]  # DATETIME(6): MySQL's plain DATETIME rounds to whole seconds

    def db_value(self, value: Any) -> Any:
        """The naive UTC time. Raises ValueError for a time without a zone: it would be a guess."""
        if not isinstance(value, datetime):
            return value
        if value.tzinfo is None:
            raise ValueError(f"{self.name}: {value} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def python_value(self, value: Any) -> Any:
        """The aware UTC time."""
        value = self.adapt(value)
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


class LongTextField(pw.TextField):
    """Text of any length."""

    field_type = "LONGTEXT"  # MySQL's TEXT ends at 64 KB


class JsonField(LongTextField):
    """A JSON document as text. Not peewee's JSONField: that one works on models bound to a database only."""

    def db_value(self, value: Any) -> Any:
        """The document as text. Raises TypeError or ValueError for what is no JSON."""
        return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def python_value(self, value: Any) -> Any:
        """The document."""
        return None if value is None else json.loads(value)


def check_row(model: type[pw.Model], row: Mapping[str, Any]) -> None:
    """Refuses what a column cannot hold. Raises StorageError naming table, column and what is allowed."""
    table = model._meta.table_name
    for name, value in row.items():
        field = model._meta.fields[name]
        length = len(value) if isinstance(value, str) else 0
        if isinstance(field, pw.CharField) and length > field.max_length:
            raise StorageError(f"{table}.{name}: {length} characters, at most {field.max_length} are allowed ({value[:40]!r}...)")
        try:
            stored = field.db_value(value)
            if isinstance(stored, str):
                stored.encode()
        except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError: half a surrogate pair
            raise StorageError(f"{table}.{name}: cannot be stored: {error}") from None
