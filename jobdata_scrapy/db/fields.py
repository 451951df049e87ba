"""Columns that mean the same on SQLite and MySQL, and the check of what goes into them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
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


def check_row(model: type[pw.Model], row: Mapping[str, Any]) -> dict[str, Any]:
    """Refuses what a column cannot hold; the row as the driver gets it. Raises StorageError naming table, column and the rule."""
    columns, stored = _columns(model), {}
    for name, value in row.items():
        write, longest = columns[name]
        if longest is not None and isinstance(value, str) and len(value) > longest:
            where = f"{model._meta.table_name}.{name}"
            raise StorageError(f"{where}: {len(value)} characters, at most {longest} are allowed ({value[:40]!r}...)")
        try:
            stored[name] = write(value)
            if isinstance(stored[name], str):
                stored[name].encode()
        except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError: half a surrogate pair
            raise StorageError(f"{model._meta.table_name}.{name}: cannot be stored: {error}") from None
    return stored


@cache
def _columns(model: type[pw.Model]) -> dict[str, tuple[Callable[[Any], Any], int | None]]:
    """By column: what makes its value the driver's, and how long a text it takes."""
    return {name: (field.db_value, getattr(field, "max_length", None)) for name, field in model._meta.fields.items()}
