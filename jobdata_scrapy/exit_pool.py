"""The exits that this process holds for one site: leased from the backend, paced at the gate, given back.

A (site, exit) pair belongs to one process at a time; its lease carries when its last answer ended, so that the pause holds across
processes and a new process does not fire at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta

from jobdata_scrapy.backend.base import Backend
from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.exceptions import LeaseLost, RequestRefused
from jobdata_scrapy.exit_health import ExitHealth, Outcome
from jobdata_scrapy.leases import ExitLease, Owner
from jobdata_scrapy.pace import PaceGate
from jobdata_scrapy.token_pool import TokenPool

logger = logging.getLogger(__name__)
POLL_SECONDS = 2.0
TOUCH_SECONDS = 1.0  # a lease is written at most as often: less than any pause at a site, more than a sandbox's pace
TOKEN_PAUSE_SECONDS = 30.0  # between two looks for a further exit where the tokens do not suffice for one


class ExitPool:
    """At most `size` exits of one site. `clock` returns an aware UTC time; `monotonic` and `sleep` as in `PaceGate`.

    tokens: an exit is leased, and used, with the token that it needs only. proxy_urls: exit name -> address with its
    credentials, of exits that this process knows from its own settings.
    """

    def __init__(
        self,
        backend: Backend,
        platform: str,
        owner: Callable[[], Owner],
        gate: PaceGate,
        draining: DrainSwitch,
        *,
        tokens: TokenPool,
        size: int,
        wait_seconds: float,
        proxy_urls: Mapping[str, str | None] | None = None,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._backend, self._platform, self._owner = backend, platform, owner
        self._gate, self._draining, self._tokens = gate, draining, tokens
        self._size, self._wait_seconds = size, wait_seconds
        self._clock, self._monotonic, self._sleep = clock, monotonic, sleep
        self._proxy_urls = proxy_urls if proxy_urls is not None else {}
        self._held: dict[str, ExitLease] = {}
        self._busy: set[str] = set()
        self._touched: dict[str, float] = {}
        self._health = ExitHealth()
        self._lacks_token, self._look_again_at = False, float("-inf")
        self._turn = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._freed = asyncio.Event()
        self._poll: asyncio.Future[None] | None = None

    def key(self, lease: ExitLease) -> str:
        """The slot of the pace gate, and Scrapy's download slot."""
        return f"{self._platform}|{lease.exit_name}"

    def session(self, lease: ExitLease) -> str:
        """The name of what the site sees as one visitor behind the exit: another one after each cool-down."""
        return f"{self.key(lease)}#{self._health.session(lease.exit_name)}"

    async def acquire(self) -> ExitLease:
        """An exit whose turn has come: its pause is over when this returns, and it has the token that it needs.

        Raises RequestRefused (`no_exit_free`, `no_token_free`) after `wait_seconds` without any exit, or (`login_required`)
        without any token; Drained when the run is asked to end.
        """
        while True:
            lease = await self._pick_when_free()
            try:
                await self._gate.enter(self.key(lease))
                if self._is_ours(lease) and await self._tokens.provide(lease.exit_name):
                    return lease
            except BaseException:
                self._abandon(lease)
                raise
            await self.give_back(lease)  # lost or blocked while its pause lasted, or no token is left for it

    async def leave(self, lease: ExitLease, outcome: Outcome, *, hold_seconds: float = 0.0) -> None:
        """The request has ended: the pause begins, for every process that will ask through this exit.

        hold_seconds: the site asked not to be asked for so long (Retry-After).
        """
        self._gate.leave(self.key(lease), sent=outcome is not Outcome.UNSENT)
        try:
            if outcome is not Outcome.UNSENT:
                await self._note(lease, outcome, hold_seconds)
            if lease.exit_name not in self._held:  # given up while its request was under way (one that was lost: no harm)
                await self._let_go(lease)
        finally:
            self._free(lease)

    async def cool(self, lease: ExitLease, reason: str) -> None:
        """Gives an exit back that the site has blocked; its pause is kept."""
        if self._is_ours(lease):
            del self._held[lease.exit_name]
            self._health.cooled(lease.exit_name)
            await self._tokens.free(lease.exit_name)
            await self._backend.cool_exit(lease, reason)
        self._free(lease)

    async def give_back(self, lease: ExitLease) -> None:
        """Gives an exit back that was acquired and not used."""
        try:
            if self._held.get(lease.exit_name, lease) is lease:
                self._held.pop(lease.exit_name, None)
                await self._let_go(lease)
        finally:
            self._abandon(lease)

    async def give_up(self, names: Iterable[str]) -> None:
        """Leaves these exits: a request under way is finished, nothing more goes out there; others may be leased instead."""
        for name in names:
            lease = self._held.pop(name, None)
            if lease is not None and name not in self._busy:
                await self._let_go(lease)
        self._freed.set()

    async def beat(self) -> None:
        """Extends the leases: a pause may be longer than a lease holds without a touch."""
        for lease in list(self._held.values()):
            await self._touch(lease)

    async def close(self) -> None:
        """Gives all exits back."""
        if self._poll is not None:
            self._poll.cancel()
        while self._held:
            await self._backend.release_exit(self._held.popitem()[1])

    async def _pick_when_free(self) -> ExitLease:
        with self._draining.interrupts():
            await self._turn.acquire()  # one at a time looks for an exit: else each exit that gets free would wake them all
        try:
            return await self._look_for_one()
        finally:
            self._turn.release()

    async def _look_for_one(self) -> ExitLease:
        without_since: float | None = None
        while True:
            lease = await self._pick()
            if lease is not None:
                return lease
            if self._held:
                without_since = None
            elif without_since is None:
                without_since = self._monotonic()
            if without_since is not None and self._monotonic() - without_since >= self._wait_seconds:
                raise self._refusal()
            with self._draining.interrupts():  # around the wait only: an interrupted lease call would lose its lease
                await self._wait()

    async def _pick(self) -> ExitLease | None:
        """A held exit that is idle, the soonest ready first; else a new one while there is room; else one that rests."""
        self._freed.clear()
        idle = [lease for name, lease in self._held.items() if name not in self._busy]
        ready = [lease for lease in idle if not self._gate.is_held(self.key(lease))]
        if not ready and self._has_room():
            async with self._asking:
                if self._has_room():
                    ready = await self._lease_another()
        if not ready and len(idle) == len(self._held):
            ready = idle
        if not ready:
            return None
        lease = min(ready, key=lambda one: self._gate.ready_in(self.key(one)))
        self._busy.add(lease.exit_name)
        return lease

    def _has_room(self) -> bool:
        return len(self._held) < self._size and not (self._held and self._monotonic() < self._look_again_at)

    async def _lease_another(self) -> list[ExitLease]:
        lease = await self._backend.lease_exit(self._platform, self._owner())
        self._lacks_token = False
        if lease is None:
            self._look_again_at = self._monotonic() + POLL_SECONDS
            return []
        try:
            self._lacks_token = not await self._tokens.provide(lease.exit_name)
        except BaseException:
            await self._backend.release_exit(lease)
            raise
        if self._lacks_token:
            self._look_again_at = self._monotonic() + TOKEN_PAUSE_SECONDS
            await self._backend.release_exit(lease)
            return []
        lease.proxy_url = self._proxy_urls.get(lease.exit_name, lease.proxy_url)
        self._held[lease.exit_name] = lease
        since = (self._clock() - lease.last_end).total_seconds() if lease.last_end else None
        hold = (lease.not_before - self._clock()).total_seconds() if lease.not_before else 0.0
        self._gate.resume(self.key(lease), since, lease.slowness, hold)
        return [lease]

    async def _note(self, lease: ExitLease, outcome: Outcome, hold_seconds: float) -> None:
        """Keeps what the request told of the exit, for whoever holds it next."""
        name, lease.last_end = lease.exit_name, self._clock()
        silent = self._health.note(lease, outcome)
        if hold_seconds > 0:
            self._gate.hold(self.key(lease), hold_seconds)
            lease.not_before = lease.last_end + timedelta(seconds=hold_seconds)
        if hold_seconds > 0 or self._monotonic() - self._touched.get(name, -TOUCH_SECONDS) >= TOUCH_SECONDS:
            await self._touch(lease)
        if silent and lease.proxy_url and await self._backend.count_exits(self._platform) > 1:
            # the last one is kept: where all are silent it is the site that is down
            logger.warning("exit %s: %s", name, "several requests in a row brought no answer; it cools down")
            await self.cool(lease, "brings no answers")

    async def _touch(self, lease: ExitLease) -> None:
        lease.slowness = self._gate.slowness(self.key(lease))
        self._touched[lease.exit_name] = self._monotonic()
        try:
            await self._backend.touch_exit(lease)
        except LeaseLost as lost:
            logger.warning("exit %s: %s", lease.exit_name, lost)
            if self._is_ours(lease):
                del self._held[lease.exit_name]
                await self._tokens.free(lease.exit_name)

    async def _wait(self) -> None:
        """Until an exit of ours is idle again, or it is time to ask the backend once more."""
        if self._poll is None or self._poll.done():
            self._poll = asyncio.ensure_future(self._sleep(POLL_SECONDS))
            self._poll.add_done_callback(lambda _: self._freed.set())
        await self._freed.wait()

    def _refusal(self) -> RequestRefused:
        waited = f"within {self._wait_seconds:g} s"
        if self._lacks_token:
            cause = f"no token of {self._platform} became free {waited}: all that are healthy are held elsewhere or locked"
            return RequestRefused("NO_TOKEN_FREE", "no_token_free", cause=cause)
        return RequestRefused("NO_EXIT_FREE", "no_exit_free", cause=f"no exit of {self._platform} became free {waited}")

    async def _let_go(self, lease: ExitLease) -> None:
        await self._tokens.free(lease.exit_name)
        await self._backend.release_exit(lease)

    def _is_ours(self, lease: ExitLease) -> bool:
        return self._held.get(lease.exit_name) is lease

    def _abandon(self, lease: ExitLease) -> None:
        self._gate.leave(self.key(lease), sent=False)
        self._free(lease)

    def _free(self, lease: ExitLease) -> None:
        self._busy.discard(lease.exit_name)
        self._freed.set()
