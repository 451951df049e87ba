"""The store, or a whole process, goes away in mid-crawl: nothing is lost or stands twice, no loss is called a success."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from jobdata_scrapy.sandbox.process import RunningSandbox
from tests.conftest import CRAWL_SECONDS
from tests.crawl.crawl_process import CrawlProcess, crawling

pytestmark = pytest.mark.slow
SLOWLY = ("-s", "SLEEP_MIN_SECONDS=0.4", "-s", "SLEEP_MAX_SECONDS=0.4")


@pytest.fixture
def begin(sandbox: RunningSandbox) -> Iterator[Callable[..., CrawlProcess]]:
    """`begin(site, keyword, folder, *options)`: starts a crawl of 上海 and does not wait for it."""
    with ExitStack() as crawls:

        def start(site: str, keyword: str, folder: Path, *options: str) -> CrawlProcess:
            arguments = (site, "-a", f"keyword={keyword}", "-a", "city=上海", *options)
            return crawls.enter_context(crawling(sandbox, folder, *arguments))

        yield start


def local_server_pid(folder: Path) -> int:
    return int(json.loads((folder / "clickhouse" / "server.json").read_text())["pid"])


def test_the_local_server_is_killed_and_comes_back(begin, sandbox, three_pages, stored_ids, tmp_path):
    keyword = three_pages("boss")
    crawl = begin("boss", keyword, tmp_path, *SLOWLY)
    crawl.wait_for_pages(2)
    first = local_server_pid(tmp_path)
    os.kill(first, signal.SIGKILL)
    run = crawl.end()
    assert (run.code, run.round["state"], run.round["stored"]) == (0, "done", 40), run.err
    assert local_server_pid(tmp_path) != first
    assert stored_ids("boss", keyword, directory=tmp_path) == sorted(sandbox.truth("boss", keyword, "上海")["ids"])


def test_a_killed_crawl_is_made_up_for_by_the_next(begin, sandbox, three_pages, stored_ids, tmp_path):
    keyword = three_pages("qcwy")
    truth = sorted(sandbox.truth("qcwy", keyword, "上海")["ids"])
    crawl = begin(
        "qcwy", keyword, tmp_path, *SLOWLY, "-s", "EXIT_LEASE_SECONDS=2"
    )  # what a killed process held is free after that
    crawl.wait_for_pages(2)
    crawl.kill()
    begun = stored_ids("qcwy", keyword, directory=tmp_path)
    assert 0 < len(begun) == len(set(begun)) < len(truth)
    run = begin("qcwy", keyword, tmp_path).end()
    assert (run.code, run.round["state"], run.round["unchanged"]) == (0, "done", len(begun)), run.err
    assert run.round["new"] == len(truth) - len(begun)
    assert stored_ids("qcwy", keyword, directory=tmp_path) == truth


def test_a_warehouse_that_is_not_there_stops_the_run_before_its_first_request(begin, sandbox, tmp_path):
    run = begin("qcwy", "会计", tmp_path, "-s", "CLICKHOUSE_HOST=127.0.0.1", "-s", "CLICKHOUSE_PORT=9").end()
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "storage_down"), run.err
    assert any("http://127.0.0.1:9" in one["message"] for one in run.report["judgement"]["problems"])
    assert run.report["rounds"] == []
    assert sandbox.log() == []
    assert "Traceback" not in run.err


def test_a_database_that_fails_in_mid_crawl_stops_the_run(begin, sandbox, three_pages, tmp_path):
    """The page was stored but could not be reported: the search is not called done, and no further page is asked for."""
    crawl = begin("zhilian", f"{three_pages('zhilian')},{three_pages('zhilian')}", tmp_path, *SLOWLY)
    crawl.wait_for_pages(2)
    with closing(sqlite3.connect(tmp_path / "jobdata.sqlite", timeout=30)) as database:
        database.execute("ALTER TABLE coverage RENAME TO coverage_gone")
    run = crawl.end()
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "storage_down"), run.err
    assert run.report["judgement"]["state"] == "failed"
    assert "done" not in {one["state"] for one in run.report["rounds"]}
    assert sum(one["kind"] == "search" for one in sandbox.log()) <= 4


def test_three_sites_at_once_on_a_store_that_does_not_exist_yet(begin, sandbox, stored_ids, tmp_path):
    keyword = "同时开始"
    crawls = {site: begin(site, keyword, tmp_path) for site in ("boss", "qcwy", "zhilian")}
    ends = {site: crawl.process.communicate(timeout=CRAWL_SECONDS) for site, crawl in crawls.items()}
    for site, crawl in crawls.items():
        assert crawl.process.returncode == 0, ends[site][1]
        assert stored_ids(site, keyword, directory=tmp_path) == sorted(sandbox.truth(site, keyword, "上海")["ids"])
    assert len(list((tmp_path / "reports").glob("*.json"))) == 3
    with closing(sqlite3.connect(tmp_path / "jobdata.sqlite")) as database:
        states = database.execute("SELECT platform, state, exit_code FROM crawl_run ORDER BY platform").fetchall()
        rounds = database.execute("SELECT DISTINCT state FROM coverage").fetchall()
    assert states == [("boss", "kept", 0), ("qcwy", "kept", 0), ("zhilian", "kept", 0)]
    assert rounds == [("done",)]
