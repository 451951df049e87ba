"""Several processes and threads on one queue: nobody ever holds what somebody else holds, whoever is killed."""

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.cipher import Cipher, make_key
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage import keyword_rounds
from jobdata_scrapy.db.keyword_list import KeywordFilter, NewKeyword, add_keywords, count_keywords, list_keywords
from jobdata_scrapy.db.keywords import lease_keyword, release_keyword
from jobdata_scrapy.db.site_locks import trip_lock
from jobdata_scrapy.db.tokens import add_token
from jobdata_scrapy.leases import Owner
from tests.db.processes import run_processes
from tests.db.queue_workers import PAGES, RULES, hold_exits, hold_tokens, probe, spend_all

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
KEYWORDS, PROCESSES, KILLS = 400, 8, 12
ALL = KeywordFilter()


@pytest.fixture
def address(config: Config, database) -> tuple[str, str]:
    """What another process needs to open the same, migrated database."""
    return str(config.jobdata_dir), secret_value(config.database_url)


class Workers:
    """PROCESSES of them, a new one for each that is killed; what each said."""

    def __init__(self, address: tuple[str, str], folder: Path) -> None:
        self.address, self.folder = address, folder
        self.started = 0
        self.running = [self.start() for _ in range(PROCESSES)]

    def start(self) -> subprocess.Popen[bytes]:
        self.started += 1
        command = [sys.executable, "-m", "tests.db.queue_workers", *self.address, f"run {self.started}"]
        with (self.folder / f"{self.started}.log").open("wb") as output:
            return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)

    def kill_one(self) -> None:
        victim = random.randrange(PROCESSES)
        self.running[victim].kill()
        self.running[victim].wait(30)
        self.running[victim] = self.start()

    def wait(self) -> None:
        assert [process.wait(120) for process in self.running] == [0] * PROCESSES

    def said(self, word: str) -> list[list[str]]:
        lines = [line.split() for path in self.folder.glob("*.log") for line in path.read_text("utf-8").splitlines()]
        assert {line[0] for line in lines} <= {"page", "lost"}, "a worker failed"
        return [line[1:] for line in lines if line[0] == word]


def test_every_keyword_is_read_once_though_processes_are_killed(database, address, tmp_path):
    add_keywords(database, [NewKeyword("boss", f"w{number}") for number in range(KEYWORDS)])
    folder = tmp_path / "logs"
    folder.mkdir()
    workers = Workers(address, folder)
    try:
        for _ in range(KILLS):
            time.sleep(random.uniform(0.2, 0.6))
            workers.kill_one()
        workers.wait()
    finally:
        for process in workers.running:
            process.kill()
    assert count_keywords(database, ALL) == {"done": KEYWORDS}
    pages = [tuple(line) for line in workers.said("page")]
    assert len(set(pages)) == len(pages), "two owners reported one page"
    for row in list_keywords(database, ALL, KEYWORDS):
        (line,) = keyword_rounds(database, "boss", row.keyword, row.city, 9)
        assert (line.state, line.pages_ok, line.round) == (RoundState.DONE, PAGES, row.round)


def test_threads_of_one_process_never_share_a_keyword(database, config):
    words = [f"w{number}" for number in range(120)]
    add_keywords(database, [NewKeyword("boss", word) for word in words])

    def work(number: int) -> list[str]:
        mine, taken = open_database(config), []
        while (lease := lease_keyword(mine, "boss", Owner(f"t{number}"), RULES)) is not None:
            lease.coverage.state = RoundState.DONE
            release_keyword(mine, lease, "", RULES)
            taken.append(lease.keyword)
        mine.close()
        return taken

    with ThreadPoolExecutor(6) as pool:
        taken = [word for words in pool.map(work, range(6)) for word in words]
    assert sorted(taken) == sorted(words)


def test_no_exit_is_held_twice(address):
    check_no_overlap(run_processes(6, hold_exits, *address, 25))


def test_no_token_is_held_twice(database, address):
    key = make_key()
    for number in range(3):
        add_token(database, Cipher(key), "boss", f"value {number}")
    check_no_overlap(run_processes(6, hold_tokens, *address, 25, key))


def test_a_budget_is_spent_to_the_page(address):
    assert sum(run_processes(6, spend_all, *address, 200)) == 200


def test_one_process_of_many_probes(database, address):
    trip_lock(database, "boss", "CAPTCHA", 0)
    assert sum(run_processes(6, probe, *address)) == 1


def check_no_overlap(answers: list[list[tuple[str, float, float]]]) -> None:
    held = sorted((name, begin, end) for answer in answers for name, begin, end in answer)
    assert len({name for name, *_ in held}) == 3
    for (name, _, end), (next_name, begin, _) in pairwise(held):
        assert name != next_name or end <= begin, f"{name} was held by two"
