"""The warehouse fails in mid-crawl, in every way we know: afterwards every posting is there once, and the report told of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from jobdata_scrapy.sandbox.process import RunningSandbox
from jobdata_scrapy.warehouse.client import connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from tests.conftest import Finished
from tests.crawl.crawl_process import CrawlProcess, count_pages, spool_files
from tests.crawl.proxied_store import PAGES, POSTINGS, Store
from tests.crawl.store_proxy import StoreProxy, wait_for
from tests.warehouse.warehouse_parts import end_server, make_config

pytestmark = pytest.mark.slow
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The JOBDATA_DIR of the server behind the proxies."""
    folder = tmp_path_factory.mktemp("engine") / "data"
    yield folder
    end_server(ServerFiles(folder))


@pytest.fixture
def store(engine: Path, sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Store]:
    number = next(_NUMBERS)
    keyword = f"故障{number}"
    sandbox.control({"total": {"site": "boss", "keyword": keyword, "city": "上海", "total": POSTINGS}})
    config = make_config(engine, clickhouse_db=f"faults{number}", local_server_idle_seconds=120)
    client, files = connect(config), ServerFiles(engine)
    client.command("SELECT 1")
    state = files.running_state()
    assert state is not None
    with StoreProxy(state.port) as proxy:
        environment = {
            "CLICKHOUSE_HOST": "127.0.0.1",
            "CLICKHOUSE_PORT": str(proxy.port),
            "CLICKHOUSE_USER": state.username,
            "CLICKHOUSE_PASS": state.password,
            "CLICKHOUSE_DB": config.clickhouse_db,
        }
        yield Store(proxy, client, files, sandbox, tmp_path, keyword, environment)
    client.close()


def test_away_for_a_while(store: Store):
    with store.crawl() as crawl:
        crawl.wait_for_pages(2)
        store.proxy.refuse()
        crawl.wait_for_spool(2)
        store.proxy.listen()
        run = crawl.end()
    assert (run.code, run.round["state"], run.round["stored"]) == (0, "done", POSTINGS), run.err
    assert run.report["spool"]["replayed_pages"] == run.report["spool"]["pages"] >= 2
    assert run.report["stats"]["spool/replayed_postings"] == run.report["spool"]["postings"]
    assert "spool: " in run.err
    store.assert_all_there_once()
    store.assert_no_page_was_asked_twice()


def test_away_to_the_end_and_replayed_by_hand(store: Store, scrapy_command: Callable[..., Finished]):
    with store.crawl() as crawl:
        crawl.wait_for_pages(3)
        store.proxy.refuse()
        run = crawl.end()
    assert (run.code, run.report["judgement"]["state"]) == (1, "failed"), run.err
    (problem,) = run.report["judgement"]["problems"]
    assert (problem["code"], problem["action"].endswith("then scrapy spool replay")) == ("spooled", True)
    waiting = run.report["spool"]["waiting_pages"]
    assert waiting == len(spool_files(store.folder)) >= PAGES - 3
    assert store.ledger() == [("partial", "end", run.round["spooled"], None)]
    assert run.round["adds_up"]
    assert run.round["spooled"] >= 15 * waiting - 15

    away = scrapy_command("spool", "replay", directory=store.folder, env=store.environment)
    assert (away.code, len(spool_files(store.folder))) == (1, waiting)
    assert "did not answer" in away.err
    listed = scrapy_command("spool", "list", directory=store.folder)
    assert f"{waiting} pages with {run.round['spooled']} postings wait" in listed.out

    store.proxy.listen()
    done = scrapy_command("spool", "replay", directory=store.folder, env=store.environment)
    assert (done.code, done.out) == (
        0,
        f"{waiting} pages with {run.round['spooled']} postings were written; nothing waits any more\n",
    )
    assert store.ledger() == [("done", "end", 0, POSTINGS)]
    store.assert_all_there_once()
    store.assert_no_page_was_asked_twice()
    again = scrapy_command("spool", "replay", directory=store.folder, env=store.environment)
    assert (again.code, again.out[:7]) == (0, "0 pages")


def test_a_keyword_of_the_queue_is_not_read_again_for_what_waits_on_disk(store: Store, scrapy_command: Callable[..., Finished]):
    """What one run left is written by the next, before its first request; the keyword ends as it would have."""
    added = scrapy_command(
        "keywords", "add", "boss", store.keyword, "--city", "上海", directory=store.folder, env={"SANDBOX": store.sandbox.url}
    )
    assert added.code == 0, added.err
    with store.crawl("boss") as crawl:
        crawl.wait_for_pages(3)
        store.proxy.refuse()
        run = crawl.end()
    assert (run.code, len(run.report["rounds"])) == (1, 1), run.err
    assert store.ledger()[0][:2] == ("partial", "end")
    with store.crawl("boss") as crawl:
        run = crawl.end()
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "storage_down"), run.err  # it refuses at its start
    store.proxy.listen()
    with store.crawl("boss") as crawl:
        run = crawl.end()
    assert (run.code, run.report["judgement"]["state"], run.report["rounds"]) == (0, "kept", []), run.err
    assert run.report["spool"]["replayed_pages"] >= PAGES - 3
    assert store.ledger() == [("done", "end", 0, POSTINGS)]
    with closing(sqlite3.connect(store.folder / "jobdata.sqlite")) as database:
        assert database.execute("SELECT state, attempts FROM keyword").fetchall() == [("done", 0)]
    store.assert_all_there_once()
    store.assert_no_page_was_asked_twice()


