"""Pages go to disk while the warehouse is away, and from there into it: each once, in order, wherever a process dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import RoundState, add_page, finish
from jobdata_scrapy.exceptions import StorageError, WarehouseUnavailable
from jobdata_scrapy.items import RowState
from tests.spool.replay_parts import ROWS, RUN, coverage, ledger, pages, rows, spool, spooled_round
from tests.spool.spool_parts import make_page

pytestmark = pytest.mark.slow


class Died(BaseException):
    """What kill -9 is to a process."""


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
