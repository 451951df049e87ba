"""A crawl into tables of the older system: what it finds there goes on working, and a second crawl writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jobdata_scrapy.sandbox.process import RunningSandbox
from jobdata_scrapy.warehouse.client import connect
from tests.conftest import Finished
from tests.warehouse.older_parts import OLDER_COMPANY, OLDER_JOB, OLDER_PENDING, read_as_older_system, write_as_older_system
from tests.warehouse.warehouse_parts import make_config

pytestmark = pytest.mark.slow


def test_two_crawls_into_older_tables(crawl: Callable[..., Finished], store_dir: Path):
    client = connect(make_config(store_dir, clickhouse_db="older_store"))
    settings = {"CLICKHOUSE_DB": "older_store"}
    for sql in (OLDER_JOB, OLDER_COMPANY, OLDER_PENDING):
        client.command(sql)
    write_as_older_system(client)
    before = read_as_older_system(client)

    first = crawl("boss", keyword="数据分析", city="上海", settings=settings)
    assert first.code == 0, first.err
    stored = first.round["stored"]
    assert first.round["new"] == first.round["seen"] == stored > 0
    assert read_as_older_system(client) == before
    write_as_older_system(client, "later")
    rows = client.command("SELECT count() FROM boss_job")
    assert rows == stored + 10

    second = crawl("boss", keyword="数据分析", city="上海", settings=settings)
    assert second.code == 0, second.err
    assert (second.round["new"], second.round["unchanged"], second.round["stored"]) == (0, stored, stored)
    assert client.command("SELECT count() FROM boss_job") == rows
    assert client.command("SELECT uniqExact(job_id) FROM job_analytics WHERE title != ''") == stored
    client.command("DROP DATABASE older_store")
    client.close()


def test_a_run_that_may_not_migrate_stops_before_its_first_request(
    crawl: Callable[..., Finished], scrapy_command: Callable[..., Finished], sandbox: RunningSandbox, store_dir: Path
):
    scrapy_command("keywords", "list")  # makes the tables of the relational database
    settings = {"CLICKHOUSE_DB": "not_migrated", "RUN_MIGRATIONS_ON_STARTUP": "false"}
    done = crawl("boss", keyword="数据分析", city="上海", settings=settings)
    assert done.code == 1
    assert "run `scrapy warehouse migrate`" in done.err
    assert sandbox.log() == []
    with closing(connect(make_config(store_dir))) as client:
        assert client.command("SELECT count() FROM system.databases WHERE name = 'not_migrated'") == 0
