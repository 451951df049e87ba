"""A block becomes columns that ClickHouse reads back as it was; a value that its column cannot take is its row's fault alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.encode import FORMAT, encode_block, find_misfits, shape_of, wire_type
from jobdata_scrapy.warehouse.refused import BlockRefused
from jobdata_scrapy.warehouse.rows import Block, to_ticks
from tests.warehouse.warehouse_parts import NOW

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(2299, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - as it wants them
COLUMNS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "title": ("String", TEXTS),
    "city": ("LowCardinality(String)", TEXTS),
    "skills": ("Array(LowCardinality(String))", st.lists(TEXTS, max_size=3)),
    "months": ("Nullable(UInt16)", st.none() | st.integers(0, 2**16 - 1)),
    "number": ("UInt32", st.integers(0, 2**32 - 1)),
    "pay": ("Nullable(Float64)", st.none() | st.floats(allow_nan=False, allow_infinity=False)),
    "seen_at": ("DateTime64(6, 'UTC')", MOMENTS),
}
TYPES = {name: kind for name, (kind, _) in COLUMNS.items()}


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*(values for _, values in COLUMNS.values())), min_size=1, max_size=5))
def test_the_engine_reads_back_what_was_written(client: WarehouseClient, rows: list[tuple[Any, ...]]):
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    client.command(f"CREATE OR REPLACE TABLE t (place UInt32, {columns}) ENGINE = MergeTree ORDER BY place")
    block = Block("t", {"place": list(range(len(rows))), **dict(zip(TYPES, map(list, zip(*rows, strict=True)), strict=True))})
    body = encode_block(block, {"place": "UInt32", **TYPES})
    client.run(lambda driver: driver.raw_insert("t", list(block.columns), body, fmt=FORMAT))
    assert client.query("SELECT * EXCEPT place FROM t ORDER BY place").result_rows == rows


@pytest.mark.parametrize(
    ("kind", "fits", "misfits"),
    [
        ("String", ["", "中文"], [None, 7, ["a"], {"a": 1}]),
        ("LowCardinality(Nullable(String))", ["", None], [7]),
        ("Array(LowCardinality(String))", [[], ["a", "b"]], ["a", None, ["a", 1], [None]]),
        ("UInt16", [0, 65535], [-1, 65536, 1.5, "1", None]),
        ("Nullable(Int8)", [-128, 127, None], [-129, 128]),
        ("Nullable(Float64)", [1, 1.5, None], ["1.5", [1.5], float("nan"), float("-inf"), 10**400]),
        ("DateTime64(3, 'UTC')", [NOW], [datetime(1899, 1, 1, tzinfo=UTC), NOW.replace(tzinfo=None), "2026-01-01", 1, None]),
        ("DateTime", [NOW], [datetime(2200, 1, 1, tzinfo=UTC)]),
        ("Enum8('a' = 1)", ["a", 7, None], []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_column_can_take(kind: str, fits: list[Any], misfits: list[Any]):
    refused = find_misfits(Block("t", {"a": [*fits, *misfits]}), {"a": kind})
    assert sorted(refused) == list(range(len(fits), len(fits) + len(misfits)))
    assert {(one.field, one.reason) for one in refused.values()} <= {("a", f"cannot be written as {kind}")}


def test_the_first_misfit_of_a_row_is_told_without_its_value():
    with pytest.raises(BlockRefused, match=r"^a cannot be written as UInt8$") as failed:
        encode_block(Block("t", {"a": [1, 300], "b": ["x", 300]}), {"a": "UInt8", "b": "String"})
    assert {place: one.field for place, one in failed.value.bad.items()} == {1: "a"}


def test_raw_json_may_hold_what_no_text_column_can():
    raw = {"note": "\ud83d", "number": 2**80}
    body = encode_block(Block("t", {"job_data": [raw, {}], "a": ["x", "y"]}), {"job_data": "String", "a": "String"})
    assert b'{"note": "\\ud83d", "number": %d}\x02{}' % 2**80 in body


@pytest.mark.parametrize(
    ("kind", "values"),
    [("LowCardinality(String)", ["x", "\ud83d"]), ("Array(LowCardinality(String))", [["x"], ["y", "\ud83d"]])],
    ids=["text", "list"],
)
def test_half_a_surrogate_pair_is_its_rows_fault(kind: str, values: list[Any]):
    with pytest.raises(BlockRefused) as failed:
        encode_block(Block("t", {"a": values, "b": ["", ""]}), {"a": kind, "b": "String"})
    assert {place: one.reason for place, one in failed.value.bad.items()} == {
        1: f"cannot be written as {kind}: it is no Unicode text"
    }


def test_what_only_the_driver_finds_is_left_to_splitting():
    late = datetime(2290, 1, 1, tzinfo=UTC)  # nanoseconds end in 2262
    with pytest.raises(BlockRefused) as failed:
        encode_block(Block("t", {"a": [NOW, late]}), {"a": "DateTime64(9, 'UTC')"})
    assert failed.value.bad == {}


def test_a_type_is_looked_at_once():
    assert shape_of("Nullable(UInt16)") is shape_of("Nullable(UInt16)")
    assert wire_type("LowCardinality(String)") is wire_type("LowCardinality(String)")


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("LowCardinality(Nullable(String))", "Nullable(String)"),
        ("Array(LowCardinality(String))", "Array(String)"),
        ("Decimal(9, 2)", "Decimal(9, 2)"),
    ],
)
def test_the_server_makes_the_dictionaries(kind: str, sent: str):
    assert wire_type(kind).name == sent


@pytest.mark.parametrize(
    ("moment", "per_second", "ticks"),
    [
        (datetime(1970, 1, 1, 0, 0, 1, 234567, tzinfo=UTC), 1000, 1234),
        (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), 1000, -1),
        (datetime(2299, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), 1_000_000, 10413791999999999),
    ],
)
def test_times_are_cut_off_as_the_engine_does(moment: datetime, per_second: int, ticks: int):
    assert to_ticks(moment, per_second) == ticks
