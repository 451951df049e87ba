"""Tables of the older system are taken as they are, and both systems work in them side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.warehouse import schema as schema_module
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.ddl import read_create_table
from jobdata_scrapy.warehouse.legacy import ExistingTable, hide_columns, plan_upgrade, stands_in_the_way
from jobdata_scrapy.warehouse.schema import apply_schema, describe_plan
from jobdata_scrapy.warehouse.sightings import count_rounds
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.older_parts import (
    JSON,
    OLDER_COMPANY,
    OLDER_JOB,
    OLDER_PENDING,
    OLDER_VIEW,
    read_as_older_system,
    write_as_older_system,
)
from tests.warehouse.warehouse_parts import NOW, make_job, make_page

OURS = read_create_table(
    "CREATE TABLE IF NOT EXISTS boss_job (job_id String, page_kind LowCardinality(String), score Nullable(Float64), "
    "n UInt32 DEFAULT 7, crawled_at DateTime64(3, 'UTC') CODEC(Delta, LZ4)) ENGINE = MergeTree ORDER BY (job_id, page_kind)"
)


def older(sorting_key: str = "job_id", engine: str = "MergeTree", **columns: str) -> ExistingTable:
    return ExistingTable("boss_job", engine, sorting_key, "", {name: (kind, "") for name, kind in columns.items()})


def test_what_is_missing_is_appended_where_the_older_system_does_not_see_it():
    assert OURS is not None
    (sql,) = plan_upgrade(OURS, older(job_id="String", city="Nullable(String)", created_at="DateTime"))
    assert sql == (
        "ALTER TABLE boss_job "
        "ADD COLUMN IF NOT EXISTS page_kind LowCardinality(String) "
        "MATERIALIZED defaultValueOfTypeName('LowCardinality(String)'), "
        "ADD COLUMN IF NOT EXISTS score Nullable(Float64) MATERIALIZED defaultValueOfTypeName('Nullable(Float64)'), "
        "ADD COLUMN IF NOT EXISTS n UInt32 MATERIALIZED 7, "
        "ADD COLUMN IF NOT EXISTS crawled_at DateTime64(3, 'UTC') "
        "MATERIALIZED toDateTime64(created_at, 3, 'UTC') CODEC(Delta, LZ4)"
    )


STAMPED = read_create_table(
    "CREATE TABLE IF NOT EXISTS boss_job (job_id String, title String, stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'), "
    "INDEX stored_at_range stored_at TYPE minmax) ENGINE = MergeTree ORDER BY job_id"
)


def test_what_the_server_fills_in_comes_first_and_is_kept_for_the_rows_that_are_there():
    assert STAMPED is not None
    expected = [
        "ALTER TABLE boss_job ADD COLUMN IF NOT EXISTS stored_at DateTime64(3, 'UTC') MATERIALIZED now64(3, 'UTC'), "
        "ADD INDEX IF NOT EXISTS stored_at_range stored_at TYPE minmax",
        "ALTER TABLE boss_job MATERIALIZE COLUMN stored_at",
        "ALTER TABLE boss_job ADD COLUMN IF NOT EXISTS title String MATERIALIZED defaultValueOfTypeName('String')",
    ]
    assert plan_upgrade(STAMPED, older(job_id="String")) == expected
    table = older(job_id="String")
    table.columns["stored_at"] = ("DateTime64(3, 'UTC')", "MATERIALIZED")
    assert plan_upgrade(STAMPED, table) == expected, "an upgrade that broke off is done again"
    table.columns["title"] = ("String", "MATERIALIZED")
    assert plan_upgrade(STAMPED, table) == []


def test_a_column_of_theirs_that_the_server_does_not_fill_in_is_no_time_of_arrival():
    assert STAMPED is not None
    with pytest.raises(StorageError, match="column stored_at has no default, and ours is filled by the server"):
        plan_upgrade(STAMPED, older(job_id="String", stored_at="DateTime"))


def test_a_table_that_lacks_nothing_is_left_alone():
    assert OURS is not None
    full = {column.name: column.type for column in OURS.columns}
    assert plan_upgrade(OURS, older(**full)) == []
    as_older = full | {"job_id": "LowCardinality(Nullable(String))", "crawled_at": "DateTime", "n": "UInt64"}
    assert plan_upgrade(OURS, older(**as_older)) == []


def test_another_sorting_key_gets_an_index_for_the_look_up():
    assert OURS is not None
    alter, materialize = plan_upgrade(OURS, older("created_at, job_id", job_id="String"))
    assert alter.endswith("ADD INDEX IF NOT EXISTS jobdata_job_id job_id TYPE bloom_filter(0.001) GRANULARITY 1")
    assert materialize == "ALTER TABLE boss_job MATERIALIZE INDEX jobdata_job_id"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (older(job_id="UInt64"), "column job_id is UInt64, ours is String"),
        (older(score="Float64"), r"column score is Float64, ours is Nullable\(Float64\)"),
        (older(n="UInt8"), "column n is UInt8, ours is UInt32"),
        (older(engine="ReplacingMergeTree", job_id="String"), "its engine is ReplacingMergeTree, not MergeTree"),
        (older(engine="Distributed", job_id="String"), "set CLICKHOUSE_CLUSTER"),
    ],
)
def test_a_table_that_cannot_take_our_rows_is_refused(table: ExistingTable, told: str):
    assert OURS is not None
    with pytest.raises(StorageError, match=told):
        plan_upgrade(OURS, table)


def test_columns_added_later_are_hidden_in_an_upgraded_table_only():
    column = "ADD COLUMN IF NOT EXISTS at DateTime DEFAULT now() CODEC(LZ4)"
    sql = f"ALTER TABLE boss_job {column}, ADD INDEX IF NOT EXISTS i at TYPE minmax"
    assert hide_columns(sql, older(page_kind="String")) == sql
    upgraded = ExistingTable("boss_job", "MergeTree", "job_id", "", {"page_kind": ("String", "MATERIALIZED")})
    assert hide_columns(sql, upgraded) == sql.replace("DEFAULT", "MATERIALIZED")


@pytest.fixture
def older_store(client: WarehouseClient) -> WarehouseClient:
    """A database as the older system left it, with rows."""
    for sql in (OLDER_JOB, OLDER_COMPANY, OLDER_PENDING):
        client.command(sql)
    write_as_older_system(client)
    return client


@pytest.mark.slow
def test_the_older_system_goes_on_as_if_nothing_had_happened(older_store: WarehouseClient):
    before = read_as_older_system(older_store)
    shape = older_store.query("SELECT * FROM boss_job ORDER BY job_id")
    pending = older_store.command("SHOW CREATE TABLE pending_company")
    apply_schema(older_store)
    assert read_as_older_system(older_store) == before
    after = older_store.query("SELECT * FROM boss_job ORDER BY job_id")
    assert (after.column_names, after.result_rows) == (shape.column_names, shape.result_rows)
    assert older_store.command("SHOW CREATE TABLE pending_company") == pending
    write_as_older_system(older_store, "new")
    assert older_store.command("SELECT count() FROM boss_job") == 10
    assert older_store.command("SELECT count() FROM boss_job WHERE page_kind = '' AND content_hash = ''") == 10
    assert (
        older_store.command("SELECT count() FROM boss_job WHERE crawled_at = toDateTime64('2025-01-02 03:04:05', 3, 'UTC')") == 4
    )


@pytest.mark.slow
def test_our_columns_come_after_theirs(older_store: WarehouseClient):
    apply_schema(older_store)
    columns = older_store.query("DESCRIBE TABLE boss_job").result_rows
    assert [row[:2] for row in columns[:6]] == [
        ("job_id", "String"),
        ("company_id", "String"),
        ("keyword", "String"),
        ("city", "String"),
        ("job_data", "String"),
        ("created_at", "DateTime"),
    ]
    assert {row[2] for row in columns[6:]} == {"MATERIALIZED"}


@pytest.mark.slow
def test_a_posting_known_from_an_old_row_gets_our_version_once(older_store: WarehouseClient):
    apply_schema(older_store)
    writer = Writer(older_store)
    page = make_page([make_job("o1", salary_text="20-30K"), make_job("n1")])
    assert writer.store(page).new == 2
    assert writer.store(make_page([make_job("o1"), make_job("n1")], run_id="run-2", round="round-2")).unchanged == 2
    assert older_store.command("SELECT count() FROM boss_job WHERE job_id = 'o1'") == 2
    assert count_rounds(older_store, "boss", ["round-1"]) == [2]
    write_as_older_system(older_store)  # a later row of the other system hides nothing of ours
    shown = older_store.query("SELECT job_id, title, salary_text FROM job_analytics ORDER BY job_id").result_rows
    assert shown == [("n1", "数据分析师 n1", ""), ("o1", "数据分析师 o1", "20-30K")]
    assert older_store.query("SELECT job_data FROM boss_job WHERE job_id = 'n1'").first_row == (
        '{"encryptJobId":"n1","jobName":"数据分析师"}',
    ), "the older system reads our rows, too"
    assert older_store.command("SELECT count() FROM boss_job WHERE job_id = 'o1' AND job_data != ''") == 3


@pytest.mark.slow
def test_a_page_sent_again_keeps_its_states_where_the_table_keeps_whole_seconds(client: WarehouseClient):
    client.command(OLDER_JOB.replace("created_at", "crawled_at"))
    apply_schema(client, ["boss"])
    writer = Writer(client)
    page = make_page([make_job("j1")])
    assert NOW.microsecond
    assert [writer.store(page).new, writer.store(page).new] == [1, 1]
    assert writer.store(make_page([make_job("j1", content_hash="other")], fetched_at=NOW.replace(hour=4))).changed == 1
    assert client.command("SELECT count() FROM boss_job") == 2


@pytest.mark.slow
@pytest.mark.parametrize("theirs", ["DateTime", "DateTime DEFAULT now()", "String", "Date"])
def test_a_time_of_their_own_is_not_taken_for_ours(client: WarehouseClient, theirs: str):
    client.command(
        f"CREATE TABLE boss_job (job_id String, job_data String, inserted_at {theirs}) ENGINE = MergeTree ORDER BY job_id"
    )
    client.command("INSERT INTO boss_job (job_id, job_data) VALUES ('theirs', '{}')")
    apply_schema(client, ["boss"])
    while client.command("SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done"):
        time.sleep(0.05)
    Writer(client).store(make_page([make_job("ours")]))
    stamps = "SELECT job_id, stored_at FROM boss_job ORDER BY job_id"
    first = client.query(stamps).result_rows
    assert [job_id for job_id, _ in first] == ["ours", "theirs"]
    assert all(datetime.now(UTC) - at < timedelta(minutes=5) for _, at in first)
    assert client.query(stamps).result_rows == first, "kept, not told anew at each reading"


@pytest.mark.slow
def test_the_plan_says_what_will_be_upgraded_and_changes_nothing(older_store: WarehouseClient):
    plan = describe_plan(older_store)
    job = next(line for line in plan if line.startswith("001_job/boss"))
    assert job == "001_job/boss: adds 43 columns to boss_job, a table of the older system"
    assert "003_job_sighting" in plan
    assert len(older_store.query("SHOW TABLES").result_rows) == 3


@pytest.mark.slow
def test_a_view_of_the_older_system_is_kept_under_another_name(older_store: WarehouseClient):
    older_store.command(OLDER_VIEW)
    apply_schema(older_store)
    names = older_store.query("SELECT name, salary FROM job_analytics_older WHERE job_id = 'o1'").result_rows
    assert names == [("数据分析师", "15-25K")]
    assert older_store.command("SELECT count() FROM job_analytics") == 0
    assert apply_schema(older_store, ["newsite"])[-1:] != [], "a further site makes the view anew"
    assert older_store.command("EXISTS job_analytics_older_older") == 0


@pytest.mark.parametrize(
    ("read", "is_in_the_way"),
    [("job_data.boss_job", True), ("job_data.raw_job_analytics", True), ("job_data.boss_job_analytics", False)],
)
def test_a_view_is_ours_that_joins_a_site_s(read: str, is_in_the_way: bool):
    for database in ("job_data", "boss_job_analytics"):
        view = ExistingTable("job_analytics", "View", "", f"CREATE VIEW {database}.job_analytics AS SELECT * FROM {read}", {})
        assert stands_in_the_way(view, ("boss", "qcwy")) is is_in_the_way
        assert stands_in_the_way(replace(view, engine="MergeTree"), ("boss", "qcwy"))


@pytest.mark.slow
def test_it_is_kept_although_the_first_upgrade_broke_off(older_store: WarehouseClient, monkeypatch):
    older_store.command(OLDER_VIEW)
    run_one = schema_module._command

    def break_off(client: WarehouseClient, sql: str) -> None:
        if "boss_job_lifecycle" in sql:
            raise KeyboardInterrupt
        run_one(client, sql)

    monkeypatch.setattr(schema_module, "_command", break_off)
    with pytest.raises(KeyboardInterrupt):
        apply_schema(older_store)
    monkeypatch.setattr(schema_module, "_command", run_one)
    apply_schema(older_store)
    assert older_store.command("SELECT count() FROM job_analytics_older") == 5


@pytest.mark.slow
def test_a_table_under_the_name_of_a_site_s_view_is_kept(older_store: WarehouseClient):
    older_store.command("CREATE TABLE boss_job_analytics (job_id String) ENGINE = MergeTree ORDER BY job_id AS SELECT 'theirs'")
    apply_schema(older_store)
    assert older_store.command("SELECT job_id FROM boss_job_analytics_older") == "theirs"
    assert older_store.command("SELECT count() FROM boss_job_analytics") == 0


@pytest.mark.slow
def test_several_may_upgrade_at_the_same_moment(older_store: WarehouseClient, open_client: Callable[[], WarehouseClient]):
    older_store.command(OLDER_VIEW)
    clients = [open_client() for _ in range(3)]
    barrier = threading.Barrier(len(clients))
    failures: list[BaseException] = []

    def apply(client: WarehouseClient) -> None:
        try:
            barrier.wait(30)
            apply_schema(client)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=apply, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert older_store.command("SELECT count() FROM job_analytics_older") == 5
    assert "boss_job_analytics" in older_store.command("SHOW CREATE VIEW job_analytics")
    assert JSON in [row[0] for row in older_store.query("SELECT job_data FROM boss_job").result_rows]
