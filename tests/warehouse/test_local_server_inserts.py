"""An INSERT is answered by what became of it, whatever its format, its size and its neighbours."""

from __future__ import annotations

import threading

import orjson
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.local_server.files import ServerFiles

pytestmark = pytest.mark.slow


def insert(client: WarehouseClient, *values: int) -> None:
    client.run(lambda driver: driver.insert("t", [[value] for value in values], column_names=["a"]))


@pytest.mark.parametrize(
    ("table", "value", "error"),
    [
        ("(a Int64, CONSTRAINT small CHECK a < 10) ENGINE = MergeTree ORDER BY a", 20, "VIOLATED_CONSTRAINT"),
        (
            "(a Int64, b Int64 MATERIALIZED throwIf(a = 20)) ENGINE = MergeTree ORDER BY a",
            20,
            "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO",
        ),
    ],
    ids=["constraint", "expression"],
)
def test_what_fails_at_the_writing_is_an_error_with_its_own_code(client: WarehouseClient, table: str, value: int, error: str):
    client.command(f"CREATE TABLE t {table}")
    insert(client, 1)
    for _ in range(2):
        with pytest.raises(DatabaseError, match=error):
            insert(client, 2, value)
    insert(client, 3)
    assert client.query("SELECT a FROM t ORDER BY a").result_rows == [(1,), (3,)]


@pytest.mark.parametrize("size", [10, 4_000_000], ids=["small", "large"])
def test_rows_in_a_text_format_are_told_apart_from_the_statement(client: WarehouseClient, size: int):
    client.command("CREATE TABLE t (a String, CONSTRAINT short CHECK a != 'bad') ENGINE = MergeTree ORDER BY a")
    good = ["{x:String} -- ' \\ ; FORMAT CSV\n/*", "中" * size]

    def insert_json(*values: str) -> None:
        body = orjson.dumps({"a": values})
        client.run(lambda driver: driver.raw_insert("t", ["a"], body, fmt="JSONColumns"))

    insert_json(*good)
    with pytest.raises(DatabaseError, match="VIOLATED_CONSTRAINT"):
        insert_json("x" * size, "bad")
    assert client.query("SELECT a FROM t ORDER BY length(a)").result_rows == [(value,) for value in sorted(good, key=len)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":"1"}\n\nTRUNCATE TABLE other', None),
        (b'{"a":"1"}\n{"a":"2"}\n\n{"a":"3"}\n', ["1", "2", "3"]),
        (b'\n{"a":"1"}\n', ["1"]),
    ],
    ids=["a statement", "a blank line", "one line"],
)
def test_what_follows_a_blank_line_is_no_statement(client: WarehouseClient, body: bytes, expected: list[str] | None):
    for name in ("t", "other"):
        client.command(f"CREATE TABLE {name} (a String) ENGINE = MergeTree ORDER BY a")
    client.command("INSERT INTO other VALUES ('kept')")

    def insert_lines() -> None:
        client.run(lambda driver: driver.raw_insert("t", ["a"], body, fmt="JSONEachRow"))

    if expected is None:
        with pytest.raises(DatabaseError):
            insert_lines()
    else:
        insert_lines()
    assert [row[0] for row in client.query("SELECT a FROM t ORDER BY a").result_rows] == (expected or [])
    assert client.command("SELECT count() FROM other") == 1


def test_settings_of_the_statement_hold_for_it(client: WarehouseClient):
    client.command("CREATE TABLE t (a DateTime('UTC')) ENGINE = MergeTree ORDER BY a")
    sql = "INSERT INTO t (a) SETTINGS date_time_input_format='best_effort' FORMAT TSV\n2026-11-22T08:00:00+08:00\n"
    client.command(sql)
    assert client.query("SELECT toString(a) FROM t").result_rows == [("2026-11-22 00:00:00",)]


def test_a_refused_insert_leaves_nothing_behind(client: WarehouseClient):
    client.command("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a")
    before = sorted(ServerFiles(client.config.jobdata_dir).home.iterdir())
    with pytest.raises(DatabaseError, match="CANNOT_PARSE"):
        client.command("INSERT INTO t (a) FORMAT TSV\n1\nx\n")
    assert client.command("SELECT count() FROM t") == 0
    assert sorted(ServerFiles(client.config.jobdata_dir).home.iterdir()) == before


def test_each_of_many_inserts_at_once_gets_its_own_answer(client: WarehouseClient):
    """What is told as written is there, what is not is not."""
    client.command("CREATE TABLE t (a Int64, CONSTRAINT small CHECK a < 1000) ENGINE = MergeTree ORDER BY a "
                   "SETTINGS non_replicated_deduplication_window = 1000")  # fmt: skip
    told: dict[int, str] = {}

    def store(number: int) -> None:
        for value in range(number * 10, number * 10 + 5):
            value += 1000 * (value % 3 == 0)
            try:
                insert(client, value)
                told[value] = "written"
            except DatabaseError as error:
                told[value] = "refused" if "VIOLATED_CONSTRAINT" in str(error) else str(error)

    threads = [threading.Thread(target=store, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert set(told.values()) == {"written", "refused"}
    assert {value for value, what in told.items() if what == "refused"} == {value for value in told if value >= 1000}
    rows = {row[0] for row in client.query("SELECT a FROM t").result_rows}
    assert rows == {value for value, what in told.items() if what == "written"}
