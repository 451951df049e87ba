"""The project on a real Scrapyd: deployed as an egg, a job scheduled over HTTP, and its verdict where docs/deploy.md says."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from jobdata_scrapy.sandbox.options import DEFAULT_TOKEN
from jobdata_scrapy.sandbox.process import RunningSandbox
from spiders.registry import PLATFORMS
from tests.crawl.crawlers import fill_queue
from tests.deploy.node import Node, copy_project, running_node, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("node") / "data"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Node]:
    """A node with the project deployed; its jobs get token and stores from the environment."""
    folder = tmp_path_factory.mktemp("scrapyd")
    own = {"JOBDATA_DIR": str(data), "BOSS_MPT_TOKEN": DEFAULT_TOKEN, "LOCAL_SERVER_IDLE_SECONDS": "20"}
    with running_node(folder / "node", **own) as running:
        running.deploy(copy_project(folder / "project"))
        yield running


def schedule(node: Node, sandbox: RunningSandbox, spider: str, *settings: str, **arguments: str) -> str:
    every = [f"SANDBOX={sandbox.url}", *settings]
    return str(node.post("schedule.json", project="jobdata", spider=spider, setting=every, **arguments)["jobid"])


def read_report(data: Path, job: str) -> dict[str, Any]:
    """The report and the line in crawl_run of the run that was this job."""
    with closing(sqlite3.connect(data / "jobdata.sqlite")) as database:
        query = "SELECT run_id, state, exit_code, finish_reason FROM crawl_run WHERE job = ?"
        [(run_id, state, exit_code, reason)] = database.execute(query, (job,)).fetchall()
    report = json.loads((data / "reports" / f"{run_id}.json").read_text("utf-8"))
    return {"report": report, "state": state, "exit_code": exit_code, "finish_reason": reason}


def test_without_the_password_nothing_is_answered(node: Node) -> None:
    assert requests.get(f"{node.url}/listprojects.json", timeout=20).status_code == requests.codes.unauthorized


def test_the_version_is_an_integer_and_every_spider_is_there(node: Node) -> None:
    [version] = node.get("listversions.json", project="jobdata")["versions"]
    assert version.isdecimal()
    assert sorted(node.get("listspiders.json", project="jobdata")["spiders"]) == sorted(PLATFORMS)


@pytest.mark.parametrize("spider", sorted(PLATFORMS))
def test_a_job_stores_its_postings_and_leaves_its_verdict(node: Node, sandbox: RunningSandbox, data: Path, spider: str) -> None:
    job = schedule(node, sandbox, spider, keyword="数据分析", city="上海", pages="1")
    node.wait_for_job(job)
    found = read_report(data, job)
    assert (found["state"], found["exit_code"], found["finish_reason"]) == ("kept", 0, "finished"), node.log(spider, job)
    assert "数据分析 上海" in node.log(spider, job)


def test_a_failed_run_is_finished_for_scrapyd_and_failed_for_us(node: Node, sandbox: RunningSandbox, data: Path) -> None:
    job = schedule(node, sandbox, "boss", "BOSS_MPT_TOKEN=expired", keyword="数据分析", city="北京", pages="1")
    node.wait_for_job(job)
    found = read_report(data, job)
    assert (found["state"], found["exit_code"], found["finish_reason"]) == ("failed", 1, "login_required"), node.log("boss", job)


def test_a_wrong_argument_has_its_line_and_exit_code_in_scrapyds_log(node: Node, sandbox: RunningSandbox) -> None:
    job = schedule(node, sandbox, "qcwy", keyword="数据分析", city="亚特兰蒂斯")
    node.wait_for_job(job)
    wait_for("its exit code", lambda: "exitstatus=2" in node.own_log())
    assert "city: '亚特兰蒂斯' is unknown to qcwy" in node.own_log()


def ask(data: Path, query: str) -> list[tuple[object, ...]]:
    """What the relational database answers."""
    with closing(sqlite3.connect(data / "jobdata.sqlite", timeout=30)) as database, database:
        return database.execute(query).fetchall()


def test_cancel_ends_a_job_as_drained_and_the_next_one_goes_on(node: Node, sandbox: RunningSandbox, data: Path) -> None:
    """One page is read, two keywords wait at the gate for a minute: cancel.json (SIGINT) ends all of it in order within 20 s."""
    words = ["取消一", "取消二", "取消三"]
    sandbox.control({"total": [{"site": "zhilian", "keyword": word, "city": "上海", "total": 60} for word in words]})
    fill_queue(data, "zhilian", words)
    ask(data, "DELETE FROM exit_lease")  # an earlier job's last answer: this one's first page would wait for a minute after it
    job = schedule(node, sandbox, "zhilian", "SLEEP_MIN_SECONDS=60", "SLEEP_MAX_SECONDS=60", "ROBOTSTXT_OBEY=false")
    read = "SELECT keyword, round FROM coverage WHERE state = 'running' AND pages_ok = 1"
    [(first, round_id)] = wait_for("the first page", lambda: ask(data, read))
    cancelled = time.monotonic()
    assert node.post("cancel.json", project="jobdata", job=job)["prevstate"] == "running"
    node.wait_for_job(job)
    assert time.monotonic() - cancelled < 20
    found = read_report(data, job)
    assert (found["state"], found["exit_code"], found["finish_reason"]) == ("failed", 1, "drained"), node.log("zhilian", job)
    run_id = found["report"]["run"]["run_id"]
    lines = ask(data, f"SELECT state, stop_reason, pages_ok FROM coverage WHERE run_id = '{run_id}' ORDER BY pages_ok")
    assert lines == [("partial", "drained", 0), ("partial", "drained", 0), ("partial", "drained", 1)]
    assert ask(data, "SELECT DISTINCT state, owner FROM keyword") == [("partial", None)]
    assert ask(data, "SELECT DISTINCT owner FROM exit_lease WHERE platform = 'zhilian'") == [(None,)]

    asked = len(sandbox.log())
    next_job = schedule(node, sandbox, "zhilian")
    node.wait_for_job(next_job)
    assert read_report(data, next_job)["state"] == "kept", node.log("zhilian", next_job)
    assert ask(data, "SELECT DISTINCT state FROM keyword") == [("done",)]
    pages = [one["page"] for one in sandbox.log()[asked:] if one["kind"] == "search" and one["keyword"] == first]
    assert pages == [2, 3]
    assert ask(data, f"SELECT state, pages_ok FROM coverage WHERE round = '{round_id}'") == [("done", 3)]
