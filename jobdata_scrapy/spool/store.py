"""Stores pages in the warehouse while it answers, on disk while it does not, and brings the disk's in once it does again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from jobdata_scrapy.backend.base import SpoolCounts
from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.exceptions import StorageError, WarehouseUnavailable
from jobdata_scrapy.items import Page, RowState, StoredPage
from jobdata_scrapy.spool.files import count_waiting
from jobdata_scrapy.spool.folder import SpoolFolder
from jobdata_scrapy.spool.replay import Replayer, unit_of
from jobdata_scrapy.warehouse.access import Warehouse

logger = logging.getLogger(__name__)
FIRST_PAUSE, MAX_PAUSE = 1.0, 30.0  # seconds between two looks whether the warehouse is back
LAST_LOOK_SECONDS = 5.0


class SpooledStore:
    """The warehouse counts as away from the first store that used up its retries until all that waits has been written.

    Meanwhile each page goes to disk at once, so that none waits and none overtakes another, and a task looks for the warehouse,
    with hardly a retry, after growing pauses. Pages must be handed in one unit after the other.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Page]], Awaitable[list[StoredPage]]],
        folder: Worker[SpoolFolder],
        replayer: Replayer,
        impatient: Worker[Warehouse],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """write: into the warehouse, with retries; impatient: a warehouse without many."""
        self._write = write
        self._folder = folder
        self._replayer = replayer
        self._impatient = impatient
        self._sleep = sleep
        self._recovery: asyncio.Task[None] | None = None
        self._last_look: asyncio.Future[bool] | None = None
        self._looking = asyncio.Lock()
        self._waiting: dict[str, int] = {}  # what this process put on disk: file name -> postings
        self._put_pages = self._put_postings = 0
        self._closed = False

    @property
    def away(self) -> bool:
        """Whether pages go to disk now."""
        return self._recovery is not None

    def check(self) -> None:
        """Raises WarehouseUnavailable while the warehouse is away: a question to it would wait through all retries."""
        if self.away:
            raise WarehouseUnavailable("ClickHouse did not answer; pages wait in the spool until it does")

    async def store_pages(self, pages: Sequence[Page]) -> list[StoredPage]:
        """Durable when it returns. Raises StorageError for what no waiting mends, and where the spool is full, too."""
        if not self.away:
            try:
                return await self._write(pages)
            except WarehouseUnavailable as error:
                if self._closed:  # it is our own end that ended the retries; nobody would report the page any more
                    raise
                logger.error("the warehouse is away, pages are kept in the spool from now on: %s", error)
        return [await self._keep(page) for page in pages]

    async def replay(self, warehouse: Worker[Warehouse]) -> bool:
        """Writes all that waits through `warehouse`. False where another process is doing so. Raises StorageError."""
        async with self._looking:
            done = await self._replayer.replay(warehouse)
            while done and await self._folder.run(lambda folder: folder.names()):  # put on disk meanwhile
                done = await self._replayer.replay(warehouse)
            if done:  # no wait since the look: what is put on disk now begins a recovery of its own
                self._end_recovery()
            return done

    async def look_once_more(self, *, in_a_hurry: bool) -> None:
        """Before the run ends: is the warehouse back? Waits as long as something is written; in a hurry for a few seconds."""
        if not self.away:
            return
        self._last_look = look = asyncio.ensure_future(self._try_replay())
        while True:
            before = self._replayer.pages
            await asyncio.wait({look}, timeout=LAST_LOOK_SECONDS)
            if look.done() or in_a_hurry or self._replayer.pages == before:
                return

    async def counts(self) -> SpoolCounts:
        """What this process put on disk and wrote from there, and what of its own still waits."""
        there = set(await self._folder.run(lambda folder: folder.names()))
        waiting = [postings for name, postings in self._waiting.items() if name in there]
        return SpoolCounts(
            pages=self._put_pages,
            postings=self._put_postings,
            replayed_pages=self._replayer.pages,
            replayed_postings=self._replayer.postings,
            waiting_pages=len(waiting),
            waiting_postings=sum(waiting),
            damaged=tuple(self._replayer.damaged),
        )

    async def close(self) -> None:
        """Ends looking for the warehouse. What is handed in later goes to disk no more."""
        self._closed = True
        tasks = [task for task in (self._recovery, self._last_look) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, page: Page) -> StoredPage:
        for row in (*page.jobs, *page.companies):
            if row.state is not RowState.REPEATED:
                row.state = None  # what an attempt took it for is not said yet
        name = await self._folder.run(lambda folder: folder.put(page))
        postings = count_waiting(page)
        if name not in self._waiting:
            self._waiting[name] = postings
            self._put_pages += 1
            self._put_postings += postings
        if self._recovery is None and not self._closed:
            self._recovery = asyncio.create_task(self._recover())
        return StoredPage(spooled=postings, unit=unit_of(name))

    async def _recover(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await self._sleep(pause)
            if await self._try_replay():
                return
            pause = min(pause * 2, MAX_PAUSE)

    async def _try_replay(self) -> bool:
        try:
            return await self.replay(self._impatient)
        except WarehouseUnavailable as error:
            logger.info("the warehouse is still away: %s", error)
        except StorageError as error:
            logger.error("the spool could not be replayed: %s", error)
        except Exception:  # a recovery that ended by it would leave all that is to come on disk
            logger.exception("the spool could not be replayed for a mistake of ours")
        return False

    def _end_recovery(self) -> None:
        recovery, self._recovery = self._recovery, None
        if recovery is not None:
            logger.warning("the warehouse is back: what was kept in the spool is written")
            if recovery is not asyncio.current_task():
                recovery.cancel()
