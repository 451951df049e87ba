"""The unmodified clickhouse-connect client against the local server: what works, and the three known differences."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
import pytest
import urllib3
from clickhouse_connect.driver import options
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.compression import get_compressor
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.local_server.files import ServerFiles, ServerState

pytestmark = pytest.mark.slow

HALF = Decimal("1.5")
NOW = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
COLUMNS = ["id", "sid", "data", "tags", "city", "n", "at", "e", "d"]
ROWS = [
    [i, f"职位{i}", {"pay": f"{i}-20K", "deep": {"x": i}}, ["测"], f"c{i % 5}", None if i % 3 else i, NOW, "ab"[i % 2], HALF]
    for i in range(100)
]  # fmt: skip


@pytest.fixture(autouse=True)
def whole_driver(monkeypatch):
    """The driver as it comes: our own client leaves out pandas and NumPy, which these tests try."""
    for name in ("pd", "np"):
        monkeypatch.delitem(vars(options), name, raising=False)


@pytest.fixture
def server(client: WarehouseClient, server_dir: Path) -> ServerState:
    client.command("SELECT 1")
    state = ServerFiles(server_dir).read_state()
    assert state is not None
    return state


@pytest.fixture
def connection(server: ServerState, client: WarehouseClient) -> dict[str, Any]:
    """What any clickhouse-connect user would pass; settings of the library stay as they come (sessions, compression)."""
    given = {"host": server.host, "port": server.port, "username": server.username, "password": server.password}
    return given | {"database": client.database}


@pytest.fixture
def driver(connection: dict[str, Any]) -> Iterator[Client]:
    with clickhouse_connect.get_client(**connection, dedicated_pool=True) as opened:
        yield opened


@pytest.fixture
def table(driver: Client) -> str:
    driver.command(
        "CREATE TABLE job (id UInt64, sid String, data JSON, tags Array(String), city LowCardinality(String), n Nullable(Int32),"
        " at DateTime64(3, 'UTC'), e Enum8('a' = 1, 'b' = 2), d Decimal(18, 4)) ENGINE = MergeTree ORDER BY id"
    )
    assert driver.insert("job", ROWS, column_names=COLUMNS).written_rows == 100
    return "job"


def test_answers_a_ping_and_a_scalar(driver: Client):
    assert driver.ping()
    assert driver.command("SELECT 40 + 2") == 42


def test_every_type_comes_back_as_it_went(driver: Client, table: str):
    rows = driver.query(f"SELECT {', '.join(COLUMNS)} FROM {table} WHERE id = 7").result_rows
    naive_utc = [value.replace(tzinfo=None) if value is NOW else value for value in ROWS[7]]  # the library's default
    assert [list(row) for row in rows] == [naive_utc]


def test_inserts_by_column_arrow_frame_and_raw_bytes(driver: Client, table: str):
    assert driver.insert(table, [[1001, 1002], ["x", "y"]], column_names=["id", "sid"], column_oriented=True).written_rows == 2
    arrow = pa.table({"id": pa.array([2001], pa.uint64()), "sid": ["arrow"]})
    assert driver.insert_arrow(table, arrow).written_rows == 1
    assert driver.insert_df(table, arrow.to_pandas()).written_rows == 1
    assert driver.raw_insert(table, ["id", "sid"], '{"id": 3001, "sid": "raw"}\n', fmt="JSONEachRow").written_rows == 1
    packed = gzip.compress(b'3002,"z"\n')
    assert driver.raw_insert(table, ["id", "sid"], packed, fmt="CSV", compression="gzip").written_rows == 1
    driver.command(f"INSERT INTO {table} (id, sid) VALUES (4001, 'v'), (4002, ' FORMAT CSV\n')")
    driver.command(f"INSERT INTO {table} (id, sid) SELECT 5000 + number, 'is' FROM numbers(5)")
    assert driver.command(f"SELECT count() FROM {table} WHERE id > 1000") == 13


@pytest.mark.parametrize("name", ["lz4", "zstd", "gzip"])
def test_a_body_of_several_frames_is_read_to_its_end(connection: dict[str, Any], table: str, name: str):
    """With lz4 and zstd, each block that the client makes of many rows is a frame; a proxy may send them together."""
    rows = [[number, f"职位{number}" * 20] for number in range(20_000)]
    with clickhouse_connect.get_client(**connection, compress=name, dedicated_pool=True) as driver:
        assert driver.insert(table, rows, column_names=["id", "sid"]).written_rows == 20_000
        frames = b"".join(packed(name, f'{number},"raw"\n'.encode()) for number in range(3))
        assert driver.raw_insert(table, ["id", "sid"], frames, fmt="CSV", compression=name).written_rows == 3
        assert driver.query(f"SELECT count(), uniqExact(id, sid) FROM {table} WHERE city = ''").first_row == (20_003, 20_003)


def packed(name: str, data: bytes) -> bytes:
    compressor = get_compressor(name)
    return bytes(compressor.compress_block(data)) + bytes(compressor.flush() or b"")


def test_parameters_on_both_sides_and_in_a_form(driver: Client, connection: dict[str, Any], table: str):
    sql = f"SELECT sid FROM {table} WHERE id = {{i:UInt64}} AND city IN {{cs:Array(String)}}"
    assert driver.query(sql, parameters={"i": 8, "cs": ["c3", "x'y"]}).result_rows == [("职位8",)]
    assert driver.query("SELECT %(a)s, %(b)s", parameters={"a": "O'Re\\il", "b": 5}).result_rows == [("O'Re\\il", 5)]
    with clickhouse_connect.get_client(**connection, form_encode_query_params=True, dedicated_pool=True) as form:
        assert form.query("SELECT length({s:String})", parameters={"s": "x" * 20000}).result_rows == [(20000,)]


def test_an_empty_result_has_its_columns(driver: Client, table: str):
    result = driver.query(f"SELECT id, sid FROM {table} WHERE id = 999999")
    assert (result.result_rows, result.column_names) == ([], ("id", "sid"))
    assert driver.query(f"SELECT id, sid FROM {table} LIMIT 0").column_names == ("id", "sid")
    with driver.query_rows_stream(f"SELECT id, sid FROM {table} WHERE id = 999999") as stream:
        assert list(stream) == []


def test_streams_and_frames(driver: Client, table: str):
    with driver.query_row_block_stream(
        "SELECT number, toString(number) FROM numbers(50000)", settings={"max_block_size": 8192}
    ) as stream:
        assert sum(len(block) for block in stream) == 50000
    assert driver.raw_stream("SELECT number FROM numbers(3)", fmt="CSV").read() == b"0\n1\n2\n"
    assert json.loads(driver.raw_query("SELECT 1 AS a", fmt="JSON"))["data"] == [{"a": 1}]
    assert driver.query_df(f"SELECT id, sid, at FROM {table} ORDER BY id LIMIT 3").shape == (3, 3)
    assert driver.query_arrow(f"SELECT id, sid FROM {table} LIMIT 5").num_rows == 5


def test_an_abandoned_stream_leaves_the_client_usable(driver: Client):
    with driver.query_rows_stream("SELECT number FROM numbers(50000000)") as stream:
        assert next(iter(stream)) == (0,)
    assert driver.command("SELECT 1") == 1


def test_settings_hold_for_their_query_and_sessions_for_their_session(driver: Client, connection: dict[str, Any]):
    assert driver.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 777}).result_rows == [(777,)]
    assert driver.query("SELECT getSetting('max_block_size')").result_rows != [(777,)]
    driver.command("SET max_threads = 3")
    assert driver.query("SELECT getSetting('max_threads')", settings={"max_threads": 2}).result_rows == [(2,)]
    assert driver.command("SELECT getSetting('max_threads')") == 3
    with clickhouse_connect.get_client(**connection, session_id="s1", dedicated_pool=True) as session:
        session.command("CREATE TEMPORARY TABLE tt (a Int8)")
        assert session.insert("tt", [[1], [2]], column_names=["a"]).written_rows == 2
        assert session.command("SELECT sum(a) FROM tt") == 3


@pytest.mark.parametrize(
    ("sql", "code", "name"),
    [
        ("SELECT * FROM nope", 60, "UNKNOWN_TABLE"),
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT throwIf(number = 100000) FROM numbers(200000)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
    ],
)
def test_errors_have_clickhouse_codes(driver: Client, sql: str, code: int, name: str):
    with pytest.raises(DatabaseError) as failure:
        driver.query(sql)
    assert (failure.value.code, failure.value.name) == (code, name)


def test_an_error_in_mid_stream_keeps_the_text_of_the_engine(driver: Client):
    sql = "SELECT number, throwIf(number = 3000000, 'too far') FROM numbers(4000000)"
    with pytest.raises(StreamFailureError, match="too far"), driver.query_rows_stream(sql) as stream:
        list(stream)
    assert driver.command("SELECT 1") == 1


def test_a_row_of_the_wrong_type_is_refused_as_such(driver: Client, table: str, caplog: pytest.LogCaptureFixture):
    with pytest.raises(ValueError, match="invalid literal for int"):
        driver.insert(table, [["x"]], column_names=["id"])
    assert driver.command(f"SELECT count() FROM {table}") == 100


def test_reading_requests_cannot_write(driver: Client, table: str, server: ServerState, connection: dict[str, Any]):
    for sql in (f"INSERT INTO {table} (id) VALUES (1)", f"DROP TABLE {table}", "SELECT 1 SETTINGS readonly = 0"):
        with pytest.raises(DatabaseError) as failure:
            driver.query(sql, settings={"readonly": 2})
        assert failure.value.code in (164, 62)  # 62: a DROP with the client's FORMAT
    headers = urllib3.make_headers(basic_auth=f"{server.username}:{server.password}")
    url = f"http://{server.host}:{server.port}/?database={connection['database']}&query="
    with urllib3.PoolManager() as pool:
        assert pool.request("GET", url + f"DROP%20TABLE%20{table}", headers=headers).status == 403
        assert pool.request("GET", url + "SELECT%201", headers=headers).data == b"1\n"


@pytest.mark.parametrize("authorization", ["", "Basic ZGVmYXVsdDpub3BlCg==", "Basic not-base64!", "Bearer x"])
def test_a_wrong_password_is_refused(server: ServerState, authorization: str):
    with urllib3.PoolManager() as pool:
        answer = pool.request(
            "POST", f"http://{server.host}:{server.port}/", body=b"SELECT 1", headers={"Authorization": authorization}
        )
    assert answer.status == 401
    assert answer.headers["X-ClickHouse-Exception-Code"] == "516"
    assert server.password.encode() not in answer.data


def test_external_data_is_refused_by_name(driver: Client):
    table = ExternalData(file_name="ext.csv", fmt="CSV", structure="a Int32", data=b"1\n")
    with pytest.raises(DatabaseError, match="External data is not supported"):
        driver.query("SELECT * FROM ext", external_data=table)


def test_mutations_and_maintenance(driver: Client, table: str):
    driver.command(f"ALTER TABLE {table} UPDATE city = 'zz' WHERE id = 1 SETTINGS mutations_sync = 2")
    assert driver.command(f"SELECT city FROM {table} WHERE id = 1") == "zz"
    driver.command(f"OPTIMIZE TABLE {table} FINAL")
    assert "CREATE TABLE" in str(driver.command(f"SHOW CREATE TABLE {table}"))


async def test_the_async_client_with_many_queries_at_once(connection: dict[str, Any], table: str):
    client = await clickhouse_connect.get_async_client(**connection, autogenerate_session_id=False)
    try:
        assert (await client.insert(table, [[9001, "async"]], column_names=["id", "sid"])).written_rows == 1
        answers = await asyncio.gather(*(client.query(f"SELECT {number}") for number in range(10)))
        assert [answer.result_rows[0][0] for answer in answers] == list(range(10))
        async with await client.query_row_block_stream("SELECT number FROM numbers(100000)") as stream:
            assert sum([len(block) async for block in stream]) == 100000
    finally:
        await client.close()
