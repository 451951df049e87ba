"""The pause of a (site, exit) pair, counted at the site: over several processes, through any number of exits of either kind."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.crawl.crawlers import fill_queue, pauses, read_states, start_crawler
from tests.crawl.proxies import addresses, running_proxies

pytestmark = pytest.mark.slow
PAUSE = 0.4
PACE = {"SLEEP_MIN_SECONDS": str(PAUSE), "SLEEP_MAX_SECONDS": str(PAUSE + 0.1)}
PAGES = 2  # of each keyword


@dataclass(frozen=True)
class Fleet:
    """each: exits of a process at most; share: keywords of a process at most, so that others have to take over its exits."""

    exits: int
    processes: int
    each: int
    keywords: int
    share: int


FLEETS = [Fleet(1, 2, 1, 2, 1), Fleet(3, 2, 2, 6, 3), Fleet(10, 2, 5, 24, 16)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One store for all: its server is started once."""
    return tmp_path_factory.mktemp("store")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("fleet", FLEETS, ids=lambda fleet: f"{fleet.exits}-exits")
def test_the_pause_of_an_exit_holds_across_processes_and_pages_come_faster_with_exits(sandbox, folder, fleet, scheme):
    words = [f"节奏{scheme}{fleet.exits}-{n}" for n in range(fleet.keywords)]
    fill_queue(folder, "zhilian", words)
    sandbox.control({"total": [{"site": "zhilian", "keyword": word, "city": "上海", "total": 20 * PAGES} for word in words]})
    settings = {"EXITS_PER_PROCESS": str(fleet.each), "KEYWORDS_IN_HAND": "12", **PACE}
    with running_proxies(fleet.exits, scheme) as proxies:
        running = [
            start_crawler(
                sandbox.url, folder, "zhilian", "", {"max_keywords": str(fleet.share)}, PROXY_LIST=",".join(proxies), **settings
            )
            for _ in range(fleet.processes)
        ]
        for process in running:
            process.wait(timeout=120)
    states = read_states(folder, "zhilian")
    assert {word: states[word] for word in words} == dict.fromkeys(words, "done")
    log = sandbox.log()
    measured = pauses(log)
    assert set(measured) == set(addresses(fleet.exits))
    assert min(pause for of_exit in measured.values() for pause in of_exit) >= PAUSE

    pages = [one for one in log if one["kind"] == "search"]
    assert len(pages) == fleet.keywords * PAGES
    took = pages[-1]["time"] - pages[0]["time"]
    with_one_exit = (len(pages) - 1) * PAUSE  # no fleet with one exit can be faster: that is what the pauses say
    assert took >= with_one_exit if fleet.exits == 1 else True
    assert took < with_one_exit / 2 if fleet.exits == 10 else True
