"""Pages go to disk while the warehouse is away, and from there into it: each once, in order, wherever a process dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, RoundState, add_page, finish
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage import find_rounds
from jobdata_scrapy.db.keyword_list import NewKeyword, add_keywords
from jobdata_scrapy.exceptions import StorageError, WarehouseUnavailable
from jobdata_scrapy.items import Page, RowState
from jobdata_scrapy.leases import Owner
from jobdata_scrapy.spool.folder import SpoolFolder
from jobdata_scrapy.warehouse import writer
from jobdata_scrapy.warehouse.access import Warehouse
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.schema import apply_schema
from tests.crawl.store_proxy import StoreProxy
from tests.spool.spool_parts import make_job, make_page

pytestmark = pytest.mark.slow
RUN = RunRecord("r1", "boss")


class Died(BaseException):
    """What kill -9 is to a process."""


def coverage() -> Coverage:
    return Coverage("boss", "数据分析", "上海", "r1.1", "r1")


def pages() -> list[Page]:
    """Three pages; the third has one posting of the first with another content."""
    three = [make_page(1, ("a", "b")), make_page(2, ("c", "d")), make_page(3, ("a", "e"))]
    three[2].jobs[0].content_hash = "changed"
    three[2].jobs[0].state = RowState.REPEATED
    for page in three:
        page.rejected = []
    return three


async def crawl(backend: DirectBackend, line: Coverage) -> None:
    """Stores and reports all pages, ends the round."""
    await backend.open_round(line)
    for page in pages():
        page.stored = await backend.store(page)
        add_page(line, page)
        await backend.report_page(line, page)
    finish(line, "end", capped=False, failed=False, stored=None)
    await backend.close_round(line)


def rows(client: WarehouseClient) -> list[tuple[str, str]]:
    return sorted(client.query("SELECT job_id, content_hash FROM boss_job").result_rows)


def ledger(config: Config) -> Coverage:
    database = open_database(config)
    (line,) = find_rounds(database, "r1")
    database.close()
    return line


def spool(config: Config) -> SpoolFolder:
    return SpoolFolder(config.jobdata_dir / "spool", 10**9)


async def spooled_round(config: Config, proxy: StoreProxy) -> None:
    """A run whose warehouse went away after it had begun, and that ended without it."""
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    proxy.refuse()
    await crawl(backend, coverage())
    await backend.close()
    proxy.listen()


ROWS = [("a", "h-a"), ("b", "h-b"), ("c", "h-c"), ("d", "h-d"), ("e", "h-e")]


async def test_pages_are_kept_counted_and_written_when_the_next_run_begins(config, proxy, client):
    await spooled_round(config, proxy)
    line = ledger(config)
    assert (line.state, line.stop_reason, line.seen, line.spooled, line.repeated, line.stored) == (
        "partial",
        "end",
        6,
        5,
        1,
        None,
    )
    assert line.adds_up
    assert len(spool(config).names()) == 3
    backend = DirectBackend(config)
    await backend.open_run(RunRecord("r2", "boss"))
    assert rows(client) == ROWS
    line = ledger(config)
    assert (line.state, line.stop_reason, line.new, line.spooled, line.stored) == (RoundState.DONE, "end", 5, 0, 5)
    assert spool(config).names() == []
    counts = await backend.spool_counts()
    assert (counts.replayed_pages, counts.replayed_postings, counts.waiting_pages) == (3, 5, 0)
    await backend.close()


async def test_only_the_first_page_waits_for_the_retries(config, proxy):
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    proxy.refuse()
    clock = asyncio.get_running_loop().time
    first, second, third = pages()
    await backend.store(first)
    begun = clock()
    stored = [await backend.store(page) for page in (second, third)]
    assert clock() - begun < 1
    assert [(one.spooled, bool(one.unit), one.missing_details) for one in stored] == [(2, True, ()), (1, True, ())]
    assert [job.state for job in third.jobs] == [RowState.REPEATED, None]
    with pytest.raises(WarehouseUnavailable, match="pages wait in the spool"):
        await backend.count_sightings("boss", "r1.1")
    await backend.close()


async def test_a_run_that_goes_on_writes_what_waited_before_anything_else(config, proxy, client):
    backend, line = DirectBackend(config), coverage()
    await backend.open_run(RUN)
    await backend.open_round(line)
    first, second, third = pages()
    proxy.refuse()
    for page in (first, second):
        page.stored = await backend.store(page)
        add_page(line, page)
        await backend.report_page(line, page)
    proxy.listen()
    await backend.look_once_more(in_a_hurry=False)
    assert rows(client) == ROWS[:4]
    third.stored = await backend.store(third)
    add_page(line, third)
    await backend.report_page(line, third)
    assert (line.new, line.spooled, line.seen, line.adds_up) == (5, 0, 6, True)
    assert await backend.count_sightings("boss", "r1.1") == 5
    await backend.close()


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`dying(n)`: the process dies instead of the n-th blocking step from now on."""
    real_run = Worker.run
    left = [10**9]

    async def run(self: Worker[Any], work: Callable[[Any], Any]) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Died
        return await real_run(self, work)

    monkeypatch.setattr(Worker, "run", run)
    return lambda steps: left.__setitem__(0, steps)


