"""Keeps the warehouse's copy of the ledger's ended rounds up to date while a backend lives."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import peewee as pw

from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.config import Config
from jobdata_scrapy.db.ended_rounds import BATCH, FIRST_TIME, EndedRound, Place, list_places, read_ended
from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.warehouse.access import Warehouse
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.crawl_rounds import (
    OVERLAP,
    JudgedRound,
    copied_until,
    find_missing,
    judge_rounds,
    write_rounds,
    write_rule,
)
from jobdata_scrapy.warehouse.lifecycle_rule import LifecycleRule
from jobdata_scrapy.warehouse.retention import read_pruned_until

logger = logging.getLogger(__name__)
R = TypeVar("R")
PAUSE_SECONDS = 60.0  # from one copy to the next: rounds that end meanwhile are copied together
LAST_SECONDS = 2.0  # for the copy at the end: a run that was stopped is given little time


class RoundCopies:
    """One for a backend: copies at its beginning, at its end, and from time to time while rounds end.

    What it copied is remembered, and what other processes copied is asked for, so that a round is read, judged and written once.
    away: whether the warehouse is known not to answer; monotonic: seconds; sleep: as asyncio's.
    """

    def __init__(
        self,
        database: Worker[pw.Database],
        warehouse: Worker[Warehouse],
        config: Config,
        *,
        away: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._config = config
        self._away, self._monotonic, self._sleep = away, monotonic, sleep
        self._until: datetime | None = None
        self._copied: set[Place] = set()
        self._alone = asyncio.Lock()
        self._began_at = -PAUSE_SECONDS
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def copy_soon(self) -> None:
        """A round has ended: it is copied in the background, together with those that end until then."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._copy_later())

    async def try_copy(self) -> None:
        """`copy`, whose failure is only logged: nothing is lost, the next round or run copies it."""
        try:
            await self.copy()
        except StorageError as error:
            _tell(str(error))
        except Exception:  # a fault of ours must not cost a run its pages
            logger.exception("ended rounds could not be copied")

    async def copy(self) -> None:
        """Copies what has ended since the last time. Raises StorageError."""
        async with self._alone:
            self._began_at = self._monotonic()
            if self._until is None:
                self._until = await self._ask("crawl_round cannot be read", self._begin)
            after: Place = (self._until - OVERLAP, 0)
            while places := await self._database.run(partial(list_places, after=after)):
                await self._copy_places([place for place in places if place not in self._copied])
                after = places[-1]
                self._until = max(self._until, min(after[0], datetime.now(UTC)))
                if len(places) < BATCH:
                    break
            self._copied = {place for place in self._copied if place[0] >= self._until - OVERLAP}

    async def close(self) -> None:
        """Ends the background copy with a last one, within LAST_SECONDS, if it was ever asked to copy. Failure is only logged."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if (self._until is None and self._task is None) or self._away():
            return
        try:
            await asyncio.wait_for(self.try_copy(), LAST_SECONDS)
        except TimeoutError:
            _tell(f"no answer within {LAST_SECONDS:g} s")

    async def _copy_later(self) -> None:
        while self._wanted:
            await self._sleep(max(0.0, self._began_at + PAUSE_SECONDS - self._monotonic()))
            self._wanted = False
            if not self._away():
                await self.try_copy()

    async def _copy_places(self, places: list[Place]) -> None:
        if not places:
            return
        ended: list[EndedRound] = await self._database.run(partial(read_ended, places=places))
        missing = await self._ask("crawl_round cannot be read", partial(find_missing, rounds=ended)) if ended else []
        if missing:
            judged = await self._database.run(partial(judge_rounds, rounds=missing, config=self._config))
            await self._ask("crawl_round cannot be written", partial(self._write, rounds=judged))
        self._copied |= {one.place for one in ended}

    def _begin(self, client: WarehouseClient) -> datetime:
        write_rule(client, LifecycleRule.from_config(self._config))
        return max(copied_until(client), FIRST_TIME + OVERLAP)

    def _write(self, client: WarehouseClient, rounds: list[JudgedRound]) -> None:
        write_rounds(client, rounds, read_pruned_until(client))

    async def _ask(self, what: str, step: Callable[[WarehouseClient], R]) -> R:
        return await self._warehouse.run(lambda warehouse: warehouse.ask(what, step))


def _tell(reason: str) -> None:
    logger.warning("ended rounds are not in the warehouse yet, the next round or run copies them: %s", reason)
