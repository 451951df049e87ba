"""What the other processes of a test do: functions that a freshly started interpreter can import."""

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage import save_round
from jobdata_scrapy.db.models import CrawlRun
from jobdata_scrapy.db.transaction import begin

SPAWN = multiprocessing.get_context("spawn")


def run_processes(count: int, target: Callable[..., Any], *args: Any) -> list[Any]:
    """What `target(number, *args)` returned in each of `count` new interpreters, which begin at the same moment."""
    barrier = SPAWN.Barrier(count)
    with ProcessPoolExecutor(count, mp_context=SPAWN, initializer=_keep, initargs=(barrier,)) as pool:
        return [future.result() for future in [pool.submit(_run_one, number, target, args) for number in range(count)]]


def _keep(barrier: Any) -> None:
    globals()["barrier"] = barrier


def _run_one(number: int, target: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    globals()["barrier"].wait(120)
    return target(number, *args)


def config_of(folder: str, url: str) -> Config:
    return Config(_env_file=None, jobdata_dir=folder, database_url=url)


def open_and_list_tables(_: int, folder: str, url: str) -> list[str]:
    database = open_database(config_of(folder, url))
    tables = sorted(database.get_tables())
    database.close()
    return tables


def save_many_rounds(number: int, folder: str, url: str, pages: int, one: Coverage) -> int:
    """Each process reports its own round and, in between, an old state of the round that all of them share."""
    database = open_database(config_of(folder, url))
    own = replace(one, round=f"own {number}")
    for page in range(1, pages + 1):
        save_round(database, replace(own, pages_ok=page, seen=page * 30))
        save_round(database, replace(one, pages_ok=page, seen=page * 30))
    database.close()
    return number


def hold_a_transaction(folder: str, url: str) -> None:
    """Writes inside a transaction, says so on stdout, and waits for its end."""
    database = open_database(config_of(folder, url))
    with begin(database):
        CrawlRun.delete().execute(database)
        print("inside", flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    hold_a_transaction(*sys.argv[1:])
