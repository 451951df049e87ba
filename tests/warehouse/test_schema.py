"""The schema is applied once, by whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import fields

import pytest

from jobdata_scrapy.items import Company, Job
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.rows import COMPANY_FIELDS, JOB_FIELDS
from jobdata_scrapy.warehouse.schema import apply_schema, plan_steps, platforms_of, schema_version

NEVER_STORED = {"raw", "ticket", "monthly_hint", "state"}


def test_every_field_of_an_item_has_its_column():
    assert set(JOB_FIELDS) == {field.name for field in fields(Job)} - NEVER_STORED
    assert set(COMPANY_FIELDS) == {field.name for field in fields(Company)} - NEVER_STORED


def test_steps_are_named_by_file_and_platform():
    names = [step.name for step in plan_steps(["qcwy", "boss"])]
    assert names[:2] == ["001_job/boss", "001_job/qcwy"]
    assert names[-1] == "005_job_analytics/boss+qcwy.view"
    assert platforms_of(names) == {"boss", "qcwy"}


def test_a_platform_that_cannot_be_a_table_name_is_refused():
    with pytest.raises(ValueError, match="platform 'x; DROP'"):
        list(plan_steps(["x; DROP"]))


@pytest.mark.slow
def test_applying_again_changes_nothing(client: WarehouseClient):
    assert schema_version(client) == 0
    assert "003_job_sighting" in apply_schema(client)
    assert apply_schema(client) == []
    assert apply_schema(client, ["boss"]) == []
    assert schema_version(client) == 5
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
    assert apply_schema(client, ["newsite"]) == [
        "001_job/newsite",
        "002_company/newsite",
        "005_job_analytics/boss+newsite.view",
    ]
    client.command("INSERT INTO newsite_job (job_id, title) VALUES ('n', 't')")
    client.command("INSERT INTO boss_job (job_id, title) VALUES ('b', 't')")
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
