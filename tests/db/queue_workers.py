"""What the other processes of the queue's tests do: functions and a program that a freshly started interpreter can run."""

import os
import random
import sys
import time

from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db import budgets, exit_leases, exits, keywords, site_locks, tokens
from jobdata_scrapy.db.cipher import Cipher
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.exit_leases import ExitRules
from jobdata_scrapy.db.keyword_states import QueueRules
from jobdata_scrapy.exceptions import LeaseLost
from jobdata_scrapy.exits import Exit
from jobdata_scrapy.leases import LockState, Owner
from tests.db.processes import config_of

PAGES = 3  # of every keyword
RULES = QueueRules(lease_seconds=1.5, max_attempts=50, backoff_seconds=0)


def work_off(folder: str, url: str, name: str) -> None:
    """Reads keyword by keyword, page by page, until none is left; says each page that was reported (in one write each)."""
    database, owner = open_database(config_of(folder, url)), Owner(name, "node")
    idle = 0
    while idle < 20:
        lease = keywords.lease_keyword(database, "boss", owner, RULES)
        if lease is None:
            idle += 1
            time.sleep(0.1)
            continue
        idle = 0
        try:
            read_pages(database, lease)
        except LeaseLost:
            say("lost", lease.keyword_id)


def read_pages(database, lease) -> None:
    while lease.coverage.pages_ok < PAGES:
        lease.coverage.pages_ok += 1
        (error,) = keywords.report_rounds(database, [keywords.RoundReport(lease.coverage)], RULES)
        if error is not None:
            raise error
        say("page", lease.keyword_id, lease.coverage.pages_ok, lease.coverage.round)
    lease.coverage.state = RoundState.DONE
    keywords.report_rounds(database, [keywords.RoundReport(lease.coverage)], RULES)
    keywords.release_keyword(database, lease, "", RULES)


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def hold_exits(number: int, folder: str, url: str, rounds: int) -> list[tuple[str, float, float]]:
    """(exit, begin, end) of each time this process held one."""
    database, owner, held = open_database(config_of(folder, url)), Owner(f"p{number}"), []
    exits.sync_exits(database, Cipher(), [Exit(f"http://{place}:1", f"http://{place}:1") for place in range(3)], "file")
    while len(held) < rounds:
        lease = exit_leases.lease_exit(database, Cipher(), "boss", owner, ExitRules())
        if lease is None:
            time.sleep(random.uniform(0, 0.01))
            continue
        begin = time.monotonic()
        time.sleep(random.uniform(0, 0.003))
        held.append((lease.exit_name, begin, time.monotonic()))
        exit_leases.release_exit(database, lease)
    database.close()
    return held


def hold_tokens(number: int, folder: str, url: str, rounds: int, key: str) -> list[tuple[str, float, float]]:
    """The same for tokens."""
    database, owner, held = open_database(config_of(folder, url)), Owner(f"p{number}"), []
    while len(held) < rounds:
        lease = tokens.acquire_token(database, Cipher(key), "boss", owner, f"exit {number}", 300)
        if lease is None:
            time.sleep(random.uniform(0, 0.01))
            continue
        begin = time.monotonic()
        time.sleep(random.uniform(0, 0.003))
        held.append((lease.name, begin, time.monotonic()))
        tokens.release_token(database, lease)
    database.close()
    return held


def spend_all(number: int, folder: str, url: str, limit: int) -> int:
    """Pages that this process got out of the budget."""
    database, got = open_database(config_of(folder, url)), 0
    while budgets.spend_page(database, "boss", limit):
        got += 1
    database.close()
    return got


def probe(number: int, folder: str, url: str) -> bool:
    """Whether this process may probe."""
    database = open_database(config_of(folder, url))
    locks = site_locks.check_lock(database, "boss", "", "", Owner(f"p{number}"))
    database.close()
    return locks.state is LockState.HALF_OPEN


if __name__ == "__main__":
    work_off(*sys.argv[1:])
