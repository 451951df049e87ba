"""robots.txt, asked unsigned through the same exit and gate. An error or a block page is a stop, never a permission."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, Self

from scrapy import Request
from scrapy.exceptions import NotConfigured
from scrapy.http.request import NO_CALLBACK

from jobdata_scrapy import stats as keys
from jobdata_scrapy.exceptions import JobDataError, RequestRefused, RobotsUnreadable
from jobdata_scrapy.platform import Answer, PageKind
from jobdata_scrapy.robots import read_rules, robots_url
from jobdata_scrapy.run_session import session_of

if TYPE_CHECKING:
    from protego import Protego
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)
KEPT_SECONDS = 24 * 3600.0  # longer they should not be used: https://www.rfc-editor.org/rfc/rfc9309#section-2.4


class RobotsMiddleware:
    """Refuses what robots.txt refuses (`robots_disallowed`); asks once a run, and in a run of days once a day.

    ROBOTSTXT_OBEY = False turns it off, knowingly. `monotonic` returns seconds that only grow.
    """

    def __init__(self, crawler: Crawler, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._crawler, self._monotonic = crawler, monotonic
        self._agent = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["USER_AGENT"]
        self._rules: dict[str, tuple[float, asyncio.Task[Protego | None]]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured("ROBOTSTXT_OBEY is off")
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        base_url = request.meta.get("base_url")
        if base_url is None or request.meta.get("is_robots"):
            return
        rules = await self._find_rules(base_url)
        if rules is not None and not rules.can_fetch(request.url, self._agent):
            self._refuse(f"robots.txt of {base_url} refuses {request.url.partition('?')[0]}")

    async def _find_rules(self, base_url: str) -> Protego | None:
        """The rules that were fetched within the last day. What could not be fetched is not kept: the next request asks again."""
        fetched_at, fetch = self._rules.get(base_url, (0.0, None))
        if fetch is None or self._monotonic() - fetched_at >= KEPT_SECONDS:
            fetch = asyncio.ensure_future(self._fetch_rules(base_url))
            self._rules[base_url] = self._monotonic(), fetch
        try:
            return await asyncio.shield(fetch)
        except Exception:
            if self._rules.get(base_url, (0.0, None))[1] is fetch:
                del self._rules[base_url]
            raise

    async def _fetch_rules(self, base_url: str) -> Protego | None:
        """The site's rules; None where it has no robots.txt."""
        url = robots_url(base_url)
        ask = Request(url, callback=NO_CALLBACK, dont_filter=True, meta={"is_robots": True, "base_url": base_url})
        try:
            response = await self._crawler.engine.download_async(ask)
        except JobDataError:  # the run ends, the site cannot be reached, a setting is wrong: that is not robots.txt's word
            raise
        except Exception as error:
            self._unreadable(f"{url} could not be read: {type(error).__name__}")
        answer = Answer(response.status, {"content-type": "text/html"}, response.body, PageKind.SEARCH, url)
        try:
            rules = read_rules(answer, session_of(self._crawler).platform.verdict)
        except RobotsUnreadable as unreadable:
            self._unreadable(str(unreadable))
        if rules is None:
            logger.info("%s: there is none, everything is allowed", url)
        return rules

    def _unreadable(self, why: str) -> NoReturn:
        self._crawler.stats.inc_value(keys.ROBOTS_UNREADABLE)
        self._refuse(f"{why}; that is no permission")

    def _refuse(self, why: str) -> NoReturn:
        logger.error("%s", why)
        self._crawler.stats.inc_value(keys.ROBOTS_REFUSED)
        raise RequestRefused("ROBOTS_DISALLOWED", "robots_disallowed", cause=why)
