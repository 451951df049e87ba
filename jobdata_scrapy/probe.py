"""One probe at a time: while the request that a half-open lock let through is under way, this process's others wait for it.

The backend tells HALF_OPEN to one process; one that holds several exits would send a request through each of them at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.leases import LockCheck, LockState

LONGEST_SECONDS = 60.0  # a probe that was lost in between: the backend then lets another one out, too


class ProbeTurn:
    """`check` before a request leaves, `end` once the answer of the one that was told HALF_OPEN has been acted upon."""

    def __init__(self, draining: DrainSwitch, *, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._draining, self._longest_seconds = draining, longest_seconds
        self._asking = asyncio.Lock()
        self._over = asyncio.Event()
        self._over.set()

    async def check(self, ask: Callable[[], Awaitable[LockCheck]]) -> LockCheck:
        """What `ask` says, asked once no probe of this process is under way. HALF_OPEN: the caller's request is the probe now.

        Raises Drained when the run is asked to end before.
        """
        with self._draining.interrupts():
            await self._asking.acquire()
        try:
            await self._wait()
            told = await ask()
            if told.state is LockState.HALF_OPEN:
                self._over.clear()
            return told
        finally:
            self._asking.release()

    def end(self) -> None:
        """The probe is over, however it went. Later calls do nothing."""
        self._over.set()

    async def _wait(self) -> None:
        with self._draining.interrupts(), suppress(TimeoutError):
            async with asyncio.timeout(self._longest_seconds):
                await self._over.wait()
