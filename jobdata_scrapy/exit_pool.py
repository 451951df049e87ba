"""The exits that this process holds for one site: leased from the backend, paced at the gate, given back.

A (site, exit) pair belongs to one process at a time; its lease carries when its last answer ended, so that the pause holds across
processes and a new process does not fire at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from jobdata_scrapy.backend.base import Backend
from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.exceptions import LeaseLost, RequestRefused
from jobdata_scrapy.leases import ExitLease, Owner
from jobdata_scrapy.pace import PaceGate

logger = logging.getLogger(__name__)
POLL_SECONDS = 2.0
TOUCH_SECONDS = 1.0  # a lease is written at most as often: less than any pause at a site, more than a sandbox's pace
SCORE_STEP = 0.2  # how fast a score follows the answers


class ExitPool:
    """At most `size` exits of one site. `clock` returns an aware UTC time; `monotonic` and `sleep` as in `PaceGate`.

    proxy_urls: exit name -> address with its credentials, of exits that this process knows from its own settings.
    """

    def __init__(
        self,
        backend: Backend,
        platform: str,
        owner: Callable[[], Owner],
        gate: PaceGate,
        draining: DrainSwitch,
        *,
        size: int,
        wait_seconds: float,
        proxy_urls: Mapping[str, str | None] | None = None,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._backend, self._platform, self._owner = backend, platform, owner
        self._gate, self._draining = gate, draining
        self._size, self._wait_seconds = size, wait_seconds
        self._clock, self._monotonic, self._sleep = clock, monotonic, sleep
        self._proxy_urls = proxy_urls if proxy_urls is not None else {}
        self._held: dict[str, ExitLease] = {}
        self._busy: set[str] = set()
        self._touched: dict[str, float] = {}
        self._turn = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._freed = asyncio.Event()

    def key(self, lease: ExitLease) -> str:
        """The slot of the pace gate, and Scrapy's download slot."""
        return f"{self._platform}|{lease.exit_name}"

    async def acquire(self, at_least: float = 0.0) -> ExitLease:
        """An exit whose turn has come: its pause is over when this returns.

        Raises RequestRefused (`no_exit_free`) after `wait_seconds` without any exit, Drained when the run is asked to end.
        """
        lease = await self._pick_when_free()
        try:
            await self._gate.enter(self.key(lease), at_least)
        except BaseException:
            self._free(lease)
            raise
        return lease

    async def leave(self, lease: ExitLease, *, healthy: bool) -> None:
        """The answer has ended (or failed): the pause begins, for every process that will ask through this exit."""
        self._gate.leave(self.key(lease))
        lease.last_end = self._clock()
        lease.score += SCORE_STEP * ((1.0 if healthy else 0.0) - lease.score)
        if self._monotonic() - self._touched.get(lease.exit_name, -TOUCH_SECONDS) >= TOUCH_SECONDS:
            await self._touch(lease)
        self._free(lease)

    async def cool(self, lease: ExitLease, reason: str) -> None:
        """Gives an exit back that the site has blocked; its pause is kept."""
        if self._held.pop(lease.exit_name, None) is not None:
            await self._backend.cool_exit(lease, reason)
        self._free(lease)

    async def beat(self) -> None:
        """Extends the leases: a pause may be longer than a lease holds without a touch."""
        for lease in list(self._held.values()):
            await self._touch(lease)

    async def close(self) -> None:
        """Gives all exits back."""
        while self._held:
            await self._backend.release_exit(self._held.popitem()[1])

    async def _pick_when_free(self) -> ExitLease:
        deadline = self._monotonic() + self._wait_seconds
        with self._draining.interrupts():
            await self._turn.acquire()  # one at a time looks for an exit: else each exit that gets free would wake them all
        try:
            return await self._look_for_one(deadline)
        finally:
            self._turn.release()

    async def _look_for_one(self, deadline: float) -> ExitLease:
        while True:
            lease = await self._pick()
            if lease is not None:
                return lease
            if not self._held and self._monotonic() >= deadline:
                cause = f"no exit of {self._platform} became free within {self._wait_seconds:g} s"
                raise RequestRefused("NO_EXIT_FREE", "no_exit_free", cause=cause)
            with self._draining.interrupts():  # around the wait only: an interrupted lease call would lose its lease
                await self._wait()

    async def _pick(self) -> ExitLease | None:
        """A held exit that is idle, the soonest ready first; else a new one while there is room."""
        self._freed.clear()
        idle = [lease for name, lease in self._held.items() if name not in self._busy]
        if not idle:
            async with self._asking:
                if len(self._held) < self._size:
                    idle = await self._lease_another()
        if not idle:
            return None
        lease = min(idle, key=lambda one: self._gate.ready_in(self.key(one)))
        self._busy.add(lease.exit_name)
        return lease

    async def _lease_another(self) -> list[ExitLease]:
        lease = await self._backend.lease_exit(self._platform, self._owner())
        if lease is None:
            return []
        lease.proxy_url = self._proxy_urls.get(lease.exit_name, lease.proxy_url)
        self._held[lease.exit_name] = lease
        since = (self._clock() - lease.last_end).total_seconds() if lease.last_end else None
        self._gate.resume(self.key(lease), since, lease.slowness)
        return [lease]

    async def _touch(self, lease: ExitLease) -> None:
        lease.slowness = self._gate.slowness(self.key(lease))
        self._touched[lease.exit_name] = self._monotonic()
        try:
            await self._backend.touch_exit(lease)
        except LeaseLost as lost:
            logger.warning("exit %s: %s", lease.exit_name, lost)
            self._held.pop(lease.exit_name, None)

    async def _wait(self) -> None:
        """Until an exit of ours is idle again, or it is time to ask the backend once more."""
        waits = {asyncio.ensure_future(self._freed.wait()), asyncio.ensure_future(self._sleep(POLL_SECONDS))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _free(self, lease: ExitLease) -> None:
        self._busy.discard(lease.exit_name)
        self._freed.set()