def test_stopped_and_continued(store: Store):
    """The process neither answers nor dies: whoever asks waits, and nothing else is fetched meanwhile."""
    state = store.files.running_state()
    assert state is not None
    with store.crawl() as crawl:
        crawl.wait_for_pages(2)
        os.kill(state.pid, signal.SIGSTOP)
        try:
            time.sleep(3)
            held = count_pages(store.sandbox)
            time.sleep(2)
            assert count_pages(store.sandbox) == held <= 4
        finally:
            os.kill(state.pid, signal.SIGCONT)
        run = crawl.end()
    assert (run.code, run.round["state"], run.round["stored"]) == (0, "done", POSTINGS), run.err
    store.assert_all_there_once()


def test_killed(store: Store):
    state = store.files.running_state()
    assert state is not None
    with store.crawl() as crawl:
        crawl.wait_for_pages(3)
        os.kill(state.pid, signal.SIGKILL)
        crawl.wait_for_spool(1)
        assert store.client.command("SELECT 1") == 1  # starts it again
        run = crawl.end()
    assert (run.code, run.round["state"], run.round["stored"]) == (0, "done", POSTINGS), run.err
    assert run.report["spool"]["replayed_pages"] >= 1
    store.assert_all_there_once()
    store.assert_no_page_was_asked_twice()


def test_slow(store: Store):
    """Pages are awaited: a slow warehouse makes a slow crawl, not a large one."""
    with store.crawl() as crawl:
        crawl.wait_for_pages(2)
        store.proxy.delay = 0.4
        run = crawl.end()
    assert (run.code, run.round["state"], run.round["stored"]) == (0, "done", POSTINGS), run.err
    assert run.report["spool"]["pages"] == 0
    store.assert_all_there_once()


def test_insert_accepted_and_its_answer_lost(store: Store):
    with store.crawl() as crawl:
        crawl.wait_for_pages(2)
        store.proxy.lost_answers = 5
        run = crawl.end()
    assert (run.code, run.round["state"], run.round["stored"]) == (0, "done", POSTINGS), run.err
    assert store.proxy.lost == 5
    assert run.round["new"] == POSTINGS
    assert "warehouse: attempt 1 failed" in run.err
    store.assert_all_there_once()


def test_disk_full(store: Store):
    with store.crawl() as crawl:
        crawl.wait_for_pages(2)
        store.proxy.full = True
        crawl.wait_for_spool(2)
        wait_for(lambda: store.proxy.refused >= 2)  # a replay was refused, too
        store.proxy.full = False
        run = crawl.end()
    assert (run.code, run.round["state"], run.round["stored"]) == (0, "done", POSTINGS), run.err
    assert run.report["spool"]["replayed_pages"] >= 2
    assert "its disk is full" in run.err
    store.assert_all_there_once()
    store.assert_no_page_was_asked_twice()


def test_spool_full(store: Store):
    """Nothing is durable any more: the run stops, the page in hand was not reported, and is read again by the next run."""
    with store.crawl(SPOOL_MAX_MB="0") as crawl:
        crawl.wait_for_pages(3)
        store.proxy.refuse()
        run = crawl.end()
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "storage_down", "storage_down"), (
        run.err
    )
    assert "SPOOL_MAX_MB" in run.err
    assert run.round["spooled"] == 0
    store.proxy.listen()
    with store.crawl() as crawl:
        run = crawl.end()
    assert (run.code, run.round["state"]) == (0, "done"), run.err
    store.assert_all_there_once()


def test_a_file_cut_short_is_told_and_its_pages_are_read_again(store: Store):
    with store.crawl() as crawl:
        crawl.wait_for_pages(3)
        store.proxy.refuse()
        run = crawl.end()
    names = spool_files(store.folder)
    cut = store.folder / "spool" / names[1]
    cut.write_bytes(cut.read_bytes()[:-7])
    store.proxy.listen()
    with store.crawl() as crawl:
        run = crawl.end()
    assert run.code == 1, run.err
    (problem,) = run.report["judgement"]["problems"]
    assert problem["code"] == "spool_damaged"
    assert names[1] in problem["message"]
    assert f"spool: {names[1]} is cut short" in run.err
    assert run.round["state"] == "done"
    assert store.ledger()[0][:2] == ("failed", "spool_damaged")
    assert [path.name for path in (store.folder / "spool").glob("*.damaged")] == [f"{names[1]}.damaged"]
    store.assert_all_there_once()


def test_two_crawls_and_a_store_that_comes_and_goes(store: Store, scrapy_command: Callable[..., Finished]):
    """Two processes on one spool, each replaying what the other put there while both go on."""
    other = {"site": "qcwy", "keyword": store.keyword, "city": "上海", "total": 400}
    store.sandbox.control({"total": other})
    with store.crawl() as first, store.crawl("qcwy", "-a", f"keyword={store.keyword}", "-a", "city=上海") as second:
        wait_for(lambda: len(store.ledger()) == 2)
        for _ in range(2):
            store.proxy.refuse()
            wait_for(lambda: len(spool_files(store.folder)) >= 2 or ended(first, second))
            store.proxy.listen()
            wait_for(lambda: not spool_files(store.folder) or ended(first, second))
        runs = [first.end(), second.end()]
    last = scrapy_command("spool", "replay", directory=store.folder, env=store.environment)
    assert last.code == 0, last.err
    assert [row[0] for row in store.ledger()] == ["done", "done"], runs[0].err + runs[1].err
    store.assert_all_there_once()
    store.assert_all_there_once("qcwy")


def ended(*crawls: CrawlProcess) -> bool:
    return all(crawl.process.poll() is not None for crawl in crawls)
