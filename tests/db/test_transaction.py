import threading
from concurrent.futures import ThreadPoolExecutor

import peewee as pw
import pytest

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.db import runs, transaction
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.models import CrawlRun
from jobdata_scrapy.db.transaction import begin, locked, reading, writing
from jobdata_scrapy.exceptions import StorageError


@writing
def count_up(database: pw.Database) -> int:
    """Reads, then writes: what SQLite refuses at once in a plain transaction when another one wrote in between."""
    run = locked(database, CrawlRun.select().where(CrawlRun.run_id == "r1")).get(database)
    CrawlRun.update(exit_code=run.exit_code + 1).where(CrawlRun.run_id == "r1").execute(database)
    return run.exit_code + 1


def test_reading_then_writing_in_many_threads_loses_nothing(database, config):
    runs.open_run(database, RunRecord("r1", "boss", exit_code=0))

    def work(_: int) -> None:
        mine = open_database(config)
        for _ in range(20):
            count_up(mine)
        mine.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert runs.find_run(database, "r1").exit_code == 80


def test_an_error_undoes_the_whole_transaction(database):
    @writing
    def write_and_fail(database: pw.Database) -> None:
        runs.open_run(database, RunRecord("r1", "boss"))
        raise StorageError("no")

    with pytest.raises(StorageError, match=r"^no$"):
        write_and_fail(database)
    assert runs.list_runs(database) == []
    runs.open_run(database, RunRecord("r2", "boss"))
    assert [run.run_id for run in runs.list_runs(database)] == ["r2"]


def test_a_database_error_becomes_a_storage_error(database):
    @reading
    def ask_nonsense(database: pw.Database) -> None:
        database.execute_sql("SELECT nothing FROM crawl_run")

    with pytest.raises(StorageError, match=r"^database (sqlite|mysql)://.*nothing"):
        ask_nonsense(database)


def test_a_transient_error_is_tried_again_for_a_limited_time(database, monkeypatch):
    monkeypatch.setattr(transaction, "RETRY_SECONDS", 0.2)
    attempts = []

    @writing
    def deadlock(database: pw.Database) -> None:
        attempts.append(1)
        raise pw.OperationalError(ValueError(), 1213, "Deadlock found when trying to get lock")

    with pytest.raises(StorageError, match=r"error 1213: Deadlock found"):
        deadlock(database)
    assert len(attempts) > 1


def test_what_no_retry_mends_is_tried_once(database):
    attempts = []

    @writing
    def duplicate(database: pw.Database) -> None:
        attempts.append(1)
        raise pw.IntegrityError(ValueError(), 1062, "Duplicate entry")

    with pytest.raises(StorageError, match="Duplicate entry"):
        duplicate(database)
    assert attempts == [1]


@pytest.mark.slow
@pytest.mark.parametrize("config", ["mariadb"], indirect=True)
def test_a_real_deadlock_is_resolved(database, config):
    for name in ("a", "b"):
        runs.open_run(database, RunRecord(name, "boss", exit_code=0))
    both_hold_one = threading.Barrier(2)
    attempts: list[str] = []

    @writing
    def add_to_both(mine: pw.Database, first: str, second: str) -> None:
        attempts.append(first)
        for name in (first, second):
            CrawlRun.update(exit_code=CrawlRun.exit_code + 1).where(CrawlRun.run_id == name).execute(mine)
            if len(attempts) <= 2 and name == first:
                both_hold_one.wait(10)

    def work(names: tuple[str, str]) -> None:
        mine = open_database(config)
        add_to_both(mine, *names)
        mine.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [("a", "b"), ("b", "a")]))
    assert [runs.find_run(database, name).exit_code for name in "ab"] == [2, 2]
    assert len(attempts) == 3


@pytest.mark.slow
@pytest.mark.parametrize("config", ["mariadb"], indirect=True)
def test_a_connection_lost_amid_a_transaction_does_all_of_it_again(database, config):
    other = open_database(config)
    attempts: list[int] = []

    @writing
    def write_two(database: pw.Database) -> None:
        attempts.append(1)
        runs.open_run(database, RunRecord("r1", "boss"))
        if len(attempts) == 1:
            (number,) = database.execute_sql("SELECT CONNECTION_ID()").fetchone()
            _kill_from_thread(config, number)
        runs.open_run(database, RunRecord("r2", "boss"))

    write_two(database)
    assert len(attempts) == 2
    assert {run.run_id for run in runs.list_runs(database)} == {"r1", "r2"}
    other.close()


def _kill_from_thread(config, number: int) -> None:
    def kill() -> None:
        mine = open_database(config)
        mine.execute_sql(f"KILL {number}")
        mine.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(kill).result()


def test_begin_on_sqlite_takes_the_write_lock_at_once(tmp_path):
    database = pw.SqliteDatabase(str(tmp_path / "x.sqlite"), timeout=0)
    database.execute_sql("CREATE TABLE t (x)")

    def try_to_write() -> str:
        try:
            with begin(database):
                return "written"
        except pw.OperationalError as error:
            return str(error.args[-1])
        finally:
            database.close()

    with ThreadPoolExecutor(1) as pool:
        with begin(database):
            assert pool.submit(try_to_write).result() == "database is locked"
        assert pool.submit(try_to_write).result() == "written"
    database.close()
