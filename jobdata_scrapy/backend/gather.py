"""Group commit: what arrives while one unit is being stored is stored together as the next one. Pure asyncio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")

MAX_UNIT = 64  # items; bounds what a unit that has to be repeated one by one costs
QUIET_SECONDS = 0.05


@dataclass(slots=True)
class _Entry(Generic[T, R]):
    """An item and what will become of it; `callers` wait for that."""

    item: T
    outcome: asyncio.Future[R]
    callers: int = 0


class Gatherer(Generic[T, R]):
    """Hands items to `write` in units: at once when nothing is under way, else together with what has come meanwhile.

    write: stores a unit and returns one result an item, in order. group: items of one unit are of one group. splits: whether,
    after this error of a unit, its items are tried one by one, so that one bad item does not cost the others; otherwise the
    error is that of all. quiet: after a unit, what waits already waits until nothing more has come for so many seconds or the
    unit is full: a store costs much the same for one item and for many. The very same object is stored once, however many wait.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        group: Callable[[T], object] = lambda _: None,
        splits: Callable[[Exception], bool] = lambda _: False,
        limit: int = MAX_UNIT,
        quiet: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._write = write
        self._group = group
        self._splits = splits
        self._limit = limit
        self._quiet = quiet
        self._sleep = sleep
        self._waiting: dict[int, _Entry[T, R]] = {}  # by id(item), which is the item's own as long as the entry holds it
        self._under_way: dict[int, _Entry[T, R]] = {}
        self._worker: asyncio.Task[None] | None = None

    async def store(self, item: T) -> R:
        """The item's own result. Raises its own error, or that of its unit.

        A caller that is cancelled takes no other down, and its item is stored all the same: once handed in, an item is finished.
        """
        entry = self._under_way.get(id(item)) or self._waiting.get(id(item))
        if entry is None:
            entry = self._waiting[id(item)] = _Entry(item, asyncio.get_running_loop().create_future())
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        entry.callers += 1
        try:
            return await asyncio.shield(entry.outcome)
        finally:
            entry.callers -= 1

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._store_unit(self._take_unit())
                self._under_way = {}
                await self._wait_for_more()
        finally:
            self._worker = None
            for entry in (*self._under_way.values(), *self._waiting.values()):  # only where this task itself was cancelled
                entry.outcome.cancel()
            self._under_way, self._waiting = {}, {}

    async def _wait_for_more(self) -> None:
        seen = 0
        while self._quiet and seen < len(self._waiting) < self._limit:
            seen = len(self._waiting)
            await self._sleep(self._quiet)

    def _take_unit(self) -> list[_Entry[T, R]]:
        """The oldest waiting item and others of its group; moved, so that nothing is taken twice."""
        waiting = list(self._waiting.values())
        group = self._group(waiting[0].item)
        unit = [entry for entry in waiting if self._group(entry.item) == group][: self._limit]
        for entry in unit:
            self._under_way[id(entry.item)] = self._waiting.pop(id(entry.item))
        return unit

    async def _store_unit(self, unit: list[_Entry[T, R]]) -> None:
        try:
            results = await self._write([entry.item for entry in unit])
        except Exception as error:
            if len(unit) > 1 and self._splits(error):
                logger.warning("%d items could not be stored together, now one by one: %s", len(unit), error)
                await self._store_apart(unit)
            else:
                _fail(unit, error)
            return
        for entry, result in zip(unit, results, strict=True):
            entry.outcome.set_result(result)

    async def _store_apart(self, unit: list[_Entry[T, R]]) -> None:
        for position, entry in enumerate(unit):
            await self._store_unit([entry])
            error = entry.outcome.exception()
            if isinstance(error, Exception) and not self._splits(
                error
            ):  # nothing of the item's own: the others would meet it, too
                _fail(unit[position + 1 :], error)
                return


def _fail(unit: Sequence[_Entry[T, R]], error: Exception) -> None:
    for entry in unit:
        entry.outcome.set_exception(error)
        entry.outcome.exception()  # seen: asyncio would complain of an error that nobody fetched
        if not entry.callers:
            logger.error("what could not be stored had no caller any more: %s", error)
