"""The backend of a machine that reaches the database and the warehouse itself."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Self

import peewee as pw

from jobdata_scrapy.backend.base import RunRecord, SpoolCounts
from jobdata_scrapy.backend.gather import QUIET_SECONDS, Gatherer
from jobdata_scrapy.backend.leasing import Leasing
from jobdata_scrapy.backend.round_copies import RoundCopies
from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, RoundState, take_replayed
from jobdata_scrapy.db import coverage as rounds
from jobdata_scrapy.db import keywords, runs
from jobdata_scrapy.db.connection import make_database, prepare_database
from jobdata_scrapy.db.keywords import RoundReport
from jobdata_scrapy.exceptions import JobDataError, StorageError, WarehouseUnavailable
from jobdata_scrapy.items import Page, StoredPage
from jobdata_scrapy.leases import KeywordLease, Owner
from jobdata_scrapy.spool.folder import SpoolFolder
from jobdata_scrapy.spool.replay import Replayer
from jobdata_scrapy.spool.store import SpooledStore
from jobdata_scrapy.warehouse.access import Warehouse

logger = logging.getLogger(__name__)
CLOSE_SECONDS = 8.0  # for warehouse and database each: together less than what a stopped run is given
MEGABYTE = 1_000_000


class DirectBackend(Leasing):
    """`backend.base.Backend` over the relational database, the warehouse and the spool, each on a thread of its own.

    They are opened at the first use. A record is copied before it goes to a thread, so that the caller may go on changing it.
    """

    def __init__(self, config: Config, *, close_seconds: float = CLOSE_SECONDS) -> None:
        self._close_seconds = close_seconds
        database = make_database(config)
        super().__init__(config, Worker("database", partial(_open_database, database, config), lambda opened: opened.close()))
        self._warehouse = Worker("warehouse", partial(Warehouse, config), Warehouse.close, interrupt=Warehouse.close)
        impatient = partial(Warehouse, config, attempts=4)  # INSERTs whose outcome is not known are among them
        self._impatient = Worker("replaying warehouse", impatient, Warehouse.close, interrupt=Warehouse.close)
        limit = config.spool_max_mb * MEGABYTE
        self._folder = Worker("spool", lambda: SpoolFolder(config.jobdata_dir / "spool", limit), lambda _: None)
        replayer = Replayer(self._folder, self._database, self._queue_rules)
        self._spool = SpooledStore(self._write_pages, self._folder, replayer, self._impatient)
        self._pages: Gatherer[Page, StoredPage] = Gatherer(
            self._spool.store_pages,
            group=lambda page: page.platform,
            splits=lambda error: not isinstance(error, WarehouseUnavailable),
            quiet=QUIET_SECONDS,
        )
        self._copies = RoundCopies(self._database, self._warehouse, config, away=lambda: self._spool.away)
        self._lines: Gatherer[RoundReport, Coverage | StorageError] = Gatherer(self._save_rounds)
        self._counts: Gatherer[tuple[str, str], int] = Gatherer(self._count_rounds, group=lambda wanted: wanted[0])

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Connects to nothing yet. Raises ConfigError for a DATABASE_URL or TOKEN_KEY that cannot be read."""
        return cls(config)

    async def open_run(self, run: RunRecord) -> None:
        """Records the run, and opens the warehouse too: a run that could store nothing is to stop before its first request.

        What earlier runs left in the spool is written first, unless another process is just doing so.
        """
        record = copy.deepcopy(run)
        await self._database.run(lambda database: runs.open_run(database, record))
        await self._warehouse.run(lambda warehouse: warehouse.writer_for(record.platform))
        await self._spool.replay(self._warehouse)
        await self._copies.try_copy()

    async def close_run(self, run: RunRecord) -> None:
        """Records how the run ended."""
        record = copy.deepcopy(run)
        await self._database.run(lambda database: runs.close_run(database, record))

    async def lease_keyword(self, platform: str, owner: Owner) -> KeywordLease | None:
        """The next keyword; while the warehouse is away none that goes on: it would be asked what the round has seen so far."""
        lease = partial(keywords.lease_keyword, platform=platform, owner=owner, rules=self._queue_rules)
        return await self._database.run(partial(lease, going_on=not self._spool.away))

    async def open_round(self, coverage: Coverage) -> None:
        """Puts the round into the ledger."""
        line = replace(coverage)
        await self._database.run(lambda database: rounds.open_round(database, line))

    async def store(self, page: Page) -> StoredPage:
        """Stores the page, together with those that come meanwhile, in the warehouse or on disk: see `spool.store`."""
        return await self._pages.store(page)

    async def report_page(self, coverage: Coverage, page: Page) -> None:
        """Writes the round's counts. Raises StorageError for a page that was not stored: its counts would promise too much."""
        if page.stored is None:
            raise StorageError(f"page {page.number} of {page.keyword!r} was reported before it was stored")
        await self._save_round(coverage, page.stored.unit, page.plan)

    async def close_round(self, coverage: Coverage) -> None:
        """Writes the round's last state; a complete one is told to the warehouse soon, too."""
        await self._save_round(coverage)
        if coverage.state is RoundState.DONE:
            self._copies.copy_soon()

    async def count_sightings(self, platform: str, round: str) -> int:
        """What the warehouse itself counts; asked together with other rounds that end meanwhile."""
        self._spool.check()
        return await self._counts.store((platform, round))

    async def sighted_ids(self, platform: str, round: str, before_page: int) -> frozenset[str]:
        """What a resumed round has seen already."""
        self._spool.check()
        return await self._warehouse.run(lambda warehouse: warehouse.sighted_ids(platform, round, before_page))

    async def set_aside_sightings(self, platform: str, round: str, from_page: int, but_run: str = "") -> None:
        """What a lost attempt left counts no more."""
        self._spool.check()
        await self._warehouse.run(lambda warehouse: warehouse.set_aside_sightings(platform, round, from_page, but_run))

    async def refresh_round(self, coverage: Coverage) -> None:
        """Takes in, in place, what the ledger knows of the round beyond `coverage`."""
        key = (coverage.platform, coverage.keyword, coverage.city, coverage.round)
        line = await self._database.run(lambda database: rounds.find_round(database, *key))
        if line is None or line.run_id != coverage.run_id:
            return
        take_replayed(coverage, line.replayed)
        if coverage.state is not RoundState.RUNNING:
            coverage.state, coverage.stop_reason, coverage.stored = line.state, line.stop_reason, line.stored

    async def replay_spool(self) -> bool:
        """Writes what waits on disk; see `spool.replay`."""
        return await self._spool.replay(self._warehouse)

    async def look_once_more(self, *, in_a_hurry: bool) -> None:
        """A last look whether the warehouse is back."""
        await self._spool.look_once_more(in_a_hurry=in_a_hurry)

    async def spool_counts(self) -> SpoolCounts:
        """What went through the spool."""
        return await self._spool.counts()

    async def close(self) -> None:
        """Closes the warehouse, the spool, then the database, each once its calls have ended. Raises one StorageError."""
        errors = []
        await self._copies.close()
        await self._spool.close()
        for worker in (self._warehouse, self._impatient, self._folder, self._database):
            try:
                await worker.close(self._close_seconds)
            except JobDataError as error:
                errors.append(str(error))
            except Exception as error:
                logger.exception("closing the %s", worker.name)
                errors.append(f"the {worker.name}: {error}")
        if errors:
            raise StorageError("; ".join(errors))

    async def _write_pages(self, pages: Sequence[Page]) -> list[StoredPage]:
        return await self._warehouse.run(lambda warehouse: warehouse.writer_for(pages[0].platform).store_pages(pages))

    async def _count_rounds(self, wanted: Sequence[tuple[str, str]]) -> list[int]:
        platform, names = wanted[0][0], [round for _, round in wanted]
        return await self._warehouse.run(lambda warehouse: warehouse.count_rounds(platform, names))

    async def _save_round(self, coverage: Coverage, unit: str = "", plan: str = "") -> None:
        saved = await self._lines.store(RoundReport(replace(coverage), unit, plan))
        if isinstance(saved, StorageError):
            raise saved
        take_replayed(coverage, saved.replayed)

    async def _save_rounds(self, reports: Sequence[RoundReport]) -> list[Coverage | StorageError]:
        errors = await self._database.run(partial(keywords.report_rounds, reports=reports, rules=self._queue_rules))
        return [report.line if error is None else error for report, error in zip(reports, errors, strict=True)]


def _open_database(database: pw.Database, config: Config) -> pw.Database:
    prepare_database(database, run_migrations=config.run_migrations_on_startup)
    return database
