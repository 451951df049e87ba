"""`scrapy crawl SITE` without a keyword works off the queue: many processes, killed at random, and nothing is lost or doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage_list import list_coverage
from jobdata_scrapy.db.keyword_list import KeywordFilter, add_keywords, count_keywords, list_keywords, read_keyword
from tests.conftest import ROOT, clean_environment
from tests.crawl.proxies import socks_proxies

pytestmark = pytest.mark.slow
LEASES = {"KEYWORD_LEASE_SECONDS": "3", "EXIT_LEASE_SECONDS": "3", "KEYWORD_BACKOFF_SECONDS": "0", "KEYWORD_MAX_ATTEMPTS": "50"}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


def open_queue(folder, url=""):
    return open_database(Config(_env_file=None, jobdata_dir=folder, database_url=url))


def add(folder, site, keywords, url=""):
    database = open_queue(folder, url)
    add_keywords(database, [read_keyword(site, keyword, "上海") for keyword in keywords])
    database.close()


def read_states(folder, site, url="") -> dict[str, str]:
    database = open_queue(folder, url)
    rows = {row.keyword: str(row.state) for row in list_keywords(database, KeywordFilter(platform=site), limit=1000)}
    database.close()
    return rows


def read_ids(scrapy_command, folder, site, keyword) -> list[str]:
    sql = f"SELECT job_id FROM {site}_job WHERE keyword = '{keyword}'"
    done = scrapy_command("warehouse", "query", sql, "--format", "tsv", directory=folder)
    assert done.code == 0, done.err
    return [line for line in done.out.split("\n")[1:] if line]


def test_the_queue_is_worked_off(crawl, sandbox, folder):
    words = [f"队列{n}" for n in range(6)]
    add(folder, "boss", words)
    run = crawl("boss", directory=folder)
    assert run.code == 0, run.err
    assert {r["keyword"]: r["stored"] for r in run.report["rounds"]} == {
        word: len(sandbox.truth("boss", word, "上海")["ids"]) for word in words
    }
    assert set(read_states(folder, "boss").values()) == {"done"}


def test_an_empty_queue_is_no_failure(crawl, folder):
    run = crawl("qcwy", directory=folder)
    assert run.code == 0, run.err
    assert run.report["rounds"] == []


def test_max_keywords(crawl, folder):
    add(folder, "qcwy", [f"几个{n}" for n in range(4)])
    run = crawl("qcwy", directory=folder, max_keywords="3")
    assert run.code == 0, run.err
    assert Counter(read_states(folder, "qcwy").values()) == {"done": 3, "pending": 1}


def test_a_round_is_resumed_at_its_next_page(crawl, sandbox, folder):
    add(folder, "boss", ["续传"])
    sandbox.control({"site": "boss", "kind": "search", "fault": "server_error", "pages": [3]})
    first = crawl("boss", directory=folder, settings=LEASES)
    assert (first.code, first.round["pages_ok"]) == (1, 2)
    sandbox.reset()
    second = crawl("boss", directory=folder, settings=LEASES)
    assert second.code == 0, second.err
    assert next(one["page"] for one in sandbox.log() if one["kind"] == "search") == 3
    assert second.round["round"] == first.round["round"]
    truth = sandbox.truth("boss", "续传", "上海")["ids"]
    assert (second.round["stored"], second.round["distinct"]) == (len(truth), len(truth))


def start_crawler(sandbox, folder, site, url, **settings) -> subprocess.Popen:
    given = {"SANDBOX": sandbox.url, "BOSS_MPT_TOKEN": "sandbox-token", "EXIT_WAIT_SECONDS": "20", **LEASES, **settings}
    options = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
    return subprocess.Popen(
        [sys.executable, "-m", "scrapy", "crawl", site, *options],
        cwd=ROOT,
        env=clean_environment(JOBDATA_DIR=str(folder), DATABASE_URL=url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def run_chaos(start, count, *, processes: int, kills: int, seed: int) -> int:
    """Keeps `processes` crawlers running until the queue is empty, killing `kills` of them at seeded moments; the kills done."""
    dice = random.Random(seed)
    running = [start() for _ in range(processes)]
    deadline, killed = time.monotonic() + 240, 0
    while time.monotonic() < deadline:
        running = [one for one in running if one.poll() is None]
        counts = count()
        if not running and set(counts) - {"paused"} <= {"done"}:
            return killed
        while len(running) < processes and set(counts) - {"done", "paused"}:
            running.append(start())
        if killed < kills:
            victim = dice.choice(running)
            try:
                victim.wait(timeout=dice.uniform(1.5, 6))
            except subprocess.TimeoutExpired:
                victim.send_signal(signal.SIGKILL)
                victim.wait()
                killed += 1
        elif running:
            try:
                running[0].wait(timeout=1)
            except subprocess.TimeoutExpired:
                continue
    pytest.fail(f"the queue was not empty in time: {counts}")


@pytest.mark.parametrize(("processes", "exits"), [(4, 4), (5, 2)])
def test_processes_killed_at_random_lose_and_double_nothing(sandbox, scrapy_command, folder, mariadb_url, processes, exits):
    words = [f"混沌{n}" for n in range(12)]
    add(folder, "zhilian", words, mariadb_url)
    sandbox.control({"site": "zhilian", "fault": "slow", "seconds": 0.2})

    def count() -> dict[str, int]:
        database = open_queue(folder, mariadb_url)
        counts = count_keywords(database, KeywordFilter(platform="zhilian"))
        database.close()
        return counts

    with socks_proxies(exits) as proxies:

        def start() -> subprocess.Popen:
            return start_crawler(sandbox, folder, "zhilian", mariadb_url, PROXY_LIST=",".join(proxies), SLEEP_MAX_SECONDS="0.2")

        assert run_chaos(start, count, processes=processes, kills=2, seed=exits) == 2
    assert {one["address"] for one in sandbox.log()} <= {f"127.0.0.{11 + n}" for n in range(exits)}
    assert read_states(folder, "zhilian", mariadb_url) == dict.fromkeys(words, "done")
    for word in words:
        ids = read_ids(scrapy_command, folder, "zhilian", word)
        assert sorted(ids) == sorted(sandbox.truth("zhilian", word, "上海")["ids"]), word
    database = open_queue(folder, mariadb_url)
    rounds = list_coverage(database, platform="zhilian")
    database.close()
    assert {one.state for one in rounds} == {RoundState.DONE}


@pytest.mark.parametrize("exits", [1, 3])
def test_the_pause_of_an_exit_holds_across_processes(sandbox, folder, exits):
    add(folder, "boss", [f"节奏{n}" for n in range(3)])
    pace = {"SLEEP_MIN_SECONDS": "0.5", "SLEEP_MAX_SECONDS": "0.6"}
    with socks_proxies(exits) as proxies:
        running = [start_crawler(sandbox, folder, "boss", "", PROXY_LIST=",".join(proxies), **pace) for _ in range(3)]
        for process in running:
            process.wait(timeout=120)
    assert set(read_states(folder, "boss").values()) == {"done"}
    by_address = defaultdict(list)
    for one in sandbox.log():
        by_address[one["address"]].append(one["time"])
    assert set(by_address) <= {f"127.0.0.{11 + n}" for n in range(exits)}
    gaps = [later - earlier for times in by_address.values() for earlier, later in pairwise(sorted(times))]
    assert min(gaps) >= 0.5


def test_a_block_costs_a_keyword_no_attempt(crawl, sandbox, folder):
    add(folder, "boss", ["无辜"])
    sandbox.control({"site": "boss", "kind": "search", "fault": "captcha", "pages": [2], "times": 3})
    settings = LEASES | {"EXIT_COOLDOWN_SECONDS": "0", "LOCK_SECONDS": "0", "KEYWORD_MAX_ATTEMPTS": "1"}
    blocked = crawl("boss", directory=folder, settings=settings)
    assert (blocked.code, blocked.report["run"]["finish_reason"]) == (1, "blocked"), blocked.err
    assert read_states(folder, "boss") == {"无辜": "partial"}
    again = crawl("boss", directory=folder, settings=settings)
    assert again.code == 0, again.err
    assert read_states(folder, "boss") == {"无辜": "done"}
