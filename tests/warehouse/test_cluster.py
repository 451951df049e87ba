"""The schema on a cluster: the engine parses every statement, and one that it can run alone (a shard of one) does its work."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.cluster import WHOLE_ON_EVERY_NODE, render_for_cluster, render_on_every_node
from jobdata_scrapy.warehouse.ddl import read_create_table
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.retention import measure_expired, prune
from jobdata_scrapy.warehouse.schema import (
    VERSION_TABLE,
    apply_schema,
    migrate,
    plan_statements,
    plan_steps,
    read_applied,
    table_names,
)
from jobdata_scrapy.warehouse.sightings import count_rounds
from jobdata_scrapy.warehouse.ttl import plan_ttl
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import NOW, ROOT, WAIT_SECONDS, end_server, make_config, make_job, make_page

STEPS = list(plan_steps(["boss", "newsite"]))
ONE_SHARD = """<clickhouse>
    <tcp_port>9000</tcp_port>
    <remote_servers><one><shard>
        <internal_replication>true</internal_replication>
        <replica><host>127.0.0.1</host><port>9000</port></replica>
    </shard></one></remote_servers>
</clickhouse>"""
WITH_CONFIG = """
import sys
from jobdata_scrapy.warehouse.local_server import engine
engine.OPTIONS += "&config-file=" + sys.argv.pop(1)
from jobdata_scrapy.warehouse.local_server.__main__ import main
sys.exit(main())
"""


def test_nothing_changes_without_a_cluster():
    assert [render_for_cluster(step.sql, "", "job_data") for step in STEPS] == [[step.sql] for step in STEPS]
    assert render_on_every_node(VERSION_TABLE, "") == VERSION_TABLE


def test_a_table_becomes_two():
    sql = next(step.sql for step in STEPS if step.name == "001_job/boss")
    local, distributed = render_for_cluster(sql, "two-shards", "job_data")
    assert local.startswith("CREATE TABLE IF NOT EXISTS boss_job_local ON CLUSTER 'two-shards'\n(\n    job_id String")
    assert "ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')\nORDER BY (job_id" in local
    assert local.endswith("replicated_deduplication_window = 1000")
    assert "non_replicated" not in local
    assert distributed == (
        "CREATE TABLE IF NOT EXISTS boss_job ON CLUSTER 'two-shards' AS job_data.boss_job_local\n"
        "ENGINE = Distributed('two-shards', 'job_data', 'boss_job_local', cityHash64(job_id))"
    )


@pytest.mark.parametrize(
    ("name", "engine", "key"),
    [
        ("002_company/boss", "ReplicatedMergeTree(", "cityHash64(company_id)"),
        ("003_job_sighting", ", seen_at)", "cityHash64(job_id)"),
        ("004_rejected_row", ", rejected_at)", "cityHash64(platform, round, page_kind, page, position, row_id, row_hash)"),
    ],
)
def test_rows_that_belong_together_are_on_one_shard(name: str, engine: str, key: str):
    local, distributed = render_for_cluster(next(step.sql for step in STEPS if step.name == name), "c", "d")
    assert engine in local
    assert distributed.endswith(f", {key})")


def test_what_every_node_has_as_a_whole():
    for name in WHOLE_ON_EVERY_NODE:
        step = next(step for step in STEPS if (create := read_create_table(step.sql)) and create.name == name)
        (only,) = render_for_cluster(step.sql, "c", "d")
        assert f"EXISTS {name} ON CLUSTER 'c'" in only
        assert "('/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}'" in only
    assert "/all/{database}/{table}" in render_on_every_node(VERSION_TABLE, "c")


def test_an_alter_reaches_the_rows_and_their_columns_the_distributed_table():
    sql = "ALTER TABLE boss_job ADD COLUMN IF NOT EXISTS a Int8, ADD INDEX IF NOT EXISTS b a TYPE minmax"
    assert render_for_cluster(sql, "c", "d") == [
        "ALTER TABLE boss_job_local ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS a Int8, ADD INDEX IF NOT EXISTS b a TYPE minmax",
        "ALTER TABLE boss_job ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS a Int8",
    ]
    assert render_for_cluster("ALTER TABLE boss_job MATERIALIZE COLUMN a", "c", "d") == [
        "ALTER TABLE boss_job_local ON CLUSTER 'c' MATERIALIZE COLUMN a"
    ]
    assert render_for_cluster("ALTER TABLE job_cube DROP PARTITION 1", "c", "d") == [
        "ALTER TABLE job_cube ON CLUSTER 'c' DROP PARTITION 1"
    ]


@pytest.mark.parametrize("sql", ["DROP TABLE x", "CREATE TABLE IF NOT EXISTS x (a Int8) ENGINE = Log ORDER BY a"])
def test_a_statement_nobody_thought_of_is_refused(sql: str):
    with pytest.raises(ValueError, match="cluster"):
        render_for_cluster(sql, "c", "d")


@pytest.mark.slow
def test_the_engine_parses_every_statement(client: WarehouseClient):
    statements = [sql for step in STEPS for sql in render_for_cluster(step.sql, "two-shards", "job_data")]
    statements.append(render_on_every_node(VERSION_TABLE, "two-shards"))
    for sql in statements:
        formatted = client.query("SELECT formatQuery({sql:String})", {"sql": sql}).first_item
        (text,) = formatted.values()
        assert "ON CLUSTER `two-shards`" in text, sql
    assert len(statements) > len(STEPS)


@pytest.fixture(scope="module")
def shard_of_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The JOBDATA_DIR of a local server whose engine knows a cluster `one`: this very engine."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "config.xml").write_text(ONE_SHARD)
    files = ServerFiles(folder / "data")
    arguments = [str(folder / "config.xml"), "--jobdata-dir", str(files.jobdata_dir), "--idle-seconds", "120"]
    process = subprocess.Popen([sys.executable, "-c", WITH_CONFIG, *arguments], cwd=ROOT)
    deadline = time.monotonic() + WAIT_SECONDS
    while files.running_state() is None:
        assert process.poll() is None, "the local server ended"
        assert time.monotonic() < deadline, "the local server did not start"
        time.sleep(0.05)
    yield files.jobdata_dir
    end_server(files)
    process.wait(WAIT_SECONDS)


@pytest.fixture
def on_cluster(shard_of_one: Path, request: pytest.FixtureRequest) -> Iterator[WarehouseClient]:
    """A client with CLICKHOUSE_CLUSTER=one, on a database with our tables."""
    state = ServerFiles(shard_of_one).running_state()
    assert state is not None
    settings = {
        "clickhouse_host": "127.0.0.1",
        "clickhouse_port": state.port,
        "clickhouse_user": state.username,
        "clickhouse_pass": state.password,
        "clickhouse_db": f"t{abs(hash(request.node.name))}",
        "retention_days": {"boss_job": 10, "job_sighting": 30},
    }
    plain = connect(make_config(shard_of_one, **settings))
    plain.command(render_alone(VERSION_TABLE, plain.database)[0])
    for step in plan_steps(["boss"]):
        for sql in render_alone(step.sql, plain.database):
            plain.command(sql)
        plain.command(f"INSERT INTO schema_version (version, name) VALUES ({step.version}, '{step.name}')")
    plain.close()
    client = connect(make_config(shard_of_one, **settings, clickhouse_cluster="one"))
    yield client
    client.command(f"DROP DATABASE {client.database}")
    client.close()


def render_alone(sql: str, database: str) -> list[str]:
    """As for a cluster, without what needs a Keeper: replicas, and DDL that travels."""
    statements = render_for_cluster(sql, "one", database) if sql != VERSION_TABLE else [render_on_every_node(sql, "one")]
    alone = []
    for statement in statements:
        text = statement.replace(" ON CLUSTER 'one'", "").replace("replicated_deduplication", "non_replicated_deduplication")
        text = re.sub(r"Replicated(\w+)\('[^']*', '[^']*'(?:, )?", r"\1(", text)
        alone.append(text)
    return alone


@pytest.mark.slow
def test_pages_are_stored_once_through_distributed_tables(on_cluster: WarehouseClient):
    assert "_local" in on_cluster.command("SHOW CREATE TABLE boss_job")
    assert apply_schema(on_cluster, ["boss"]) == [], "all steps are recorded, and no DDL has to travel"
    writer = Writer(on_cluster)
    page = make_page([make_job("j1"), make_job("j2")])
    assert writer.store(page).new == 2
    assert writer.store(page).new == 2, "sent again: found, not written"
    assert writer.store(make_page([make_job("j1")], run_id="run-2")).unchanged == 1
    assert count_rounds(on_cluster, "boss", ["round-1"]) == [2]
    assert on_cluster.command("SELECT count() FROM boss_job") == 2
    assert on_cluster.command("SELECT count() FROM boss_job_local") == 2
    assert on_cluster.query("SELECT job_id FROM job_analytics ORDER BY job_id").result_rows == [("j1",), ("j2",)]


@pytest.mark.slow
def test_the_same_insert_is_taken_once(on_cluster: WarehouseClient):
    sql = "INSERT INTO boss_job (job_id, page_kind) SETTINGS insert_deduplication_token = 'x' VALUES ('j', 'search')"
    on_cluster.command(sql)
    on_cluster.command(sql)
    assert on_cluster.command("SELECT count() FROM boss_job") == 1


@pytest.mark.slow
def test_retention_works_on_the_tables_that_keep_the_rows(on_cluster: WarehouseClient):
    writer = Writer(on_cluster)
    for version in ("a", "b"):
        writer.store(
            make_page([make_job("j1", content_hash=version)], run_id=version, fetched_at=NOW.replace(day=ord(version) - 96))
        )
    expired = {one.name: one for one in measure_expired(on_cluster, NOW)}
    assert (expired["boss_job"].count, expired["job_sighting"].count) == (1, 0)
    with pytest.raises(DatabaseError, match="Replicated DDL queries are disabled"):
        prune(on_cluster, NOW, sleep=lambda _: None)  # its ALTER has to travel
    on_cluster.config.retention_days["rejected_row"] = 5
    assert plan_ttl(on_cluster) == [
        (
            "retention: rejected_row is kept 5 days",
            "ALTER TABLE rejected_row_local ON CLUSTER 'one' MODIFY TTL toDateTime(rejected_at) + toIntervalDay(5)",
        )
    ]


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_refused(shard_of_one: Path):
    state = ServerFiles(shard_of_one).running_state()
    assert state is not None
    settings = {"clickhouse_host": "127.0.0.1", "clickhouse_port": state.port, "clickhouse_pass": state.password}
    client = connect(make_config(shard_of_one, **settings, clickhouse_cluster="three", clickhouse_db="default"))
    with pytest.raises(StorageError, match=r"CLICKHOUSE_CLUSTER 'three' is not in system.clusters of http.*; known: one"):
        migrate(client)
    client.close()


@pytest.mark.slow
def test_tables_made_for_one_server_are_not_taken_for_a_clusters(on_cluster: WarehouseClient):
    on_cluster.command("DROP TABLE boss_job")
    on_cluster.command("CREATE TABLE boss_job (job_id String) ENGINE = MergeTree ORDER BY job_id")
    on_cluster.command("TRUNCATE TABLE schema_version")
    assert read_applied(on_cluster) == set()
    with pytest.raises(StorageError, match="boss_job is a MergeTree, made without CLICKHOUSE_CLUSTER"):
        plan_statements(on_cluster, next(iter(plan_steps(["boss"]))), table_names(on_cluster), ())