async def test_a_process_may_die_at_every_step_of_a_replay(config, proxy, client, dying):
    await spooled_round(config, proxy)
    deaths = 0
    while True:
        backend = DirectBackend(config)
        dying(deaths)
        try:
            assert await backend.replay_spool()
        except Died:
            dying(10**9)
            deaths += 1
            await backend._folder.run(lambda _: None)
            await backend.close()
            release_lock(config)
            line = ledger(config)
            assert line.adds_up
            continue
        await backend.close()
        break
    assert deaths >= 9
    assert rows(client) == ROWS
    line = ledger(config)
    assert (line.state, line.new, line.changed, line.unchanged, line.spooled, line.stored) == (RoundState.DONE, 5, 0, 0, 0, 5)
    assert spool(config).names() == []


def release_lock(config: Config) -> None:
    """The end of a process ends its lock; here the process lives on."""
    (config.jobdata_dir / "spool" / "replay.lock").unlink(missing_ok=True)


async def test_what_another_process_took_is_not_written_twice(config, proxy, client):
    await spooled_round(config, proxy)
    backends = [DirectBackend(config), DirectBackend(config)]
    done = await asyncio.gather(*(backend.replay_spool() for backend in backends))
    assert any(done)
    assert rows(client) == ROWS
    assert ledger(config).new == 5
    for backend in backends:
        await backend.close()


async def test_a_page_that_came_after_newer_ones_makes_no_version_twice(config, proxy, client):
    """While page 1 of Monday waits on disk, Tuesday's run (on another machine) stores the same posting, changed."""
    await spooled_round(config, proxy)
    elsewhere = DirectBackend(config.model_copy(update={"jobdata_dir": config.jobdata_dir / "elsewhere"}))
    later = make_page(1, ("a", "b"), run_id="r9", round="r9.1", fetched_at=pages()[0].fetched_at.replace(day=23))
    later.jobs[0].content_hash = "tuesday"
    await elsewhere.store(later)
    await elsewhere.close()
    backend = DirectBackend(config)
    assert await backend.replay_spool()
    await backend.close()
    versions = client.query("SELECT content_hash FROM boss_job WHERE job_id = 'a' ORDER BY crawled_at").result_rows
    assert versions == [("h-a",), ("tuesday",)]
    assert [content for job_id, content in rows(client) if job_id == "b"] == ["h-b"]
    line = ledger(config)
    assert (line.state, line.new, line.changed, line.unchanged) == (RoundState.DONE, 3, 1, 1)


async def test_a_row_refused_at_the_replay_counts_as_rejected(config, proxy, client):
    backend, line = DirectBackend(config), coverage()
    await backend.open_run(RUN)
    await backend.open_round(line)
    proxy.refuse()
    page = pages()[0]
    page.jobs[1].longitude = "121.47 degrees"
    page.stored = await backend.store(page)
    add_page(line, page)
    await backend.report_page(line, page)
    finish(line, "end", capped=False, failed=False, stored=None)
    await backend.close_round(line)
    await backend.close()
    proxy.listen()
    again = DirectBackend(config)
    assert await again.replay_spool()
    await again.refresh_round(line)
    await again.close()
    assert (line.state, line.seen, line.new, line.rejected, line.spooled, line.distinct, line.stored) == (
        "done",
        2,
        1,
        1,
        0,
        1,
        1,
    )
    assert client.query("SELECT row_id, field FROM rejected_row").result_rows == [("b", "longitude")]


