"""A run that is asked to end: within seconds, in order, with everything it had read kept."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.sandbox.process import RunningSandbox
from tests.conftest import ROOT, clean_environment

pytestmark = pytest.mark.slow
ENDS_WITHIN = 8.0  # a drain has 20 seconds; nothing here needs more than the closing of the stores
WAITING_FOR = 60.0


class Crawl:
    """A crawl under way: three keywords, all of them behind a gate of 60 seconds once the first page is read."""

    def __init__(self, process: subprocess.Popen[str], reports: Path, sandbox: RunningSandbox) -> None:
        self.process = process
        self._reports = reports
        self._known = set(reports.glob("*.json"))
        self._sandbox = sandbox

    def wait_for_requests(self, count: int, kind: str = "search") -> None:
        deadline = time.monotonic() + WAITING_FOR
        while sum(one["kind"] == kind for one in self._sandbox.log()) < count:
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def wait_for_stored_page(self) -> None:
        """The first page is in the ledger; the next requests wait for their turn."""
        deadline = time.monotonic() + WAITING_FOR
        with closing(sqlite3.connect(self._reports.parent / "jobdata.sqlite")) as database:
            query = "SELECT count(*) FROM coverage WHERE state = 'running' AND pages_ok = 1"
            while not database.execute(query).fetchone()[0]:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def end(self) -> tuple[float, dict[str, Any], str]:
        """Waits for the end: seconds it took, the run's report, the log."""
        began = time.monotonic()
        _, log = self.process.communicate(timeout=25)
        took = time.monotonic() - began
        new = set(self._reports.glob("*.json")) - self._known
        return took, json.loads(new.pop().read_text("utf-8")) if new else {}, log


