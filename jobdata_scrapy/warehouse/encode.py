"""A Block as the body of its INSERT: Native columns, made by the driver, after a look at what it or the engine would not mind.

A time without its zone, an infinite number: they would be written as something else. So each column's values are held against its
type first, and what cannot be written is its row's fault alone.
https://clickhouse.com/docs/interfaces/formats/Native
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from math import isfinite
from typing import Any

from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.datatypes.temporal import DateTime64
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.common import write_leb128
from clickhouse_connect.driver.compression import get_compressor
from clickhouse_connect.driver.exceptions import DataError
from clickhouse_connect.driver.insert import InsertContext

from jobdata_scrapy.warehouse.refused import BlockRefused, Refusal
from jobdata_scrapy.warehouse.rows import RAW_COLUMNS, Block, dump_raw, make_writable, to_ticks

FORMAT = "Native"
_WRAPPED = re.compile(r"(LowCardinality|Nullable|Array)\((.*)\)$")
_INTEGER = re.compile(r"(U?)Int(8|16|32|64|128|256)$")
_LOW_CARDINALITY = re.compile(r"LowCardinality\((.*?)\)")
# https://clickhouse.com/docs/sql-reference/data-types/datetime64, and datetime
_LONG_TIME = datetime(1900, 1, 1, tzinfo=UTC), datetime(2299, 12, 31, tzinfo=UTC)
_SHORT_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 2, 7, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the values of a column may be: of these classes, within these limits; items: the same for what an array holds."""

    classes: tuple[type, ...]
    limits: tuple[Any, Any] | None = None
    items: Shape | None = None


def encode_block(block: Block, types: Mapping[str, str]) -> bytes:
    """The body. `types`: column -> its ClickHouse type. Raises BlockRefused for rows whose values their columns cannot take."""
    _refuse(find_misfits(block, types))
    columns = {name: list(map(dump_raw, values)) if name in RAW_COLUMNS else values for name, values in block.columns.items()}
    kinds = [wire_type(types[name]) for name in columns]
    context = InsertContext(block.table, list(columns), kinds)
    body = bytearray()
    write_leb128(len(columns), body)
    write_leb128(len(block), body)
    for (name, values), kind in zip(columns.items(), kinds, strict=True):
        _write_text(name, body)
        _write_text(kind.insert_name, body)
        try:
            kind.write_column(_quicker(values, kind), body, context)
        except UnicodeEncodeError:
            _refuse(_find_unwritable(name, values, types[name]))
            raise
        except DataError as error:  # of a type that is not looked at above: splitting tells the row
            raise BlockRefused(error, {}) from error
    return bytes(body)


def _quicker(values: Sequence[Any], kind: ClickHouseType) -> Sequence[Any]:
    """The values as the driver writes them soonest."""
    if not isinstance(kind, DateTime64):
        return values
    return [None if value is None else to_ticks(value, kind.prec) for value in values]


@cache
def wire_type(name: str) -> ClickHouseType:
    """The driver's type, without LowCardinality: ClickHouse makes the dictionaries itself, in a tenth of the driver's time."""
    return get_from_name(_LOW_CARDINALITY.sub(r"\1", name))


def compress(driver: Client, body: bytes) -> tuple[str | None, bytes]:
    """The Content-Encoding that the client was opened with, None for none, and the body in it."""
    encoding = driver.write_compression
    if not encoding:
        return None, body
    compressor = get_compressor(encoding)
    return encoding, bytes(compressor.compress_block(body)) + bytes(compressor.flush() or b"")


def find_misfits(block: Block, types: Mapping[str, str]) -> dict[int, Refusal]:
    """Rows with a value that is not of its column's type; place in the block -> refusal."""
    bad: dict[int, Refusal] = {}
    for name, values in block.columns.items():
        if name not in RAW_COLUMNS and not _fit(values, shape := shape_of(types[name])):
            refusal = Refusal(name, f"cannot be written as {types[name]}")
            bad |= {place: refusal for place, value in enumerate(values) if place not in bad and not _fit([value], shape)}
    return bad


@cache
def shape_of(name: str) -> Shape | None:
    """The shape of a type by its name; None for one that we have no column of: the engine itself may judge."""
    if wrapped := _WRAPPED.match(name):
        inner = shape_of(wrapped[2])
        if inner is None or wrapped[1] == "LowCardinality":
            return inner
        return Shape((list,), items=inner) if wrapped[1] == "Array" else Shape((*inner.classes, type(None)), inner.limits)
    if integer := _INTEGER.match(name):
        bits = int(integer[2])
        return Shape((int,), (0, 2**bits - 1) if integer[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    if name.startswith("DateTime"):
        return Shape((datetime,), _LONG_TIME if name.startswith("DateTime64") else _SHORT_TIME)
    return {"String": Shape((str,)), "Float64": Shape((float, int)), "Float32": Shape((float, int))}.get(name)


def _fit(values: Sequence[Any], shape: Shape | None) -> bool:
    if shape is None:
        return True
    if not all(issubclass(one, shape.classes) for one in set(map(type, values))):
        return False
    if shape.items is not None:
        return _fit(list(chain.from_iterable(values)), shape.items)
    if float in shape.classes:
        return _all_finite(values)
    return shape.limits is None or _within(values, *shape.limits)


def _all_finite(values: Iterable[Any]) -> bool:
    """Others mean nothing in a posting."""
    try:
        return all(map(isfinite, filter(None, values)))
    except OverflowError:  # an integer that no float can hold
        return False


def _within(values: Iterable[Any], low: Any, high: Any) -> bool:
    told = [value for value in values if value is not None]
    try:
        return not told or (low <= min(told) and max(told) <= high)
    except TypeError:  # a time without its zone
        return False


def _find_unwritable(name: str, values: Sequence[Any], kind: str) -> dict[int, Refusal]:
    """Texts with half a surrogate pair, alone or in lists."""
    refusal = Refusal(name, f"cannot be written as {kind}: it is no Unicode text")
    return {place: refusal for place, value in enumerate(values) if not all(map(_is_writable, _texts(value)))}


def _texts(value: Any) -> Iterable[str]:
    return [value] if isinstance(value, str) else value or ()


def _is_writable(text: str) -> bool:
    return make_writable(text) == text


def _refuse(bad: Mapping[int, Refusal]) -> None:
    if bad:
        first = bad[min(bad)]
        raise BlockRefused(ValueError(f"{first.field} {first.reason}"), bad)


def _write_text(text: str, body: bytearray) -> None:
    content = text.encode()
    write_leb128(len(content), body)
    body += content
