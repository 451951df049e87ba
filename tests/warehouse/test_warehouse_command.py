"""`scrapy warehouse`: what the operator reads, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.status import read_status
from tests.warehouse.warehouse_parts import ROOT, WAIT_SECONDS, make_config

pytestmark = pytest.mark.slow


def run(jobdata_dir: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    values = {**os.environ, "JOBDATA_DIR": str(jobdata_dir), "CLICKHOUSE_HOST": "", "COLUMNS": "120", **environment}
    command = [sys.executable, "-m", "scrapy", "warehouse", *arguments]
    return subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)


def test_from_nothing_to_a_first_answer(own_dir: Path):
    before = run(own_dir, "status")
    assert before.returncode == 0, before.stderr
    assert "not started yet" in before.stdout
    assert not own_dir.exists()
    made = run(own_dir, "migrate")
    assert "applied 001_job/zhilian" in made.stdout
    assert made.stdout.splitlines()[-1].endswith("database job_data, schema version 5")
    after = run(own_dir, "status")
    state = ServerFiles(own_dir).running_state()
    assert state is not None
    assert f"http://127.0.0.1:{state.port} (process {state.pid})" in after.stdout
    assert "boss_job" in after.stdout
    assert state.password not in after.stdout
    assert run(own_dir, "migrate").stdout.count("applied") == 0


def test_queries_only_read(own_dir: Path):
    table = run(own_dir, "query", "SELECT 1 AS a, '[bold]职位' AS b")
    assert "[bold]职位" in table.stdout, table.stderr
    assert table.stdout.rstrip().endswith("1 row")
    rows = json.loads(run(own_dir, "query", "SELECT 1 AS a", "--format", "json").stdout)["data"]
    assert rows == [{"a": 1}]
    assert run(own_dir, "query", "SELECT 1 AS a, 'x' AS b", "--format", "csv").stdout == '"a","b"\n1,"x"\n'
    refused = run(own_dir, "query", "CREATE TABLE t (a Int8) ENGINE = Memory")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    unknown = run(own_dir, "query", "SELECT * FROM nope")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "nope" in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "a subcommand is missing"),
        (("drop",), "unknown subcommand 'drop'"),
        (("query",), "takes one statement in quotes, got 0 arguments"),
        (("status", "x"), "takes no argument"),
    ],
)
def test_wrong_arguments_end_with_code_2(tmp_path: Path, arguments: tuple[str, ...], message: str):
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path):
    done = run(tmp_path, "status", CLICKHOUSE_HOST="127.0.0.1", CLICKHOUSE_PORT="9", CLICKHOUSE_PASS="s3cret-word")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("scrapy warehouse status: ClickHouse (http://127.0.0.1:9) did not answer after 3 attempts")
    assert "s3cret-word" not in done.stdout + done.stderr


def test_status_of_a_store_that_does_not_run_starts_it(own_dir: Path):
    config = make_config(own_dir)
    assert not read_status(config).started
    run(own_dir, "migrate")
    status = read_status(config)
    assert (status.kind, status.schema, status.started) == ("embedded", 5, True)
    assert {table.name for table in status.tables} >= {"boss_job", "job_analytics"}
    assert next(table.rows for table in status.tables if table.name == "job_analytics") is None
