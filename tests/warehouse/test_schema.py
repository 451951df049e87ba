"""The schema is applied once, by whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import fields

import pytest

from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.items import Company, Job
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.rows import COMPANY_FIELDS, JOB_FIELDS
from jobdata_scrapy.warehouse.schema import (
    apply_schema,
    describe_plan,
    migrate,
    pending_steps,
    plan_steps,
    platforms_of,
    read_applied,
    read_files,
    schema_version,
)

LATEST = int(read_files()[-1][0][:3])
NEVER_STORED = {"raw", "ticket", "monthly_hint", "state"}


def test_every_field_of_an_item_has_its_column():
    assert set(JOB_FIELDS) == {field.name for field in fields(Job)} - NEVER_STORED
    assert set(COMPANY_FIELDS) == {field.name for field in fields(Company)} - NEVER_STORED


def test_steps_are_named_by_file_and_platform():
    names = [step.name for step in plan_steps(["qcwy", "boss"])]
    assert names[:2] == ["001_job/boss", "001_job/qcwy"]
    assert {"005_job_analytics/qcwy", "017_job_analytics/boss+qcwy.view"} <= set(names)
    assert platforms_of(names) == {"boss", "qcwy"}
    assert max(step.version for step in plan_steps(["boss"])) == LATEST


def test_the_files_are_numbered_without_gaps():
    assert [int(name[:3]) for name, _ in read_files()] == list(range(1, LATEST + 1))


@pytest.mark.slow
def test_a_new_installation_rewrites_no_rows(client: WarehouseClient):
    apply_schema(client)
    assert client.command("SELECT count() FROM system.mutations WHERE database = currentDatabase()") == 0
    indexes = "SELECT table, name FROM system.data_skipping_indices WHERE database = currentDatabase()"
    assert sorted(row for row in client.query(indexes).result_rows if row[0] in ("boss_job", "job_sighting")) == [
        ("boss_job", "stored_at_range"),
        ("job_sighting", "by_posting"),
        ("job_sighting", "stored_at_range"),
    ]


def test_a_platform_that_cannot_be_a_table_name_is_refused():
    with pytest.raises(ValueError, match="platform 'x; DROP'"):
        list(plan_steps(["x; DROP"]))


@pytest.mark.slow
def test_applying_again_changes_nothing(client: WarehouseClient):
    assert schema_version(client) == 0
    assert "003_job_sighting" in apply_schema(client)
    assert apply_schema(client) == []
    assert apply_schema(client, ["boss"]) == []
    assert schema_version(client) == LATEST
    tables = {name for (name,) in client.query("SHOW TABLES").result_rows}
    assert {"boss_job", "qcwy_job", "zhilian_job", "boss_company", "job_sighting", "rejected_row", "job_analytics"} <= tables


@pytest.mark.slow
def test_columns_of_the_older_system_come_first(client: WarehouseClient):
    apply_schema(client)
    columns = [row[0] for row in client.query("DESCRIBE TABLE boss_job").result_rows]
    assert columns[:5] == ["job_id", "company_id", "keyword", "city", "job_data"]


@pytest.mark.slow
def test_a_further_platform_joins_the_view(client: WarehouseClient):
    apply_schema(client, ["boss"])
    applied = apply_schema(client, ["newsite"])
    assert applied[:3] == ["001_job/newsite", "002_company/newsite", "005_job_analytics/newsite"]
    assert "017_job_analytics/boss+newsite.view" in applied
    assert all("newsite" in name for name in applied)
    client.command("INSERT INTO newsite_job (job_id, page_kind, title) VALUES ('n', 'search', 't')")
    client.command("INSERT INTO boss_job (job_id, page_kind, title) VALUES ('b', 'search', 't')")
    assert client.query("SELECT platform, job_id FROM job_analytics ORDER BY job_id").result_rows == [
        ("boss", "b"),
        ("newsite", "n"),
    ]


@pytest.mark.slow
def test_several_may_apply_it_at_the_same_moment(open_client: Callable[[], WarehouseClient]):
    clients = [open_client() for _ in range(4)]
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
    assert apply_schema(clients[0]) == []
    assert clients[0].command("SELECT count() FROM job_analytics") == 0


@pytest.mark.slow
def test_a_run_that_may_not_migrate_refuses_an_older_schema_in_one_line(client: WarehouseClient):
    client.config.run_migrations_on_startup = False
    with pytest.raises(StorageError) as refused:
        apply_schema(client, ["boss"])
    (line,) = str(refused.value).splitlines()
    assert line.startswith("warehouse: the schema is behind (")
    assert "001_job/boss, 002_company/boss, 003_job_sighting ...) and RUN_MIGRATIONS_ON_STARTUP is false" in line
    assert line.endswith("run `scrapy warehouse migrate`")
    assert client.query("SHOW TABLES").result_rows == []
    migrate(client, ["boss"])
    assert apply_schema(client, ["boss"]) == []
    with pytest.raises(StorageError, match="001_job/newsite"):
        apply_schema(client, ["newsite"])


@pytest.mark.slow
def test_what_is_missing_is_told_and_nothing_else_is_applied(client: WarehouseClient):
    apply_schema(client, ["boss"])
    client.command("ALTER TABLE schema_version DELETE WHERE name = '004_rejected_row' SETTINGS mutations_sync = 1")
    assert [step.name for step in pending_steps(client, ["boss"])] == ["004_rejected_row"]
    assert describe_plan(client, ["boss"]) == ["004_rejected_row"]
    assert "004_rejected_row" not in read_applied(client)
    assert migrate(client, ["boss"]) == ["004_rejected_row"]


@pytest.mark.slow
def test_steps_that_were_applied_are_recorded_also_when_a_later_one_fails(client: WarehouseClient):
    client.command("CREATE TABLE job_sighting (x Int8) ENGINE = Memory")
    with pytest.raises(StorageError, match="job_sighting cannot take our rows: its engine is Memory"):
        apply_schema(client, ["boss"])
    assert read_applied(client) == {"001_job/boss", "002_company/boss"}
    client.command("DROP TABLE job_sighting")
    assert apply_schema(client, ["boss"])[0] == "003_job_sighting"
