"""The engine's streamed INSERT returns as if it had written what it did not write; the local server does not."""

from __future__ import annotations

import threading

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.warehouse.client import WarehouseClient

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


def test_each_of_many_inserts_at_once_gets_its_own_answer(client: WarehouseClient):
    """Errors of others make it be done again, at most; what is told as written is there, what is not is not."""
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
