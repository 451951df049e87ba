"""`scrapy warehouse`: what the operator reads, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.commands.warehouse import build_parser
from jobdata_scrapy.warehouse.client import connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.schema import read_files
from jobdata_scrapy.warehouse.status import read_status
from tests.warehouse.warehouse_parts import ROOT, WAIT_SECONDS, make_config

pytestmark = pytest.mark.slow
LATEST = int(read_files()[-1][0][:3])


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
    assert made.stdout.splitlines()[-1].endswith(f"database job_data, schema version {LATEST}")
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
    wide = run(own_dir, "query", "SELECT " + ", ".join(f"'value {number}' AS c{number}" for number in range(40)))
    assert [line.split() for line in wide.stdout.splitlines() if "c39" in line] == [["c39", "value", "39"]], wide.stderr
    rows = json.loads(run(own_dir, "query", "SELECT 1 AS a", "--format", "json").stdout)["data"]
    assert rows == [{"a": 1}]
    assert run(own_dir, "query", "SELECT 1 AS a, 'x' AS b", "--format", "csv").stdout == '"a","b"\n1,"x"\n'
    refused = run(own_dir, "query", "CREATE TABLE t (a Int8) ENGINE = Memory")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    empty = run(own_dir, "query", " ")
    assert (empty.returncode, empty.stderr.count("\n"), "statement: is empty" in empty.stderr) == (2, 1, True)
    unknown = run(own_dir, "query", "SELECT * FROM nope")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "nope" in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: SUBCOMMAND"),
        (("drop",), "invalid choice: 'drop'"),
        (("query",), 'the following arguments are required: "SELECT ..."'),
        (("status", "x"), "unrecognized arguments: x"),
        (("status", "--dry-run"), "unrecognized arguments: --dry-run"),
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
    assert (status.kind, status.schema, status.started, status.pending) == ("embedded", LATEST, True, [])
    assert {table.name for table in status.tables} >= {"boss_job", "job_analytics"}
    assert next(table.rows for table in status.tables if table.name == "job_analytics") is None


@pytest.fixture
def call(own_dir: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """`call("prune", "--dry-run", clickhouse_db="x")`: a subcommand in this process; the lines it prints."""

    def run_one(*arguments: str, **given: Any) -> list[str]:
        words = build_parser().parse_args(list(arguments))
        words.action(make_config(own_dir, **given), words)
        return capsys.readouterr().out.splitlines()

    return run_one


def test_a_dry_run_says_what_is_missing_and_changes_nothing(own_dir: Path, call: Callable[..., list[str]]):
    assert "there is no store yet" in call("migrate", "--dry-run")[0]
    assert not own_dir.exists()
    call("query", "SELECT 1", clickhouse_db="other")
    lines = call("migrate", "--dry-run")
    assert lines[0] == "would apply 001_job/boss"
    assert lines[-1].endswith("database job_data, schema version 0")
    assert any("none yet" in line for line in call("status"))
    databases = call("query", "SELECT name FROM system.databases", "--format", "csv", clickhouse_db="other")
    assert '"job_data"' not in databases


def test_status_tells_what_is_pending(call: Callable[..., list[str]]):
    ttl = {"retention_days": {"rejected_row": 90}}
    call("migrate")
    assert not [line for line in call("status") if line.startswith("pending ")]
    (pending,) = [line for line in call("status", **ttl) if line.startswith("pending ")]
    assert "1: retention: rejected_row is kept 90 days" in pending
    assert call("migrate", "--dry-run", **ttl)[0] == "would apply retention: rejected_row is kept 90 days"
    assert call("migrate", **ttl)[0] == "applied retention: rejected_row is kept 90 days"
    assert len(call("migrate", **ttl)) == 1


def test_prune_tells_first_and_deletes_then(own_dir: Path, call: Callable[..., list[str]]):
    kept = {"retention_days": {"boss_job": 30, "reports": 30, "anomaly_event": 30}}
    call("migrate")
    client = connect(make_config(own_dir))
    for content, days in (("a", 90), ("b", 60), ("c", 1)):
        at = f"now64(3) - INTERVAL {days} DAY"
        client.command(
            f"INSERT INTO boss_job (job_id, page_kind, content_hash, crawled_at) SELECT 'j', 'search', '{content}', {at}"
        )
    reports = own_dir / "reports"
    reports.mkdir()
    for name, days in (("old", 90), ("new", 0)):
        for kind in ("json", "html"):
            (reports / f"{name}.{kind}").write_text("{}")
            os.utime(reports / f"{name}.{kind}", (time.time() - days * 86400,) * 2)

    told = call("prune", "--dry-run", **kept)
    rows = {line.split()[0]: line.split() for line in told if "days" in line}
    assert [rows[name][3] for name in ("anomaly_event", "boss_job", "reports")] == ["0", "2", "2"]
    assert "nothing was deleted yet" in told[-1]
    assert client.command("SELECT count() FROM boss_job") == 3

    done = call("prune", **kept)
    assert done[0] == "deleting 2 rows from boss_job ..."
    assert done[-1] == "deleted"
    assert client.query("SELECT content_hash FROM boss_job").result_rows == [("c",)]
    assert sorted(path.name for path in reports.iterdir()) == ["new.html", "new.json"]
    assert "nothing is old enough" in call("prune", **kept)[-1]
    client.close()


def test_prune_without_a_setting_or_with_a_wrong_one(own_dir: Path):
    assert "everything is kept for ever" in run(own_dir, "prune").stdout
    assert not own_dir.exists()
    run(own_dir, "migrate")
    wrong = run(own_dir, "prune", RETENTION_DAYS="bos_job=3")
    assert wrong.returncode == 2
    assert "RETENTION_DAYS: there is no table 'bos_job' in database job_data" in wrong.stderr
