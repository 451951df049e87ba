"""Exit and pace: picks the way out of every request and holds it until its turn; keeps off what is locked or spent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from jobdata_scrapy import stats as keys
from jobdata_scrapy.exceptions import RequestRefused
from jobdata_scrapy.leases import ExitLease, LockState
from jobdata_scrapy.run_session import RunSession, session_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.statscollectors import StatsCollector

PROXY_AUTHENTICATION_REQUIRED = 407
SERVER_ERRORS = 500
LOCK_BELIEVED_SECONDS = 1.0  # less than any pause: only a crawl without one asks less often than each time


class ProxyMiddleware:
    """Always overwrites `proxy` and `download_slot`, also on a retry; one request of a (site, exit) pair at a time."""

    def __init__(self, session: RunSession, stats: StatsCollector) -> None:
        self._session = session
        self._stats = stats
        self._closed_until: dict[str, float] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        assert crawler.stats is not None  # noqa: S101 - set before components are made
        return cls(session_of(crawler), crawler.stats)

    async def process_request(self, request: Request) -> None:
        request.headers.pop("Proxy-Authorization", None)
        exits = self._session.leases.exits
        began = self._session.clock()
        lease = await exits.acquire(request.meta.pop("pause_at_least", 0.0))
        request.meta.update(exit=lease, holds_exit=True, proxy=lease.proxy_url, download_slot=exits.key(lease))
        self._stats.inc_value(keys.PROXY_WAITED_SECONDS, (self._session.clock() - began).total_seconds())
        await self._check_lock(request, lease)
        await self._spend_page()
        self._stats.inc_value(keys.labelled(keys.PROXY_REQUESTS_COUNT, exit=lease.exit_name))

    async def process_response(self, request: Request, response: Response) -> Response:
        await self._leave(request, healthy=response.status < SERVER_ERRORS)
        lease: ExitLease = request.meta["exit"]
        if response.status == PROXY_AUTHENTICATION_REQUIRED and lease.proxy_url:  # the proxy's word, not the site's
            cause = f"the proxy {lease.exit_name} refuses the user name or password it was given"
            await self._session.leases.exits.cool(lease, cause)
            raise RequestRefused("PROXY_REFUSED", "no_proxy_left", cause=cause)
        return response

    async def process_exception(self, request: Request, exception: Exception) -> None:
        await self._leave(request, healthy=isinstance(exception, RequestRefused))

    async def _leave(self, request: Request, *, healthy: bool) -> None:
        if request.meta.pop("holds_exit", False):
            await self._session.leases.exits.leave(request.meta["exit"], healthy=healthy)

    async def _check_lock(self, request: Request, lease: ExitLease) -> None:
        platform = self._session.platform.name
        if self._closed_until.get(lease.exit_name, 0.0) > time.monotonic():
            request.meta["is_probe"] = False
            return
        state = await self._session.backend.check_lock(platform, lease.exit_name, "", self._session.owner)
        if state is LockState.OPEN:
            cause = f"{platform} is locked for exit {lease.exit_name} or for all (scrapy locks list)"
            raise RequestRefused("LOCKED", "blocked", cause=cause)
        request.meta["is_probe"] = state is LockState.HALF_OPEN
        if state is LockState.CLOSED:
            self._closed_until[lease.exit_name] = time.monotonic() + LOCK_BELIEVED_SECONDS

    async def _spend_page(self) -> None:
        limit = self._session.config.page_budget()
        if limit and not await self._session.backend.spend_page(self._session.platform.name, limit):
            cause = f"today's {limit} pages of {self._session.platform.name} are spent (DAILY_PAGE_BUDGET)"
            raise RequestRefused("BUDGET_SPENT", "budget_spent", cause=cause)
