"""Many processes on one queue, killed at random moments: nothing is lost, nothing stands twice, nobody reads another's pages.

`JOBDATA_CHAOS=full` runs 40 keywords in 8 processes with 8 exits, and with 3, instead of what a usual test run has time for.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, groupby, pairwise
from math import inf
from typing import Any

import pytest

from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.coverage_list import list_coverage
from jobdata_scrapy.db.keyword_list import KeywordFilter, count_keywords
from jobdata_scrapy.sandbox.process import RunningSandbox, running_sandbox
from tests.crawl.crawlers import fill_queue, open_queue, pauses, read_states, start_crawler
from tests.crawl.proxies import addresses, running_proxies

pytestmark = pytest.mark.slow
LEASE_SECONDS = "5"  # a process that stands still for as long has lost what it held: more than a busy machine makes one wait
PAUSE = 0.1
USUAL = [("mariadb", 12, 4, 4, 2), ("mariadb", 12, 5, 2, 2), ("sqlite", 8, 3, 2, 2)]
FULL = [(server, 40, 8, exits, 8) for server in ("sqlite", "mariadb") for exits in (8, 3)]
SIZES = FULL if os.environ.get("JOBDATA_CHAOS") == "full" else USUAL
SECONDS = 900 if SIZES is FULL else 240


@dataclass
class Crawler:
    """A process, known to the site by its token; killed_at: on the clock of the sandbox's log."""

    token: str
    process: subprocess.Popen[bytes]
    killed_at: float = inf


@dataclass
class Fleet:
    """Keeps `size` crawlers running until the queue is empty, killing `kills` of them at seeded moments."""

    start: Callable[[str], subprocess.Popen[bytes]]
    count: Callable[[], dict[str, int]]
    size: int
    kills: int
    dice: random.Random
    started: list[Crawler] = field(default_factory=list)

    def run(self) -> None:
        deadline = time.monotonic() + SECONDS
        tokens = (f"own-{number:04}" for number in count())
        while time.monotonic() < deadline:
            running = [one for one in self.started if one.process.poll() is None]
            left = set(self.count()) - {"done"}
            if not left and not running:
                return
            while left and len(running) < self.size:
                token = next(tokens)
                running.append(Crawler(token, self.start(token)))
                self.started.append(running[-1])
            self._disturb(running)
        pytest.fail(f"the queue was not empty in time: {self.count()}")

    def end(self) -> None:
        """Leaves none of them behind."""
        for one in self.started:
            one.process.kill()
            one.process.wait()

    def _disturb(self, running: list[Crawler]) -> None:
        """Waits a while, for a victim where one is to be killed."""
        done = sum(one.killed_at < inf for one in self.started)
        victim = self.dice.choice(running)
        try:
            victim.process.wait(timeout=self.dice.uniform(1, 3) if done < self.kills else 1)
        except subprocess.TimeoutExpired:
            if done < self.kills:
                victim.killed_at = time.monotonic()
                victim.process.send_signal(signal.SIGKILL)
                victim.process.wait()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    """One that knows a token for each process: so its log tells who asked."""
    with running_sandbox(*(part for number in range(500) for part in ("--boss-token", f"own-{number:04}"))) as running:
        yield running


@pytest.mark.parametrize(("server", "keywords", "processes", "exits", "kills"), SIZES)
def test_processes_killed_at_random(request, sandbox, scrapy_command, tmp_path, server, keywords, processes, exits, kills):
    url = request.getfixturevalue("mariadb_url") if server == "mariadb" else ""
    words = [f"混沌{n}" for n in range(keywords)]
    fill_queue(tmp_path, "boss", words, url)
    sandbox.reset()
    sandbox.control({"site": "boss", "fault": "slow", "seconds": 0.2})
    database = open_queue(tmp_path, url)

    def start(token: str) -> subprocess.Popen[bytes]:
        settings = {"PROXY_LIST": ",".join(proxies), "BOSS_MPT_TOKEN": token, "SLEEP_MIN_SECONDS": str(PAUSE)}
        leases = {"KEYWORD_LEASE_SECONDS": LEASE_SECONDS, "EXIT_LEASE_SECONDS": LEASE_SECONDS}
        return start_crawler(sandbox.url, tmp_path, "boss", url, SLEEP_MAX_SECONDS="0.2", **settings, **leases)

    with running_proxies(exits) as proxies:
        waiting = lambda: count_keywords(database, KeywordFilter(platform="boss"))  # noqa: E731
        fleet = Fleet(start, waiting, processes, kills, random.Random(exits))
        try:
            fleet.run()
        finally:
            fleet.end()
    rounds = list_coverage(database, platform="boss")
    database.close()
    killed = {one.token[-4:]: one.killed_at for one in fleet.started if one.killed_at < inf}
    assert len(killed) == kills
    assert read_states(tmp_path, "boss", url) == dict.fromkeys(words, "done")
    assert {one.state for one in rounds} == {RoundState.DONE}
    check_stored_once(scrapy_command, tmp_path, sandbox, words)
    check_one_owner_at_a_time(sandbox.log(), killed)
    measured = pauses(sandbox.log())
    assert set(measured) <= set(addresses(exits))
    assert min(pause for of_exit in measured.values() for pause in of_exit) >= PAUSE


def check_stored_once(scrapy_command, folder, sandbox, words: list[str]) -> None:
    """The warehouse holds what the site has, each posting in one row."""
    asked = scrapy_command(
        "warehouse", "query", "SELECT keyword, groupArray(job_id) AS ids FROM boss_job GROUP BY keyword", "--format", "json",
        directory=folder,
    )  # fmt: skip
    assert asked.code == 0, asked.err
    stored = {row["keyword"]: sorted(row["ids"]) for row in json.loads(asked.out)["data"]}
    assert stored == {word: sorted(sandbox.truth("boss", word, "上海")["ids"]) for word in words}


def check_one_owner_at_a_time(log: list[dict[str, Any]], killed: dict[str, float]) -> None:
    """A keyword changes hands only after its reader was killed, and then goes on where that one was.

    Sound because every process asks with a token of its own, so that the site's log names the reader of each page, and because
    sandbox and test read one clock (CLOCK_MONOTONIC). A process that asked for a page while the keyword's owner was alive, or an
    owner that went on after its lease was lost, would break the order below; so would a page that is read again without need.
    """
    by_keyword = defaultdict(list)
    for one in sorted(log, key=lambda entry: entry["time"]):
        if one["kind"] == "search":
            by_keyword[one["keyword"]].append(one)
    for keyword, asked in by_keyword.items():
        hands = [list(group) for _, group in groupby(asked, key=lambda one: one["token"])]
        told = [(hand[0]["token"], [one["page"] for one in hand]) for hand in hands]
        assert max(Counter(token for token, _ in told).values()) == 1, (keyword, told)
        for token, pages in told:
            assert pages == list(range(pages[0], pages[0] + len(pages))), (keyword, token, told)
        for before, after in pairwise(hands):
            assert killed.get(before[0]["token"], inf) < after[0]["time"], (keyword, told)
            assert after[0]["page"] - before[-1]["page"] in (0, 1), (keyword, told)  # at most the page in flight
