"""When pages go to disk, when the warehouse is looked for, when it is back. Its answers are played, the disk is real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.exceptions import StorageError, WarehouseUnavailable
from jobdata_scrapy.items import StoredPage
from jobdata_scrapy.spool.folder import SpoolFolder
from jobdata_scrapy.spool.store import FIRST_PAUSE, MAX_PAUSE, SpooledStore
from tests.spool.spool_parts import make_page


class Played:
    """A warehouse that is there or not; its replays empty the folder."""

    def __init__(self, folder: Worker[SpoolFolder]) -> None:
        self.there = True
        self.written: list[int] = []
        self.pauses: list[float] = []
        self.pages = self.postings = 0
        self.damaged: list[str] = []
        self._folder = folder

    async def write(self, pages):
        if not self.there:
            raise WarehouseUnavailable("away")
        self.written += [page.number for page in pages]
        return [StoredPage(new=len(page.jobs)) for page in pages]

    async def replay(self, _: object) -> bool:
        for name in await self._folder.run(lambda folder: folder.names()):
            page = await self._folder.run(lambda folder: folder.read(name))  # noqa: B023
            await self.write([page])
            self.pages += 1
            await self._folder.run(lambda folder: folder.remove([name]))  # noqa: B023
        return True

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come true")


@pytest.fixture
async def played(tmp_path: Path) -> AsyncIterator[SimpleNamespace]:
    folder = Worker("spool", lambda: SpoolFolder(tmp_path / "spool", 3_000), lambda _: None)
    warehouse = Played(folder)
    store = SpooledStore(warehouse.write, folder, warehouse, None, sleep=warehouse.sleep)
    yield SimpleNamespace(store=store, warehouse=warehouse, folder=folder)
    await store.close()
    await folder.close(5)


async def test_the_first_page_after_the_return_is_written_after_those_on_disk(played):
    played.warehouse.there = False
    assert [one.spooled for one in await played.store.store_pages([make_page(1), make_page(2)])] == [2, 2]
    assert played.store.away
    await played.store.store_pages([make_page(3)])
    played.warehouse.there = True
    await until(lambda: not played.store.away)
    await played.store.store_pages([make_page(4)])
    assert played.warehouse.written == [1, 2, 3, 4]
    counts = await played.store.counts()
    assert (counts.pages, counts.postings, counts.waiting_pages) == (3, 6, 0)


async def test_a_page_that_comes_while_the_disk_is_replayed_waits_its_turn(played):
    played.warehouse.there = False
    await played.store.store_pages([make_page(1)])
    played.warehouse.there = True
    await asyncio.gather(*(played.store.store_pages([make_page(number)]) for number in (2, 3)))
    await until(lambda: not played.store.away)
    assert played.warehouse.written == [1, 2, 3]


async def test_the_looks_become_rarer(played):
    played.warehouse.there = False
    await played.store.store_pages([make_page(1)])
    await until(lambda: len(played.warehouse.pauses) >= 8)
    assert played.warehouse.pauses[:8] == [FIRST_PAUSE, 2, 4, 8, 16, MAX_PAUSE, MAX_PAUSE, MAX_PAUSE]
    with pytest.raises(WarehouseUnavailable):
        played.store.check()


async def test_what_fits_neither_the_warehouse_nor_the_disk_is_an_error(played):
    played.warehouse.there = False
    with pytest.raises(StorageError, match="SPOOL_MAX_MB"):
        await played.store.store_pages([make_page(number) for number in range(100)])
    assert (await played.store.counts()).waiting_pages >= 2


async def test_a_last_look_brings_in_what_waits(played):
    played.warehouse.there = False
    await played.store.store_pages([make_page(1)])
    await played.store.look_once_more(in_a_hurry=True)
    assert played.store.away
    played.warehouse.there = True
    await played.store.look_once_more(in_a_hurry=True)
    assert (played.store.away, played.warehouse.written) == (False, [1])
    await played.store.look_once_more(in_a_hurry=True)


async def test_an_error_of_the_data_goes_to_the_caller_and_not_to_disk(played):
    async def refuse(_):
        raise StorageError("no such table")

    store = SpooledStore(refuse, played.folder, played.warehouse, None)
    with pytest.raises(StorageError, match="no such table"):
        await store.store_pages([make_page(1)])
    assert not store.away
    assert (await store.counts()).pages == 0


async def test_a_mistake_at_a_replay_does_not_end_the_recovery(played, caplog):
    replay, left = played.warehouse.replay, [TypeError("a mistake"), OSError(5, "Input/output error")]

    async def failing(opened: object) -> bool:
        if left:
            raise left.pop()
        return await replay(opened)

    played.warehouse.replay, played.warehouse.there = failing, False
    await played.store.store_pages([make_page(1)])
    played.warehouse.there = True
    await until(lambda: not played.store.away)
    assert played.warehouse.written == [1]
    assert caplog.text.count("the spool could not be replayed for a mistake of ours") == 2