async def test_a_damaged_file_is_told_and_the_others_are_written(config, proxy, client):
    await spooled_round(config, proxy)
    folder = spool(config)
    name = folder.names()[1]
    path = folder.path / name
    path.write_bytes(path.read_bytes()[:-1])
    backend = DirectBackend(config)
    assert await backend.replay_spool()
    assert (await backend.spool_counts()).damaged == (f"{name}.damaged",)
    await backend.close()
    assert rows(client) == [row for row in ROWS if row[0] not in ("c", "d")]
    line = ledger(config)
    assert (line.state, line.stop_reason, line.new, line.spooled) == (RoundState.FAILED, "spool_damaged", 3, 2)


async def test_an_error_that_no_waiting_mends_is_told_and_nothing_is_lost(config, proxy, client):
    await spooled_round(config, proxy)
    client.command("RENAME TABLE job_sighting TO away")
    backend = DirectBackend(config)
    with pytest.raises(StorageError, match="job_sighting"):
        await backend.replay_spool()
    await backend.close()
    assert len(spool(config).names()) == 3
    assert ledger(config).spooled == 5
    client.command("RENAME TABLE away TO job_sighting")
    again = DirectBackend(config)
    assert await again.replay_spool()
    await again.close()
    assert (rows(client), ledger(config).state) == (ROWS, RoundState.DONE)


async def test_details_wait_and_are_written_though_no_round_counts_them(config, proxy, client):
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    proxy.refuse()
    stored = await backend.store(make_page(0, ("a",), page_kind="detail", companies=[], rejected=[]))
    assert (stored.spooled, bool(stored.unit)) == (0, True)
    assert (await backend.spool_counts()).waiting_pages == 1
    await backend.close()
    proxy.listen()
    again = DirectBackend(config)
    assert await again.replay_spool()
    await again.close()
    assert client.query("SELECT job_id, page_kind FROM boss_job").result_rows == [("a", "detail")]


def bad_page(number: int, bad: int, size: int = 12) -> Page:
    """Of whose rows so many cannot be written."""
    jobs = [make_job(f"{number}-{place}") for place in range(size)]
    for job in jobs[:bad]:
        job.salary_months = -1
    return make_page(number, jobs=jobs, companies=[], rejected=[])


async def test_many_pages_with_a_few_bad_rows_hold_up_no_run(config, client):
    """More bad rows than a unit may have, yet no page has too many."""
    for number in range(1, 31):
        spool(config).put(bad_page(number, 2))
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    counts = await backend.spool_counts()
    await backend.close()
    assert (counts.replayed_pages, counts.damaged) == (30, ())
    assert spool(config).names() == []
    assert client.command("SELECT count() FROM boss_job") == 300
    assert client.command("SELECT count() FROM rejected_row") == 60


async def test_a_page_that_is_refused_alone_is_set_aside_and_its_round_read_anew(config, client):
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    line = Coverage("boss", "数据分析", "上海", "r1.1", "r1", pages_ok=1, seen=12, spooled=12, distinct=12)
    await backend.open_round(line)
    finish(line, "end", capped=False, failed=False, stored=None)
    await backend.close_round(line)
    refused = spool(config).put(bad_page(1, 12))
    spool(config).put(make_page(2, rejected=[]))
    assert await backend.replay_spool()
    assert (await backend.spool_counts()).damaged == (f"{refused}.damaged",)
    await backend.close()
    assert [job_id for job_id, _ in rows(client)] == ["a", "b"]
    assert (ledger(config).state, ledger(config).stop_reason) == (RoundState.FAILED, "spool_damaged")


async def test_a_page_that_was_never_reported_counts_for_no_round(config, client):
    """A process put page 3 on disk and was killed; another reads it anew, sees other postings, and ends the round."""
    orphan = make_page(3, ("x", "y"), run_id="r0", rejected=[])
    backend, line = DirectBackend(config), coverage()
    await backend.open_run(RUN)
    spool(config).put(orphan)
    await backend.open_round(line)
    for page in [make_page(1, ("a", "b")), make_page(2, ("c", "d")), make_page(3, ("e", "f"))]:
        page.rejected = []
        page.stored = await backend.store(page)
        add_page(line, page)
        await backend.report_page(line, page)
    assert await backend.replay_spool()
    assert {job_id for job_id, _ in rows(client)} == set("abcdefxy")
    assert await backend.count_sightings("boss", "r1.1") == 6
    await backend.close()


