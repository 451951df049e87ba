"""Exit and pace: picks the way out of every request and holds it until its turn; keeps off what is locked or spent."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Self

from scrapy.utils.misc import load_object

from jobdata_scrapy import stats as keys
from jobdata_scrapy.exceptions import JobDataError, RequestRefused
from jobdata_scrapy.exit_health import Outcome
from jobdata_scrapy.leases import ExitLease, LockCheck, LockState
from jobdata_scrapy.run_session import RunSession, session_of
from middlewares.retry_after import read_retry_after

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.statscollectors import StatsCollector

logger = logging.getLogger(__name__)

PROXY_AUTHENTICATION_REQUIRED = 407
SERVER_ERRORS = 500
LOCK_BELIEVED_SECONDS = 1.0  # less than any pause: only a crawl without one asks less often than each time


class ProxyMiddleware:
    """Always overwrites `proxy` and `download_slot`, also on a retry; one request of a (site, exit) pair at a time."""

    def __init__(self, session: RunSession, stats: StatsCollector, lost: tuple[type[Exception], ...]) -> None:
        """lost: what a request ends in that brought no answer."""
        self._session = session
        self._stats = stats
        self._lost = lost
        self._closed_until: dict[tuple[str, str], float] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        assert crawler.stats is not None  # noqa: S101 - set before components are made
        lost = tuple(map(load_object, crawler.settings.getlist("RETRY_EXCEPTIONS")))
        return cls(session_of(crawler), crawler.stats, lost)

    async def process_request(self, request: Request) -> None:
        request.headers.pop("Proxy-Authorization", None)
        began = self._session.clock()
        try:
            while (lease := await self._take_exit(request)) is None:
                pass
        finally:
            now = self._session.clock()
            self._session.round_clock.set_apart(request.meta.get("round", ""), now - request.meta.pop("queued_at", began))
        self._stats.inc_value(keys.PROXY_WAITED_SECONDS, (now - began).total_seconds())
        await self._spend_page()
        self._stats.inc_value(keys.labelled(keys.PROXY_REQUESTS_COUNT, exit=lease.exit_name))

    async def process_response(self, request: Request, response: Response) -> Request | Response:
        hold = read_retry_after(response, self._session.clock().timestamp())
        await self._leave(request, Outcome.FAILED if response.status >= SERVER_ERRORS else Outcome.ANSWERED, hold)
        if "page_kind" not in request.meta:  # robots.txt: nobody judges it, the next page is the probe
            self._end_probe(request)
        if response.status == PROXY_AUTHENTICATION_REQUIRED and request.meta["proxy"]:  # the proxy's word, not the site's
            return await self._go_round(request)
        return response

    async def process_exception(self, request: Request, exception: Exception) -> None:
        unsent = isinstance(exception, JobDataError)  # ours, from before it left
        await self._leave(
            request, Outcome.UNSENT if unsent else Outcome.LOST if isinstance(exception, self._lost) else Outcome.FAILED
        )
        self._end_probe(request)

    async def _take_exit(self, request: Request) -> ExitLease | None:
        """The request's way out, its turn come; None for one that is locked for the site, while there are others."""
        session, exits = self._session, self._session.leases.exits
        lease = await exits.acquire()
        request.meta.update(exit=lease, holds_exit=True, proxy=lease.proxy_url)
        request.meta.update(download_slot=exits.key(lease), exit_session=exits.session(lease))
        locks = await self._check_locks(lease)
        if locks.state is not LockState.OPEN:
            request.meta["probed_locks"] = locks.keys
            return lease
        if session.platform.name in locks.keys or not await session.backend.count_exits(session.platform.name):
            raise RequestRefused("LOCKED", "blocked", cause=f"locked: {', '.join(locks.keys)} (scrapy locks list)")
        request.meta["holds_exit"] = False
        await exits.give_back(lease)
        return None

    async def _check_locks(self, lease: ExitLease) -> LockCheck:
        session, token = self._session, self._session.leases.tokens.token_of(lease.exit_name)
        way = (lease.exit_name, token.name if token else "")
        if self._closed_until.get(way, 0.0) > time.monotonic():
            return LockCheck(LockState.CLOSED)
        locks = await session.probe.check(lambda: session.backend.check_lock(session.platform.name, *way, session.owner))
        if locks.state is LockState.CLOSED:
            self._closed_until[way] = time.monotonic() + LOCK_BELIEVED_SECONDS
        return locks

    async def _go_round(self, request: Request) -> Request:
        """The request once more, through another exit than the proxy that refuses us. Raises RequestRefused without one."""
        lease: ExitLease = request.meta["exit"]
        cause = f"the proxy {lease.exit_name} refuses the user name or password it was given"
        self._end_probe(request)
        await self._session.leases.exits.cool(lease, cause)
        if not await self._session.backend.count_exits(self._session.platform.name):
            raise RequestRefused("PROXY_REFUSED", "no_proxy_left", cause=cause)
        logger.warning("exit %s: %s", lease.exit_name, cause)
        return request.replace(dont_filter=True)

    async def _leave(self, request: Request, outcome: Outcome, hold_seconds: float = 0.0) -> None:
        if request.meta.pop("holds_exit", False):
            await self._session.leases.exits.leave(request.meta["exit"], outcome, hold_seconds=hold_seconds)

    def _end_probe(self, request: Request) -> None:
        """A probe that brought no answer of the site's; what one brought is judged in `measures`."""
        if request.meta.pop("probed_locks", ()):
            self._session.probe.end()

    async def _spend_page(self) -> None:
        limit = self._session.config.page_budget()
        if limit and not await self._session.backend.spend_page(self._session.platform.name, limit):
            cause = f"today's {limit} pages of {self._session.platform.name} are spent (DAILY_PAGE_BUDGET)"
            raise RequestRefused("BUDGET_SPENT", "budget_spent", cause=cause)
