"""`-a details=html`: postings as people read them, in a real Chromium, by the same verdicts, pace, proxies and pipelines."""

from __future__ import annotations

import json
import os
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from tests.crawl.crawlers import pauses
from tests.crawl.proxies import http_proxy, socks_proxy

CHROMIUM = os.environ.get("BROWSER_EXECUTABLE", "/usr/bin/chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed (tests/install_services.sh)"),
]


def browsers_of(folder: Path) -> list[str]:
    """Command lines of the browsers that crawls with this JOBDATA_DIR have started and left."""
    mark, found = f"JOBDATA_DIR={folder}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if b"chrom" in line and mark in environment.split(b"\0"):
            found.append(line.replace(b"\0", b" ").decode("utf-8", "replace"))
    return found


@pytest.fixture(autouse=True)
def _no_browser_is_left_behind(store_dir):
    yield
    assert browsers_of(store_dir) == []


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


def test_after_a_verification_page_the_exit_begins_a_fresh_session(crawl_pages, sandbox):
    sandbox.control({"site": "zhilian", "kind": "html", "fault": "captcha", "times": 1})
    run = crawl_pages("新会话", EXIT_COOLDOWN_SECONDS="0")
    assert run.code == 0, run.err
    stats = run.report["stats"]
    assert run.report["verdicts"]["CAPTCHA"] == 1
    assert (stats["playwright/context_count"], stats["playwright/context_count/max_concurrent"]) == (2, 1)
    assert (len(asked(sandbox)), stats["detail/stored"]) == (4, 3)


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


def test_browser_pages_leave_through_the_leased_exits_and_keep_their_passwords(crawl, sandbox):
    words = ["出口一", "出口二"]
    sandbox.control({"total": [{"site": "zhilian", "keyword": word, "city": "上海", "total": 2} for word in words]})
    with http_proxy("127.0.0.11", "BasicAuth user geheim-4711") as one, socks_proxy("127.0.0.12") as other:
        settings = {
            "PROXY_LIST": f"http://user:geheim-4711@127.0.0.1:{one},socks5://127.0.0.1:{other}",
            "EXITS_PER_PROCESS": "2",
            "SLEEP_MIN_SECONDS": "0.3",
        }
        run = crawl(
            "zhilian", keyword=",".join(words), city="上海", details="html", settings=settings | {"SLEEP_MAX_SECONDS": "0.3"}
        )
    assert run.code == 0, run.err
    assert len(asked(sandbox)) == 4
    assert {entry["address"] for entry in asked(sandbox)} == {"127.0.0.11", "127.0.0.12"}
    assert {entry["address"] for entry in sandbox.log()} == {"127.0.0.11", "127.0.0.12"}
    assert min(pause for of_exit in pauses(sandbox.log()).values() for pause in of_exit) >= 0.3
    assert "geheim-4711" not in run.err + json.dumps(run.report)


def test_a_missing_browser_is_refused_at_the_start(crawl):
    run = crawl("zhilian", keyword="x", details="html", settings={"BROWSER_EXECUTABLE": "/nowhere/chromium"})
    assert run.code == 2
    assert "BROWSER_EXECUTABLE: '/nowhere/chromium' is no program" in run.err


def test_a_socks_proxy_with_a_password_is_refused_at_the_start(crawl):
    run = crawl("zhilian", keyword="x", details="html", settings={"PROXY_URL": "socks5://user:hunter2@127.0.0.1:1080"})
    assert run.code == 2
    assert "PROXY_URL: Chromium cannot give a SOCKS proxy a password" in run.err
    assert "hunter2" not in run.err