async def test_what_was_stored_and_never_reported_does_not_keep_a_round_from_its_end(config, proxy, client):
    await spooled_round(config, proxy)
    elsewhere = DirectBackend(config.model_copy(update={"jobdata_dir": config.jobdata_dir / "elsewhere"}))
    await elsewhere.store(make_page(4, ("x", "y"), run_id="r0", rejected=[]))
    await elsewhere.close()
    backend = DirectBackend(config)
    assert await backend.replay_spool()
    await backend.close()
    assert (ledger(config).state, ledger(config).stored) == (RoundState.DONE, 5)


async def test_a_round_that_could_not_be_counted_at_its_end_is_counted_when_the_next_run_begins(config):
    backend, line = DirectBackend(config), coverage()
    await backend.open_run(RUN)
    await backend.open_round(line)
    page = pages()[0]
    page.stored = await backend.store(page)
    add_page(line, page)
    await backend.report_page(line, page)
    finish(line, "end", capped=False, failed=False, stored=None)
    await backend.close_round(line)
    assert (line.state, line.stored) == (RoundState.PARTIAL, None)
    await backend.open_run(replace(RUN, run_id="r2"))
    await backend.refresh_round(line)
    await backend.close()
    assert (line.state, line.stop_reason, line.stored) == (RoundState.DONE, "end", 2)


async def test_while_the_warehouse_is_away_no_keyword_is_leased_that_goes_on(config, proxy):
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    await backend._database.run(lambda database: add_keywords(database, [NewKeyword("boss", "gone on", "上海", priority=9)]))
    first = await backend.lease_keyword("boss", Owner("r0"))
    assert first is not None
    await backend.release_keyword(first)
    await backend._database.run(lambda database: add_keywords(database, [NewKeyword("boss", "new", "上海", priority=0)]))
    proxy.refuse()
    await backend.store(pages()[0])
    leased = [await backend.lease_keyword("boss", Owner("r1")) for _ in range(2)]
    assert [lease and lease.keyword for lease in leased] == ["new", None]
    proxy.listen()
    await backend.look_once_more(in_a_hurry=False)
    going_on = await backend.lease_keyword("boss", Owner("r1"))
    assert going_on is not None
    assert (going_on.keyword, going_on.goes_on) == ("gone on", True)
    await backend.close()


async def test_the_folder_is_listed_once_a_pass(config, client, monkeypatch):
    for number in range(1, 70):
        spool(config).put(make_page(number, (f"j{number}",), rejected=[], companies=[]))
    listed: list[int] = []
    real_names = SpoolFolder.names
    monkeypatch.setattr(SpoolFolder, "names", lambda self: listed.append(1) or real_names(self))
    backend = DirectBackend(config)
    assert await backend.replay_spool()
    await backend.close()
    assert len(rows(client)) == 69
    assert len(listed) <= 3


async def test_a_replay_outlives_inserts_whose_outcome_is_not_known(config, client):
    """The embedded engine calls INSERTs so while another statement fails; a few in a row are no outage."""
    backend, left = DirectBackend(config), 3

    def step(driver: Client) -> int:
        nonlocal left
        left -= 1
        if left >= 0:
            raise DatabaseError("the outcome is unknown", code=319)
        return 1

    assert await backend._impatient.run(lambda warehouse: warehouse.ask("it", lambda opened: opened.run(step))) == 1
    await backend.close()


async def test_the_tables_of_a_site_are_made_once(config, client, monkeypatch):
    made: list[str] = []
    monkeypatch.setattr(writer, "apply_schema", lambda opened, sites: made.extend(sites) or apply_schema(opened, sites))
    warehouse = Warehouse(config)
    warehouse.writer_for("boss").store(make_page(1))
    assert warehouse.count_rounds("boss", ["r1.1"]) == [2]
    assert made == ["boss"]
    warehouse.close()
