"""What is exported: rows of `job_analytics`, or the answer to a question of `warehouse.analytics`, both as a SELECT."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import orjson
from clickhouse_connect.driver.binding import quote_identifier

from jobdata_scrapy.exceptions import ArgumentError, ExportError
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.export.columns import Column
from jobdata_scrapy.warehouse.filters import Filters, where

if TYPE_CHECKING:
    from jobdata_scrapy.warehouse.analytics import Answer, Question

VIEW = "job_analytics"
_SCALARS = {
    bool: "Bool",
    int: "Int64",
    float: "Float64",
    str: "String",
    datetime: "DateTime64(3, 'UTC')",
    date: "Date32",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """One table to export. name: of its sheet; sql: a SELECT of `columns`, with server-side parameters."""

    name: str
    sql: str
    columns: tuple[Column, ...]
    parameters: dict[str, Any] = field(default_factory=dict)


def select_jobs(client: WarehouseClient, filters: Filters, columns: Sequence[str] = ()) -> Selection:
    """The latest version of each posting that `filters` leave; `columns` in this order, all of them without.

    Raises ArgumentError for an unknown column, ExportError where nothing was ever stored.
    """
    if not client.command(f"EXISTS TABLE {VIEW}"):
        raise ExportError(f"nothing was stored yet in database {client.database} of {client.where}: there is no {VIEW}")
    known = {name: Column(name, kind) for name, kind, *_ in client.query(f"DESCRIBE TABLE {VIEW}").result_rows}
    chosen = [known.get(name) or _refuse(name, known) for name in dict.fromkeys(columns)] or list(known.values())
    condition, parameters = where(filters)
    names = ", ".join(quote_identifier(column.name) for column in chosen)
    return Selection("jobs", f"SELECT {names} FROM {VIEW} WHERE {condition}", tuple(chosen), parameters)  # noqa: S608


def select_answer(question: Question, answer: Answer, name: str = "") -> Selection:
    """The rows of an answer, sent along with the statement: ClickHouse makes every format of them. name: else its question's."""
    hints = typing.get_type_hints(question.row)
    columns = tuple(Column(name, clickhouse_type(hints[name])) for name in answer.columns)
    structure = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in columns)
    lines = b"\n".join(orjson.dumps(row) for row in answer.rows).decode().replace("$", "\\u0024")  # no end of the $answer$
    sql = f"SELECT * FROM format(JSONCompactEachRow, $type${structure}$type$, $answer${lines}$answer$)"  # noqa: S608
    return Selection(name or question.name, sql, columns)


def clickhouse_type(hint: Any) -> str:
    """The ClickHouse type of a dataclass field's annotation. Raises TypeError for one that no table has."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType) and len(arguments) == 2 and type(None) in arguments:
        (inner,) = (one for one in arguments if one is not type(None))
        return f"Nullable({clickhouse_type(inner)})"
    if origin in (list, tuple, frozenset, Sequence) and arguments:
        return f"Array({clickhouse_type(arguments[0])})"
    for known, name in _SCALARS.items():
        if isinstance(hint, type) and issubclass(hint, known):
            return name
    raise TypeError(f"{hint!r} has no column type")


def _refuse(name: str, known: dict[str, Column]) -> Column:
    near = get_close_matches(name, known, 1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    raise ArgumentError(f"columns: {name!r} is unknown{meant}; allowed: {', '.join(known)}")
