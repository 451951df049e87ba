"""The pace gate: one request of an exit at a time, the next no earlier than a random pause after the last answer ended.

So the pace holds at the server: Scrapy's own slot delay paces sends, not arrivals. Clock, sleep and randomness are injected.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import SystemRandom

from jobdata_scrapy.draining import DrainSwitch

MAX_SLOWNESS = 8.0
_RANDOM = SystemRandom()


@dataclass(slots=True)
class _Slot:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last_end: float | None = None
    slowness: float = 1.0


class PaceGate:
    """One slot a key (site and exit). `enter` waits for its turn, `leave` ends it; times in seconds."""

    def __init__(
        self,
        min_seconds: float,
        max_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = _RANDOM.uniform,
        draining: DrainSwitch | None = None,
    ) -> None:
        self._range = (min_seconds, max_seconds)
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._draining = draining or DrainSwitch()
        self._slots: dict[str, _Slot] = {}

    async def enter(self, key: str, at_least: float = 0.0) -> float:
        """Waits until `key` may send again, at least `at_least` seconds after its last answer; returns the seconds waited.

        Raises Drained when the run is asked to end before its turn comes.
        """
        slot = self._slots.setdefault(key, _Slot())
        began = self._clock()
        with self._draining.interrupts():
            await self._take_turn(slot, at_least)
        return self._clock() - began

    async def _take_turn(self, slot: _Slot, at_least: float) -> None:
        await slot.lock.acquire()
        try:
            if slot.last_end is not None:
                pause = max(self._uniform(*self._range) * slot.slowness, at_least)
                wait = slot.last_end + pause - self._clock()
                if wait > 0:
                    await self._sleep(wait)
        except BaseException:
            slot.lock.release()
            raise

    def leave(self, key: str) -> None:
        """The answer has ended (or failed): the pause begins. Harmless when the slot is not held."""
        slot = self._slots.get(key)
        if slot is not None and slot.lock.locked():
            slot.last_end = self._clock()
            slot.lock.release()

    def resume(self, key: str, seconds_since_end: float | None, slowness: float) -> None:
        """Takes over the pause of `key` from another process: its last answer ended that many seconds ago (None: never asked)."""
        slot = self._slots.setdefault(key, _Slot())
        slot.slowness = max(slowness, 1.0)
        if seconds_since_end is not None:
            slot.last_end = max(slot.last_end or 0.0, self._clock() - seconds_since_end)

    def slowness(self, key: str) -> float:
        """The factor on the pause of `key`, 1 when it is the usual one."""
        slot = self._slots.get(key)
        return slot.slowness if slot is not None else 1.0

    def ready_in(self, key: str) -> float:
        """Seconds until `key` may send again at the earliest, by its shortest pause; 0 for one that was never asked."""
        slot = self._slots.get(key)
        if slot is None or slot.last_end is None:
            return 0.0
        return max(slot.last_end + self._range[0] * slot.slowness - self._clock(), 0.0)

    def slow_down(self, key: str) -> None:
        """Doubles the pause of `key` up to a ceiling (the site said: too fast)."""
        slot = self._slots.setdefault(key, _Slot())
        slot.slowness = min(slot.slowness * 2, MAX_SLOWNESS)

    def speed_up(self, key: str) -> None:
        """Halves a slowed pause again (a healthy answer)."""
        slot = self._slots.get(key)
        if slot is not None and slot.slowness > 1.0:
            slot.slowness = max(slot.slowness / 2, 1.0)
