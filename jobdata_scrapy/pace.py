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
SHORTEST_WAIT = 1e-6  # what is left of a wait by rounding
_RANDOM = SystemRandom()


@dataclass(slots=True)
class _Slot:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last_end: float | None = None
    not_before: float | None = None
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

    async def enter(self, key: str) -> float:
        """Waits until `key` may send again; returns the seconds waited.

        Raises Drained when the run is asked to end before its turn comes.
        """
        slot = self._slots.setdefault(key, _Slot())
        began = self._clock()
        with self._draining.interrupts():
            await self._take_turn(slot)
        return self._clock() - began

    async def _take_turn(self, slot: _Slot) -> None:
        await slot.lock.acquire()
        try:
            pause = self._uniform(*self._range)
            while (wait := self._wait_of(slot, pause)) > SHORTEST_WAIT:  # looked at again: it may have grown meanwhile
                await self._sleep(wait)
        except BaseException:
            slot.lock.release()
            raise

    def _wait_of(self, slot: _Slot, pause: float) -> float:
        """Seconds until the slot may send again, with `pause` (slowed where it is slowed) after its last answer."""
        ends = [] if slot.last_end is None else [slot.last_end + pause * slot.slowness]
        ends += [] if slot.not_before is None else [slot.not_before]
        return max(ends) - self._clock() if ends else 0.0

    def leave(self, key: str, *, sent: bool = True) -> None:
        """The answer has ended (or failed): the pause begins, unless nothing was `sent`. Harmless when the slot is not held."""
        slot = self._slots.get(key)
        if slot is not None and slot.lock.locked():
            slot.last_end = self._clock() if sent else slot.last_end
            slot.lock.release()

    def hold(self, key: str, seconds: float) -> None:
        """Lets nothing through for so many seconds from now (Retry-After); a longer hold stays."""
        slot = self._slots.setdefault(key, _Slot())
        until = self._clock() + seconds
        slot.not_before = until if slot.not_before is None else max(slot.not_before, until)

    def is_held(self, key: str) -> bool:
        """Whether a hold is not over yet."""
        slot = self._slots.get(key)
        return slot is not None and slot.not_before is not None and slot.not_before > self._clock()

    def resume(self, key: str, seconds_since_end: float | None, slowness: float, hold_seconds: float = 0.0) -> None:
        """Takes over the pause of `key` from another process: its last answer ended that many seconds ago (None: never asked),
        and it is held for that many seconds more.
        """
        slot = self._slots.setdefault(key, _Slot())
        slot.slowness = max(slowness, 1.0)
        if seconds_since_end is not None:
            slot.last_end = max(slot.last_end or 0.0, self._clock() - seconds_since_end)
        if hold_seconds > 0:
            self.hold(key, hold_seconds)

    def slowness(self, key: str) -> float:
        """The factor on the pause of `key`, 1 when it is the usual one."""
        slot = self._slots.get(key)
        return slot.slowness if slot is not None else 1.0

    def ready_in(self, key: str) -> float:
        """Seconds until `key` may send again at the earliest, by its shortest pause; 0 for one that was never asked."""
        slot = self._slots.get(key)
        return max(self._wait_of(slot, self._range[0]), 0.0) if slot is not None else 0.0

    def slow_down(self, key: str) -> None:
        """Doubles the pause of `key` up to a ceiling (the site said: too fast)."""
        slot = self._slots.setdefault(key, _Slot())
        slot.slowness = min(slot.slowness * 2, MAX_SLOWNESS)

    def speed_up(self, key: str) -> None:
        """Halves a slowed pause again (a healthy answer)."""
        slot = self._slots.get(key)
        if slot is not None and slot.slowness > 1.0:
            slot.slowness = max(slot.slowness / 2, 1.0)
