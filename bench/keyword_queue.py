"""Leases a second from the keyword queue, by 8 processes on MariaDB, with few and with many keywords in the table.

Both tables are made in one run; to reach: 500 leases/s, and with many keywords no slower than half of it with few.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

import peewee as pw
from parts.mariadb import mariadb_server

from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.keyword_list import NewKeyword, add_keywords
from jobdata_scrapy.db.keyword_states import KeywordState, QueueRules
from jobdata_scrapy.db.keywords import lease_keyword, release_keyword
from jobdata_scrapy.db.models import Keyword
from jobdata_scrapy.leases import Owner

TO_REACH = (500, 2.0)
SPAWN = multiprocessing.get_context("spawn")
RULES = QueueRules()
SOME = 1_000
QUIET_SECONDS = 5


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=1_000, help="keywords of the small table (default 1000)")
    parser.add_argument("--many", type=int, default=1_000_000, help="keywords of the large one (default 1000000)")
    parser.add_argument("--processes", type=int, default=8, help="processes that lease at the same time (default 8)")
    parser.add_argument("--repeat", type=int, default=5, help="times each table is measured (default 5)")
    parser.add_argument("--url", default="", help="DATABASE_URL of an empty database (default: a MariaDB server of its own)")
    given = parser.parse_args()
    leases = given.few // given.processes
    with nullcontext(given.url) if given.url else mariadb_server() as url, tempfile.TemporaryDirectory() as folder:
        rates = {}
        for count in (given.few, given.many):
            rates[count] = []
            for _ in range(given.repeat):
                fill(folder, url, count)
                rates[count].append(measure(folder, url, given.processes, leases))
            told = ", ".join(f"{rate:.0f}" for rate in rates[count])
            print(f"{count:>9,} keywords: {median(rates[count]):.0f} leases/s ({told})", flush=True)
    ratio = median(rates[given.few]) / median(rates[given.many])
    print(
        f"a lease among {given.many:,} takes {ratio:.2f}x of one among {given.few:,}; to reach: {TO_REACH[0]}/s, {TO_REACH[1]}x"
    )


def fill(folder: str, url: str, count: int) -> None:
    """Adds keywords until `count` wait to be leased: some by our own code, the many as copies of them."""
    database, begun = open_one(folder, url), time.perf_counter()
    waiting = Keyword.select().where(Keyword.state == KeywordState.PENDING)
    if missing := min(count, SOME) - waiting.count(database):
        add_keywords(database, (NewKeyword("boss", f"keyword {time.time_ns()} {number}") for number in range(missing)))
    columns = [f"`{name}`" for name in Keyword._meta.fields if name != "id"]
    while missing := count - waiting.count(database):
        copied = ["CONCAT(keyword, ' ', UUID_SHORT())" if name == "`keyword`" else name for name in columns]
        database.execute_sql(
            f"INSERT INTO keyword ({', '.join(columns)}) SELECT {', '.join(copied)} FROM keyword "
            f"WHERE state = 'pending' LIMIT {min(missing, 50_000)}"
        )
    if (seconds := time.perf_counter() - begun) > QUIET_SECONDS:
        print(f"{count:>9,} keywords made in {seconds:.0f} s", flush=True)
    database.close()


def measure(folder: str, url: str, processes: int, leases: int) -> float:
    """Leases a second while each of `processes` takes `leases`; afterwards each keyword is given back as done."""
    barrier = SPAWN.Barrier(processes + 1)
    answers = SPAWN.Queue()
    running = [SPAWN.Process(target=work, args=(number, folder, url, leases, barrier, answers)) for number in range(processes)]
    for process in running:
        process.start()
    barrier.wait(120)
    begun = time.perf_counter()
    barrier.wait(120)
    seconds = time.perf_counter() - begun
    taken = [one for _ in running for one in answers.get(timeout=120)]
    for process in running:
        process.join()
    assert len(set(taken)) == len(taken) == processes * leases, "a keyword was leased twice, or not at all"
    return len(taken) / seconds


def work(number: int, folder: str, url: str, leases: int, barrier: object, answers: object) -> None:
    """One process."""
    database, owner = open_one(folder, url), Owner(f"p{number}-{time.time_ns()}", "bench")
    barrier.wait(120)
    held = [lease_keyword(database, "boss", owner, RULES) for _ in range(leases)]
    barrier.wait(120)
    for lease in held:
        lease.coverage.state = RoundState.DONE
        release_keyword(database, lease, "", RULES)
    answers.put([lease.keyword_id for lease in held])
    database.close()


def open_one(folder: str, url: str) -> pw.Database:
    """The database, migrated."""
    return open_database(Config(_env_file=None, jobdata_dir=folder, database_url=url))


if __name__ == "__main__":
    main()
