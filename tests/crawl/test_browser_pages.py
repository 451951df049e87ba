"""`-a details=html`: postings as people read them, in a real Chromium, by the same verdicts, pace, proxies and pipelines."""

from __future__ import annotations

import json
import os
import shutil
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
import requests

CHROMIUM = os.environ.get("BROWSER_EXECUTABLE", "/usr/bin/chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed (tests/install_services.sh)"),
]


def browser_processes() -> set[str]:
    """Command lines of the browsers that run on this machine, started by Playwright."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if "chrom" in line and "--headless" in line:
            found.add(f"{path.parent.name} {line}")
    return found


@pytest.fixture(autouse=True)
def _no_browser_is_left_behind():
    before = browser_processes()
    yield
    assert browser_processes() <= before


@pytest.fixture
def crawl_pages(crawl, sandbox):
    """`crawl_pages("关键词", total=3)`: one page of zhilian, its postings read in the browser."""

    def run(keyword: str, *, total: int = 3, **settings: str):
        sandbox.control({"total": {"site": "zhilian", "keyword": keyword, "city": "上海", "total": total}})
        return crawl("zhilian", keyword=keyword, city="上海", pages="1", details="html", settings=settings)

    return run


def query(scrapy_command, sql: str) -> list[dict]:
    done = scrapy_command("warehouse", "query", sql, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)["data"]


def asked(sandbox, kind: str = "html") -> list[dict]:
    return [one for one in sandbox.log() if one["kind"] == kind]


def test_postings_are_read_in_a_browser_and_stored(crawl_pages, scrapy_command, sandbox):
    run = crawl_pages("浏览器")
    assert run.code == 0, run.err
    assert len(asked(sandbox)) == 3
    assert len(asked(sandbox, "robots")) == 2  # of the API's host and of the pages' host
    rows = query(
        scrapy_command, "SELECT job_data, description FROM zhilian_job WHERE keyword = '浏览器' AND page_kind = 'detail'"
    )
    assert len(rows) == 3
    assert all(row["description"] and "沙盒招聘人" not in row["job_data"] for row in rows)
    stats = run.report["stats"]
    assert (stats["detail/stored"], stats["playwright/page_count"]) == (3, 3)
    assert stats["playwright/request_count/aborted"] == 3  # the picture on each page
    again = crawl_pages("浏览器")
    assert (again.code, len(asked(sandbox))) == (0, 3)


def test_a_plain_download_of_the_page_shows_nothing():
    from jobdata_scrapy.platform import Answer, PageKind, Verdict
    from jobdata_scrapy.sandbox.sites.zhilian import POSTING_PAGE
    from spiders.zhilian import PLATFORM

    assert PLATFORM.verdict(Answer(200, {}, POSTING_PAGE, PageKind.HTML)) is Verdict.LAYOUT_CHANGED


def test_a_verification_page_stops_the_run(crawl_pages, sandbox):
    sandbox.control({"site": "zhilian", "kind": "html", "fault": "captcha"})
    run = crawl_pages("滑块")
    assert run.code == 1
    assert run.report["run"]["finish_reason"] == "blocked"
    assert run.round["stop_reason"] == "captcha"
    assert len(asked(sandbox)) == 1


def test_a_redirect_to_the_verification_page_stops_the_run(crawl_pages, sandbox):
    sandbox.control({"site": "zhilian", "kind": "html", "fault": "captcha_redirect"})
    assert crawl_pages("转到滑块").report["run"]["finish_reason"] == "blocked"


@pytest.mark.parametrize("fault", ["renamed", "truncated"])
def test_another_layout_stops_the_run(crawl_pages, sandbox, fault):
    sandbox.control({"site": "zhilian", "kind": "html", "fault": fault})
    run = crawl_pages(f"改版{fault}")
    assert run.code == 1
    assert run.report["run"]["finish_reason"] == "layout_changed", run.err


def test_a_posting_that_is_gone_is_no_error(crawl_pages, sandbox):
    sandbox.control({"site": "zhilian", "kind": "html", "fault": "gone", "times": 1})
    run = crawl_pages("下线")
    assert run.code == 0, run.err
    assert (run.report["stats"]["detail/gone"], run.report["stats"]["detail/stored"]) == (1, 2)


def test_a_lost_connection_is_asked_again(crawl_pages, sandbox):
    sandbox.control({"site": "zhilian", "kind": "html", "fault": "dropped", "times": 1})
    run = crawl_pages("断线")
    assert run.code == 0, run.err
    assert len(asked(sandbox)) == 4
    assert "Traceback" not in run.err


def test_a_page_that_takes_too_long_is_given_up_and_closed(crawl_pages, sandbox):
    sandbox.control({"site": "zhilian", "kind": "html", "fault": "slow", "seconds": 30})
    run = crawl_pages("太慢", total=1, DOWNLOAD_TIMEOUT="3", RETRY_TIMES="0")
    assert run.code == 1
    assert run.report["stats"]["detail/failed"] == 1
    assert run.report["run"]["finish_reason"] == "finished"


def test_the_pace_holds_for_browser_pages(crawl_pages, sandbox):
    run = crawl_pages("节奏", SLEEP_MIN_SECONDS="1", SLEEP_MAX_SECONDS="1")
    assert run.code == 0, run.err
    log = sandbox.log()
    assert all(later["time"] - earlier["ended"] >= 0.95 for earlier, later in pairwise(log))


class Proxy(BaseHTTPRequestHandler):
    """A forward proxy for plain HTTP that wants a password; `asked` is what went through it."""

    asked: ClassVar[list[str]] = []
    wanted = "Basic " + b64encode(b"user:p@ss").decode()

    def forward(self) -> None:
        if self.headers.get("Proxy-Authorization") != self.wanted:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="exit"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.asked.append(self.path)
        given = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = requests.request(self.command, self.path, headers=given, data=body, timeout=10)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = forward  # noqa: N815 - http.server's names

    def log_message(self, *arguments: object) -> None:
        """Nothing: pytest shows the crawl's own log."""


def test_the_browser_leaves_through_the_exit_and_keeps_its_password(crawl_pages):
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            run = crawl_pages("出口", total=2, PROXY_URL=f"http://user:p%40ss@127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
    assert run.code == 0, run.err
    assert sum("/jobdetail/" in path for path in Proxy.asked) == 2
    assert "p@ss" not in run.err + json.dumps(run.report)


def test_a_missing_browser_is_refused_at_the_start(crawl):
    run = crawl("zhilian", keyword="x", details="html", settings={"BROWSER_EXECUTABLE": "/nowhere/chromium"})
    assert run.code == 2
    assert "BROWSER_EXECUTABLE: '/nowhere/chromium' is no program" in run.err


def test_a_socks_proxy_with_a_password_is_refused_at_the_start(crawl):
    run = crawl("zhilian", keyword="x", details="html", settings={"PROXY_URL": "socks5://user:hunter2@127.0.0.1:1080"})
    assert run.code == 2
    assert "PROXY_URL: Chromium cannot give a SOCKS proxy a password" in run.err
    assert "hunter2" not in run.err
