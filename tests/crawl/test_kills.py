"""kill -9 of the crawler at random moments, also while its warehouse comes and goes: nothing is lost, nothing stands twice.

JOBDATA_TEST_KILLS=50 tries it longer; JOBDATA_TEST_SEED draws other moments.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jobdata_scrapy.sandbox.process import RunningSandbox
from jobdata_scrapy.warehouse.client import connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from tests.conftest import Finished
from tests.crawl.crawl_process import crawling, spool_files
from tests.crawl.store_proxy import StoreProxy
from tests.warehouse.warehouse_parts import end_server, make_config

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("JOBDATA_TEST_KILLS", "6"))
SEED = int(os.environ.get("JOBDATA_TEST_SEED", "4"))
KEYWORDS, POSTINGS = max(KILLS, 6), 90
FAST = {
    "SLEEP_MIN_SECONDS": "0.1",
    "SLEEP_MAX_SECONDS": "0.1",
    "KEYWORD_LEASE_SECONDS": "1",  # what a killed process held is free after that
    "EXIT_LEASE_SECONDS": "1",
    "KEYWORD_BACKOFF_SECONDS": "0",
    "KEYWORD_MAX_ATTEMPTS": "1000",
}


def test_nothing_is_lost_and_nothing_stands_twice(
    sandbox: RunningSandbox, scrapy_command: Callable[..., Finished], tmp_path: Path
):
    draw = random.Random(SEED)
    keywords = [f"杀{number}" for number in range(KEYWORDS)]
    for keyword in keywords:
        sandbox.control({"total": {"site": "boss", "keyword": keyword, "city": "上海", "total": POSTINGS}})
    (tmp_path / "keywords.csv").write_text("\n".join(["keyword,city", *(f"{keyword},上海" for keyword in keywords)]), "utf-8")
    given = ("keywords", "import", str(tmp_path / "keywords.csv"), "--platform", "boss")
    added = scrapy_command(*given, directory=tmp_path, env={"SANDBOX": sandbox.url})
    assert added.code == 0, added.err
    client = connect(make_config(tmp_path / "engine", clickhouse_db="kills", local_server_idle_seconds=120))
    client.command("SELECT 1")
    state = ServerFiles(tmp_path / "engine").running_state()
    assert state is not None
    told = []
    try:
        with StoreProxy(state.port) as proxy:
            environment = FAST | {
                "CLICKHOUSE_HOST": "127.0.0.1",
                "CLICKHOUSE_PORT": str(proxy.port),
                "CLICKHOUSE_USER": state.username,
                "CLICKHOUSE_PASS": state.password,
                "CLICKHOUSE_DB": "kills",
            }
            for _ in range(KILLS):
                told.append(kill_once(sandbox, tmp_path, proxy, environment, draw))
            time.sleep(1.5)  # the last one's leases run out
            for _ in range(3):  # a keyword whose lease was lost comes back as partial: one more round of the queue sees it
                with crawling(sandbox, tmp_path, "boss", **environment) as crawl:
                    run = crawl.end()
        assert run.code == 0, run.err
        print("\n".join(told))  # noqa: T201 - shown with -s
        assert_each_once(client, sandbox, keywords)
        assert spool_files(tmp_path) == []
        assert_ledger(tmp_path)
    finally:
        client.close()
        end_server(ServerFiles(tmp_path / "engine"))


def kill_once(sandbox: RunningSandbox, folder: Path, proxy: StoreProxy, environment: dict[str, str], draw: random.Random) -> str:
    """A crawl that is killed after a while, its warehouse being there, going away before, or coming back; what was done."""
    kind = draw.choice(("there", "goes", "comes back", "answers are lost"))
    with crawling(sandbox, folder, "boss", **environment) as crawl:
        begun = time.monotonic()
        pages = len(sandbox.log())
        while len(sandbox.log()) == pages and crawl.process.poll() is None and time.monotonic() < begun + 15:
            time.sleep(0.01)
        moment = draw.uniform(0, 2)
        time.sleep(draw.uniform(0, 1))
        if kind in ("goes", "comes back"):
            proxy.refuse()
            time.sleep(draw.uniform(7, 11))  # the retries of a store end after some eight seconds
        if kind == "comes back":
            proxy.listen()
        if kind == "answers are lost":
            proxy.lost_answers = draw.randint(1, 8)
        time.sleep(moment)
        crawl.kill()
    if kind == "goes":
        proxy.listen()
    proxy.lost_answers = 0
    return f"{kind}: killed after {time.monotonic() - begun:.2f} s, {len(spool_files(folder))} pages wait on disk"


def assert_each_once(client, sandbox: RunningSandbox, keywords: list[str]) -> None:
    rows = client.query("SELECT keyword, job_id FROM boss_job WHERE page_kind = 'search'").result_rows
    assert len({job_id for _, job_id in rows}) == len(rows)
    found: dict[str, set[str]] = {keyword: set() for keyword in keywords}
    sighted = client.query("SELECT DISTINCT keyword, job_id FROM job_sighting").result_rows
    for keyword, job_id in sighted:
        found[keyword].add(job_id)
    for keyword in keywords:
        assert found[keyword] == set(sandbox.truth("boss", keyword, "上海")["ids"]), keyword
    assert {job_id for _, job_id in sighted} == {job_id for _, job_id in rows}


def assert_ledger(folder: Path) -> None:
    """Every keyword is done, its round adds up, the warehouse agrees; no page that was reported was read again."""
    with closing(sqlite3.connect(folder / "jobdata.sqlite")) as database:
        assert database.execute("SELECT DISTINCT state FROM keyword").fetchall() == [("done",)]
        sql = """SELECT new + changed + unchanged + rejected, seen, repeated, spooled, stored, "distinct" FROM coverage
            WHERE state = 'done'"""
        done = database.execute(sql).fetchall()
    assert len(done) == KEYWORDS
    assert set(done) == {(POSTINGS, POSTINGS, 0, 0, POSTINGS, POSTINGS)}
