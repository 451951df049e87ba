"""The backend of a machine that reaches the database and the warehouse itself."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Self

import peewee as pw
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.backend.gather import QUIET_SECONDS, Gatherer
from jobdata_scrapy.backend.leasing import Leasing
from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.db import coverage as rounds
from jobdata_scrapy.db import keywords, runs
from jobdata_scrapy.db.connection import make_database, prepare_database
from jobdata_scrapy.exceptions import JobDataError, StorageError, WarehouseUnavailable
from jobdata_scrapy.items import Page, StoredPage
from jobdata_scrapy.warehouse.client import connect, describe_error
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.writer import Writer

logger = logging.getLogger(__name__)
CLOSE_SECONDS = 8.0  # for each of the two: together less than what a stopped run is given


class Warehouse:
    """The warehouse's client and writer, and whose tables are there. Blocking; asks for nothing before its first use."""

    def __init__(self, config: Config) -> None:
        self._client = connect(config)
        self._writer = Writer(self._client)
        self._platforms: set[str] = set()

    def writer_for(self, platform: str) -> Writer:
        """The writer, once the tables of `platform` are there. Raises StorageError."""
        if platform not in self._platforms:
            with _explained(f"the tables of {platform!r} cannot be made"):
                apply_schema(self._client, [platform])
            self._platforms.add(platform)
        return self._writer

    def count_rounds(self, platform: str, rounds: Sequence[str]) -> list[int]:
        """Distinct postings of each round that have their job row. Raises StorageError."""
        writer = self.writer_for(platform)
        with _explained(f"round {', '.join(map(repr, rounds[:3]))} cannot be counted"):
            return writer.count_rounds(platform, rounds)

    def sighted_ids(self, platform: str, round: str, before_page: int) -> frozenset[str]:
        """Ids that the round saw on earlier pages. Raises StorageError."""
        writer = self.writer_for(platform)
        with _explained(f"round {round!r} cannot be read"):
            return writer.sighted_ids(platform, round, before_page)

    def close(self) -> None:
        """Lets go of the connections. From another thread it also ends the wait between two attempts."""
        self._client.close()


class DirectBackend(Leasing):
    """`backend.base.Backend` over the relational database and the warehouse, each on a thread of its own.

    Both are opened at the first use. A record is copied before it goes to a thread, so that the caller may go on changing it.
    """

    def __init__(self, config: Config, *, close_seconds: float = CLOSE_SECONDS) -> None:
        self._close_seconds = close_seconds
        database = make_database(config)
        super().__init__(config, Worker("database", partial(_open_database, database, config), lambda opened: opened.close()))
        self._warehouse = Worker("warehouse", partial(Warehouse, config), Warehouse.close, interrupt=Warehouse.close)
        self._pages: Gatherer[Page, StoredPage] = Gatherer(
            self._store_pages,
            group=lambda page: page.platform,
            splits=lambda error: not isinstance(error, WarehouseUnavailable),
            quiet=QUIET_SECONDS,
        )
        self._lines: Gatherer[Coverage, StorageError | None] = Gatherer(self._save_rounds)
        self._counts: Gatherer[tuple[str, str], int] = Gatherer(self._count_rounds, group=lambda wanted: wanted[0])

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Connects to nothing yet. Raises ConfigError for a DATABASE_URL or TOKEN_KEY that cannot be read."""
        return cls(config)

    async def open_run(self, run: RunRecord) -> None:
        """Records the run, and opens the warehouse too: a run that could store nothing is to stop before its first request."""
        record = copy.deepcopy(run)
        await self._database.run(lambda database: runs.open_run(database, record))
        await self._warehouse.run(lambda warehouse: warehouse.writer_for(record.platform))

    async def close_run(self, run: RunRecord) -> None:
        """Records how the run ended."""
        record = copy.deepcopy(run)
        await self._database.run(lambda database: runs.close_run(database, record))

    async def open_round(self, coverage: Coverage) -> None:
        """Puts the round into the ledger."""
        line = replace(coverage)
        await self._database.run(lambda database: rounds.open_round(database, line))

    async def store(self, page: Page) -> StoredPage:
        """Stores the page in the warehouse, together with those that come meanwhile; see `warehouse.writer`."""
        return await self._pages.store(page)

    async def report_page(self, coverage: Coverage, page: Page) -> None:
        """Writes the round's counts. Raises StorageError for a page that was not stored: its counts would promise too much."""
        if page.stored is None:
            raise StorageError(f"page {page.number} of {page.keyword!r} was reported before it was stored")
        await self._save_round(coverage)

    async def close_round(self, coverage: Coverage) -> None:
        """Writes the round's last state."""
        await self._save_round(coverage)

    async def count_sightings(self, platform: str, round: str) -> int:
        """What the warehouse itself counts; asked together with other rounds that end meanwhile."""
        return await self._counts.store((platform, round))

    async def sighted_ids(self, platform: str, round: str, before_page: int) -> frozenset[str]:
        """What a resumed round has seen already."""
        return await self._warehouse.run(lambda warehouse: warehouse.sighted_ids(platform, round, before_page))

    async def close(self) -> None:
        """Closes the warehouse, then the database, each once its calls have ended. Raises one StorageError with all errors."""
        errors = []
        for worker in (self._warehouse, self._database):
            try:
                await worker.close(self._close_seconds)
            except JobDataError as error:
                errors.append(str(error))
            except Exception as error:
                logger.exception("closing the %s", worker.name)
                errors.append(f"the {worker.name}: {error}")
        if errors:
            raise StorageError("; ".join(errors))

    async def _store_pages(self, pages: Sequence[Page]) -> list[StoredPage]:
        return await self._warehouse.run(lambda warehouse: warehouse.writer_for(pages[0].platform).store_pages(pages))

    async def _count_rounds(self, wanted: Sequence[tuple[str, str]]) -> list[int]:
        platform, names = wanted[0][0], [round for _, round in wanted]
        return await self._warehouse.run(lambda warehouse: warehouse.count_rounds(platform, names))

    async def _save_round(self, coverage: Coverage) -> None:
        error = await self._lines.store(replace(coverage))
        if error is not None:
            raise error

    async def _save_rounds(self, lines: Sequence[Coverage]) -> list[StorageError | None]:
        return await self._database.run(lambda database: keywords.report_rounds(database, lines, self._queue_rules))


def _open_database(database: pw.Database, config: Config) -> pw.Database:
    prepare_database(database, run_migrations=config.run_migrations_on_startup)
    return database


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise StorageError(f"warehouse: {what}: {describe_error(error)}") from error
