"""Writes what waits in the spool, in order, each page exactly once.

A batch goes: look-up and INSERT again (`Writer.store_pages`), the ledger (one transaction that remembers each page), rounds that
have nothing on disk any more are counted and end, and only then the files go. Killed anywhere in between, it is done again: the
look-up finds the rows that are there, the ledger the pages that it has moved.

A batch that the warehouse refuses is done again page by page. A page that it refuses alone is set aside like a damaged file, so
that it holds up none of the others; what is no row's fault (a table that is missing) ends the replay, and all stays.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import peewee as pw

from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.coverage import REPLAYED, Coverage
from jobdata_scrapy.db.keyword_states import QueueRules
from jobdata_scrapy.db.spool_rounds import fail_round, find_uncounted, find_unsettled, round_keys, settle_round
from jobdata_scrapy.db.spool_units import WrittenUnit, find_orphans, forget_units, write_units
from jobdata_scrapy.exceptions import DamagedFile, RowsRefused, StorageError, WarehouseUnavailable
from jobdata_scrapy.items import Page, StoredPage
from jobdata_scrapy.platform import PageKind
from jobdata_scrapy.spool.files import count_waiting
from jobdata_scrapy.spool.folder import SpoolFolder, SpoolName
from jobdata_scrapy.warehouse.access import Warehouse
from jobdata_scrapy.warehouse.sightings import LOST_PAGE

logger = logging.getLogger(__name__)
BATCH = 32  # pages of one INSERT; bounds what is in memory


@dataclass(slots=True)
class Batch:
    """Pages of one platform, by file name, and the files on the way that were set aside."""

    pages: dict[str, Page] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    @property
    def platform(self) -> str:
        """The one that all pages are of."""
        return next(iter(self.pages.values())).platform


class Replayer:
    """One for a backend. `pages`, `postings`, `damaged` count what its replays did."""

    def __init__(self, folder: Worker[SpoolFolder], database: Worker[pw.Database], rules: QueueRules) -> None:
        self._folder = folder
        self._database = database
        self._rules = rules
        self.pages = 0
        self.postings = 0
        self.damaged: list[str] = []

    async def replay(self, warehouse: Worker[Warehouse]) -> bool:
        """Writes all that waits, through `warehouse`. False where another process is doing so.

        Raises WarehouseUnavailable, or StorageError for what no waiting mends; what was not written stays.
        """
        lock = ExitStack()
        alone = await self._folder.run(lambda folder: lock.enter_context(folder.replaying()))
        try:
            if not alone:
                return False
            before = self.pages
            while names := deque(await self._folder.run(lambda folder: folder.names())):  # once a pass: they may be many
                while names:
                    await self._replay_batch(await self._take(names), warehouse)
            await self._fail_damaged()
            await self._count_late(warehouse)
            if self.pages > before:
                await self._database.run(forget_units)
                logger.info("spool: %d pages were written, nothing waits any more", self.pages - before)
            return True
        finally:
            await self._folder.run(lambda _: lock.close())

    async def _take(self, names: deque[str]) -> Batch:
        batch = await self._folder.run(lambda folder: take_batch(folder, names))
        self.damaged += batch.damaged
        return batch

    async def _replay_batch(self, batch: Batch, warehouse: Worker[Warehouse]) -> None:
        if not batch.pages:
            return
        waiting = sum(map(count_waiting, batch.pages.values()))
        refused_before = [len(page.rejected) for page in batch.pages.values()]
        pages = list(batch.pages.values())
        await self._mark_orphans(batch)
        try:
            stored = await warehouse.run(lambda opened: opened.writer_for(batch.platform).store_pages(pages))
        except WarehouseUnavailable:
            raise
        except StorageError as error:
            await self._replay_apart(batch, error, warehouse)
            return
        await self._move(batch, stored, refused_before)
        await self._settle_batch(batch, warehouse)
        await self._folder.run(lambda folder: folder.remove(batch.pages))
        self.pages += len(pages)
        self.postings += waiting

    async def _replay_apart(self, batch: Batch, error: StorageError, warehouse: Worker[Warehouse]) -> None:
        """The pages anew from their files: what was tried has moved rows about."""
        if len(batch.pages) > 1:
            logger.warning("spool: %d pages could not be written together, now one by one: %s", len(batch.pages), error)
            for name in batch.pages:
                await self._replay_batch(await self._take(deque([name])), warehouse)
        elif isinstance(error, RowsRefused):
            (name,) = batch.pages
            reason = f"is refused: {error}"
            self.damaged.append(await self._folder.run(lambda folder: folder.set_aside(name, reason)))
        else:
            raise error

    async def _mark_orphans(self, batch: Batch) -> None:
        """Pages whose process died before it reported them: their round reads them anew, and counts nothing of them."""
        units = {unit_of(name): page for name, page in batch.pages.items() if page.page_kind == PageKind.SEARCH}
        for unit in await self._database.run(lambda database: find_orphans(database, units.items())) if units else ():
            units[unit].number = LOST_PAGE

    async def _move(self, batch: Batch, stored: Sequence[StoredPage], refused_before: Sequence[int]) -> None:
        units = []
        for (name, page), one, refused in zip(batch.pages.items(), stored, refused_before, strict=True):
            if page.page_kind == PageKind.SEARCH:
                counts = dict(zip(REPLAYED, (one.new, one.changed, one.unchanged, len(page.rejected) - refused), strict=True))
                units.append(WrittenUnit(unit_of(name), page.platform, page.keyword, page.city, page.round, counts))
        if units:
            await self._database.run(lambda database: write_units(database, units))

    async def _settle_batch(self, batch: Batch, warehouse: Worker[Warehouse]) -> None:
        keys = {(page.platform, page.keyword, page.city, page.round) for page in batch.pages.values()}
        await self._settle(await self._database.run(lambda database: find_unsettled(database, keys)), warehouse)

    async def _count_late(self, warehouse: Worker[Warehouse]) -> None:
        """Rounds at whose end the warehouse could not be asked, though nothing of them waits on disk."""
        uncounted = await self._database.run(find_uncounted)
        for platform in sorted({line.platform for line in uncounted}):
            await self._settle([line for line in uncounted if line.platform == platform], warehouse)

    async def _settle(self, lines: Sequence[Coverage], warehouse: Worker[Warehouse]) -> None:
        """Counts and ends these rounds of one platform."""
        counts = await warehouse.run(partial(count_lines, lines=lines)) if lines else ()
        for key, count in zip(round_keys(lines), counts, strict=True):
            settled = await self._database.run(partial(settle_round, round=key, stored=count, rules=self._rules))
            if settled is not None:
                logger.info("spool: %s %s: %s (%s)", settled.keyword, settled.city, settled.state, settled.stop_reason)

    async def _fail_damaged(self) -> None:
        """Rounds that miss a damaged file end now: their keywords are read anew."""
        names = await self._folder.run(lambda folder: folder.damaged())
        found = {(parsed.platform, parsed.round) for name in names if (parsed := SpoolName.parse(name))}
        for platform, round in sorted(found):
            await self._database.run(lambda database: fail_round(database, platform, round, self._rules))  # noqa: B023


def take_batch(folder: SpoolFolder, names: deque[str]) -> Batch:
    """The first pages of `names`, of one platform; they leave `names`. Damaged files on the way are set aside."""
    batch = Batch()
    while names and len(batch.pages) < BATCH:
        parsed = SpoolName.parse(names[0])
        if batch.pages and (parsed is None or parsed.platform != batch.platform):
            break
        name = names.popleft()
        try:
            page = folder.read(name)
        except DamagedFile as damaged:
            batch.damaged.append(folder.set_aside(name, str(damaged)))
            continue
        if page is not None:
            batch.pages[name] = page
    return batch


def count_lines(warehouse: Warehouse, lines: Sequence[Coverage]) -> list[int]:
    """What the warehouse counts of these rounds of one platform, without pages that were stored and never reported."""
    platform, rounds = lines[0].platform, [line.round for line in lines]
    counts = warehouse.count_rounds(platform, rounds)
    too_many = [line for line, count in zip(lines, counts, strict=True) if count > line.distinct]
    for line in too_many:
        warehouse.set_aside_sightings(platform, line.round, line.pages_ok + 1)
    return warehouse.count_rounds(platform, rounds) if too_many else counts


def unit_of(name: str) -> str:
    """The unit that a file name tells."""
    parsed = SpoolName.parse(name)
    assert parsed is not None  # noqa: S101 - `names` lists no others
    return parsed.unit
