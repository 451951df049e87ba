"""Exit and pace: picks the way out of every request and holds it at the pace gate until its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from jobdata_scrapy import stats as keys
from jobdata_scrapy.exits import Exit, configured_exit
from jobdata_scrapy.run_session import RunSession, session_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.statscollectors import StatsCollector


class ProxyMiddleware:
    """Always overwrites `proxy` and `download_slot`, also on a retry; one request of a (site, exit) pair at a time."""

    def __init__(self, session: RunSession, exit_: Exit, stats: StatsCollector) -> None:
        self._session = session
        self._exit = exit_
        self._stats = stats
        self._slot = f"{session.platform.name}|{exit_.name}"

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        session = session_of(crawler)
        assert crawler.stats is not None  # noqa: S101 - set before components are made
        return cls(session, configured_exit(session.config), crawler.stats)

    async def process_request(self, request: Request) -> None:
        request.headers.pop("Proxy-Authorization", None)
        request.meta["proxy"] = self._exit.proxy_url
        request.meta["download_slot"] = self._slot
        waited = await self._session.gate.enter(self._slot, request.meta.pop("pause_at_least", 0.0))
        request.meta["holds_gate"] = True
        self._stats.inc_value(keys.labelled(keys.PROXY_REQUESTS_COUNT, exit=self._exit.name))
        self._stats.inc_value(keys.PROXY_WAITED_SECONDS, waited)

    def process_response(self, request: Request, response: Response) -> Response:
        self._leave(request)
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        self._leave(request)

    def _leave(self, request: Request) -> None:
        if request.meta.pop("holds_gate", False):
            self._session.gate.leave(self._slot)