@pytest.fixture
def start(store_dir: Path, sandbox: RunningSandbox) -> Iterator[Callable[..., Crawl]]:
    """`start(pause=60, DRAIN_FILE=...)`: begins a crawl of zhilian for three keywords and does not wait for it."""
    processes: list[subprocess.Popen[str]] = []

    def begin(pause: float = 60, **settings: str) -> Crawl:
        given = {"SANDBOX": sandbox.url, "SLEEP_MIN_SECONDS": str(pause), "SLEEP_MAX_SECONDS": str(pause), **settings}
        options = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
        command = [
            sys.executable,
            "-m",
            "scrapy",
            "crawl",
            "zhilian",
            "-a",
            "keyword=排一,排二,排三",
            "-a",
            "city=上海",
            *options,
        ]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment(JOBDATA_DIR=str(store_dir)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return Crawl(process, store_dir / "reports", sandbox)

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def check_drained(crawl: Crawl, ledger: Callable[..., list[dict[str, Any]]], store_dir: Path, pages_ok: int) -> str:
    took, report, log = crawl.end()
    assert took < ENDS_WITHIN, log
    assert crawl.process.returncode == 1
    assert report["run"]["finish_reason"] == "drained", log
    lines = ledger(store_dir, report["run"]["run_id"])
    assert {(line["state"], line["stop_reason"]) for line in lines} == {("partial", "drained")}
    assert sum(line["pages_ok"] for line in lines) == pages_ok
    assert all(line["stored"] == line["distinct"] for line in lines)
    assert "Traceback" not in log
    return log


def test_sigterm_wakes_the_requests_at_the_gate(start, ledger, store_dir):
    crawl = start(ROBOTSTXT_OBEY="false")
    crawl.wait_for_requests(1)
    crawl.wait_for_stored_page()
    crawl.process.send_signal(signal.SIGTERM)
    log = check_drained(crawl, ledger, store_dir, pages_ok=1)
    assert "SIGTERM: the run ends now" in log


def test_a_second_signal_does_not_skip_the_closing(start, ledger, store_dir):
    crawl = start(ROBOTSTXT_OBEY="false")
    crawl.wait_for_requests(1)
    crawl.wait_for_stored_page()
    for _ in range(2):
        crawl.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    check_drained(crawl, ledger, store_dir, pages_ok=1)


def test_the_page_in_flight_is_finished(start, ledger, store_dir, sandbox):
    sandbox.control({"site": "zhilian", "kind": "search", "fault": "slow", "seconds": 3})
    crawl = start(ROBOTSTXT_OBEY="false")
    crawl.wait_for_requests(1)
    crawl.process.send_signal(signal.SIGTERM)
    check_drained(crawl, ledger, store_dir, pages_ok=1)


def test_a_drain_while_robots_txt_is_waited_for(start, ledger, store_dir, sandbox):
    sandbox.control({"site": "zhilian", "kind": "robots", "fault": "slow", "seconds": 3})
    crawl = start()
    crawl.wait_for_requests(1, kind="robots")
    crawl.process.send_signal(signal.SIGTERM)
    check_drained(crawl, ledger, store_dir, pages_ok=0)
    assert {one["kind"] for one in sandbox.log()} == {"robots"}


def test_a_file_ends_the_run(start, ledger, store_dir, tmp_path):
    notice = tmp_path / "drain"
    crawl = start(ROBOTSTXT_OBEY="false", DRAIN_FILE=str(notice), DRAIN_POLL_SECONDS="0.2")
    crawl.wait_for_requests(1)
    crawl.wait_for_stored_page()
    notice.touch()
    assert "DRAIN_FILE" in check_drained(crawl, ledger, store_dir, pages_ok=1)


class Notices(BaseHTTPRequestHandler):
    """What a cloud answers about a node: 404, and 200 once it is to be reclaimed."""

    status = 404

    def do_GET(self) -> None:
        self.send_response(type(self).status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nothing: pytest shows the crawl's own log."""


def test_an_http_notice_ends_the_run(start, ledger, store_dir, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Notices) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/spot/termination-time"
        crawl = start(ROBOTSTXT_OBEY="false", DRAIN_URL=url, DRAIN_POLL_SECONDS="0.2")
        crawl.wait_for_requests(1)
        crawl.wait_for_stored_page()
        assert crawl.process.poll() is None
        monkeypatch.setattr(Notices, "status", 200)
        check_drained(crawl, ledger, store_dir, pages_ok=1)
        server.shutdown()


class CountedNotices(Notices):
    asked = 0

    def do_GET(self) -> None:
        CountedNotices.asked += 1
        super().do_GET()


def test_a_file_that_cannot_be_looked_for_is_told_once_and_the_other_notice_still_counts(
    start, ledger, store_dir, tmp_path, monkeypatch
):
    with ThreadingHTTPServer(("127.0.0.1", 0), CountedNotices) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/spot/termination-time"
        unreadable = str(tmp_path / ("n" * 300))  # as for a folder without rights: an OSError that is no "not found"
        crawl = start(ROBOTSTXT_OBEY="false", DRAIN_FILE=unreadable, DRAIN_URL=url, DRAIN_POLL_SECONDS="0.2")
        crawl.wait_for_requests(1)
        crawl.wait_for_stored_page()
        while CountedNotices.asked < 3:  # the file is looked for before each
            assert crawl.process.poll() is None, crawl.process.communicate()[1]
            time.sleep(0.05)
        monkeypatch.setattr(CountedNotices, "status", 200)
        log = check_drained(crawl, ledger, store_dir, pages_ok=1)
        assert log.count("DRAIN_FILE could not be looked for") == 1
        server.shutdown()


def test_what_hangs_is_ended_by_the_watchdog(start, sandbox):
    """An answer that never ends, and no time limit on it: the process is gone after 19 seconds all the same."""
    sandbox.control({"site": "zhilian", "kind": "search", "fault": "slow", "seconds": 60})
    crawl = start(ROBOTSTXT_OBEY="false", DOWNLOAD_TIMEOUT="60")
    crawl.wait_for_requests(1)
    crawl.process.send_signal(signal.SIGTERM)
    took, report, log = crawl.end()
    assert 18 < took < 20.5
    assert crawl.process.returncode == 1
    assert (report["run"]["finish_reason"], report["judgement"]["state"]) == ("drained", "failed")
    assert re.search(r"did not end within 19 seconds", log)
