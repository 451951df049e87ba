"""The project on a real Scrapyd: deployed as an egg, a job scheduled over HTTP, and its verdict where docs/deploy.md says."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from jobdata_scrapy.sandbox.options import DEFAULT_TOKEN
from jobdata_scrapy.sandbox.process import RunningSandbox
from spiders.registry import PLATFORMS
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


def read_report(data: Path, job: str) -> dict[str, object]:
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


def test_cancel_stores_the_page_in_flight_and_ends_as_drained(node: Node, sandbox: RunningSandbox, data: Path) -> None:
    paced = ("SLEEP_MIN_SECONDS=2", "SLEEP_MAX_SECONDS=2")
    job = schedule(node, sandbox, "boss", *paced, keyword="数据分析", city="深圳")
    node.wait_for_job(job, "running")
    wait_for("the first page", lambda: any(line["site"] == "boss" and "joblist" in line["path"] for line in sandbox.log()[-1:]))
    node.post("cancel.json", project="jobdata", job=job)
    node.wait_for_job(job)
    found = read_report(data, job)
    assert (found["state"], found["exit_code"], found["finish_reason"]) == ("failed", 1, "drained")
