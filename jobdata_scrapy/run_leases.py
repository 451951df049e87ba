"""What one run holds on lease: keywords, exits, a token. A heartbeat extends them; what is left at the end is given back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from jobdata_scrapy.backend.base import Backend
from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.exceptions import ExitSourceError, LeaseLost, StorageError
from jobdata_scrapy.exit_pool import ExitPool
from jobdata_scrapy.exit_sources import PROVIDER, fetch_exits, read_exits
from jobdata_scrapy.exits import Exit, without_credentials
from jobdata_scrapy.leases import KeywordLease, Owner
from jobdata_scrapy.pace import PaceGate
from jobdata_scrapy.token_pool import TokenPool

logger = logging.getLogger(__name__)
NOT_ITS_FAULT = frozenset(
    {"drained", "locked", "no_exit_free", "no_token_free", "no_proxy_left", "proxy_refused", "budget_spent", "captcha"}
    | {"ip_banned", "token_expired", "login_required", "sign_rejected", "sign_failed", "robots_disallowed", "storage_down"}
    | {"rate_limited", "blocked", "layout_changed", "site_down", "wrong_setting"}
)


class RunLeases:
    """`owner` names the run once it is open. Times as in `ExitPool`."""

    def __init__(
        self,
        backend: Backend,
        config: Config,
        platform: str,
        owner: Callable[[], Owner],
        gate: PaceGate,
        draining: DrainSwitch,
        clock: Callable[[], datetime],
    ) -> None:
        self._backend, self._config, self._platform, self._owner = backend, config, platform, owner
        self._proxy_urls: dict[str, str | None] = {}
        self._provided: frozenset[str] = frozenset()
        self._configured: set[str] = set()
        self.tokens = TokenPool(backend, platform, owner)
        self.exits = ExitPool(
            backend,
            platform,
            owner,
            gate,
            draining,
            tokens=self.tokens,
            size=config.exits_per_process,
            wait_seconds=config.exit_wait_seconds,
            clock=clock,
            proxy_urls=self._proxy_urls,
        )
        self.keywords: dict[str, KeywordLease] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Makes the configured exits known and starts the heartbeat. Raises ConfigError, StorageError."""
        for source, found in read_exits(self._config).items():
            if found.bad:
                logger.warning("exits of %s: %s", source, found.describe_bad())
            self._configured |= {one.name for one in found.exits}
            await self._share_exits(found.exits, source)
        if secret_value(self._config.proxy_provider_url):
            await self._ask_provider()
            self._tasks.append(asyncio.ensure_future(self._repeat(self._ask_provider, self._config.proxy_refresh_seconds)))
        config = self._config
        seconds = min(config.keyword_lease_seconds, config.exit_lease_seconds, config.token_lease_seconds) / 3
        self._tasks.append(asyncio.ensure_future(self._repeat(self._beat, seconds)))

    async def next_keyword(self) -> KeywordLease | None:
        """The next keyword of the queue, None when it has none ready."""
        lease = await self._backend.lease_keyword(self._platform, self._owner())
        if lease is not None:
            self.keywords[lease.coverage.round] = lease
        return lease

    async def save_plan(self, round_id: str, plan: str) -> None:
        """Keeps the plan of a leased keyword; nothing to do for one that was named as an argument. Raises LeaseLost."""
        if (lease := self.keywords.get(round_id)) is not None:
            lease.plan = plan
            await self._backend.save_plan(lease, plan)

    async def give_back(self, round_id: str, error: str = "", *, bystander: bool = False) -> None:
        """Gives the round's keyword back in the state its round ended in; nothing to do for one that is not leased.

        What is no fault of the keyword's (NOT_ITS_FAULT, or whatever ended a run that only had it in hand) costs it no attempt:
        it goes on at its next page. One that was read as far as MAX_PAGES allows rests like one that was read to the site's cap.
        """
        lease = self.keywords.pop(round_id, None)
        if lease is None:
            return
        if bystander or error in NOT_ITS_FAULT:
            lease = replace(lease, coverage=replace(lease.coverage, state=RoundState.RUNNING))
            error = f"its run ended as {error}" if bystander else error
        elif error == "pages_limit":
            lease = replace(lease, coverage=replace(lease.coverage, state=RoundState.CAPPED))
        try:
            await self._backend.release_keyword(lease, error)
        except LeaseLost as lost:
            logger.warning("%s", lost)

    async def end(self) -> None:
        """Gives everything back. Raises StorageError."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for round_id, lease in list(self.keywords.items()):
            if lease.coverage.state is RoundState.RUNNING:
                await self.give_back(round_id)
        await self.exits.close()
        await self.tokens.close()

    async def _beat(self) -> None:
        if self.keywords:
            kept = await self._backend.extend_keywords(self._owner())
            for lease in self.keywords.values():
                if lease.keyword_id not in kept:
                    logger.warning("%s %s: the lease was lost; its next report stops it", lease.keyword, lease.city)
        await self.exits.beat()
        await self.tokens.beat()

    async def _ask_provider(self) -> None:
        """Takes over the provider's list; what it no longer names is used no more."""
        try:
            found = await asyncio.to_thread(fetch_exits, self._config)
        except ExitSourceError as error:  # the exits known so far go on
            logger.warning("%s", error)
            return
        if found.bad:
            logger.warning("exits of %s: %s", PROVIDER, found.describe_bad())
        await self._share_exits(found.exits, PROVIDER)
        before, self._provided = self._provided, frozenset(one.name for one in found.exits)
        if gone := before - self._provided - self._configured:
            logger.info("the provider has taken back %d of its exits", len(gone))
            await self.exits.give_up(gone)

    async def _share_exits(self, exits: Sequence[Exit], source: str) -> None:
        """Makes exits known to the fleet; without TOKEN_KEY those with a password to this node alone, without it."""
        node = self._owner().node
        self._proxy_urls |= {one.name: one.proxy_url for one in exits}
        shared = exits if secret_value(self._config.token_key) else [without_credentials(one, node) for one in exits]
        await self._backend.sync_exits(shared, f"{source}@{node}")  # another node's settings are no word on this one's

    async def _repeat(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except StorageError as error:
                logger.warning("%s", error)
            except Exception:  # leases that nobody extends any more would be worse than a beat left out
                logger.exception("a beat of the leases failed; the next one goes on")
