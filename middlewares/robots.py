"""robots.txt, asked unsigned through the same exit and gate. An error or a block page is a stop, never a permission."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from protego import Protego
from scrapy import Request
from scrapy.exceptions import NotConfigured
from scrapy.http.request import NO_CALLBACK

from jobdata_scrapy import stats as keys
from jobdata_scrapy.exceptions import RequestRefused
from jobdata_scrapy.platform import Answer, PageKind, Verdict

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

from jobdata_scrapy.run_session import session_of

logger = logging.getLogger(__name__)

ABSENT_STATUSES = (404, 410)
NOT_FOUND_WORDS = ("404", "not found", "页面不存在", "找不到")
BLOCKING = frozenset(Verdict) - {Verdict.OK, Verdict.EMPTY, Verdict.LAYOUT_CHANGED, Verdict.GONE}


class RobotsMiddleware:
    """Refuses what robots.txt refuses (`robots_disallowed`); asks once a run. ROBOTSTXT_OBEY = False turns it off, knowingly."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._agent = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["USER_AGENT"]
        self._rules: dict[str, asyncio.Task[Protego | None]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured("ROBOTSTXT_OBEY is off")
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        base_url = request.meta.get("base_url")
        if base_url is None or request.meta.get("is_robots"):
            return
        if base_url not in self._rules:
            self._rules[base_url] = asyncio.ensure_future(self._fetch_rules(base_url))
        rules = await asyncio.shield(self._rules[base_url])
        if rules is not None and not rules.can_fetch(request.url, self._agent):
            self._refuse(f"robots.txt of {base_url} refuses {request.url.partition('?')[0]}")

    async def _fetch_rules(self, base_url: str) -> Protego | None:
        """The site's rules; None where it has no robots.txt."""
        url = base_url.rstrip("/") + "/robots.txt"
        ask = Request(url, callback=NO_CALLBACK, dont_filter=True, meta={"is_robots": True, "base_url": base_url})
        try:
            response = await self._crawler.engine.download_async(ask)
        except RequestRefused:  # the run ends, the proxy refuses, the site cannot be reached
            raise
        except Exception as error:
            self._unreadable(f"{url} could not be read: {type(error).__name__}")
        text = response.body.decode("utf-8", "replace")
        if response.status in ABSENT_STATUSES or self._is_soft_404(response, text):
            logger.info("%s: there is none, everything is allowed", url)
            return None
        if response.status != 200:
            self._unreadable(f"{url} answered HTTP {response.status}")
        if text.lstrip().startswith("<"):
            self._unreadable(f"{url} answered a page instead of rules")
        return Protego.parse(text)

    def _is_soft_404(self, response: Response, text: str) -> bool:
        """A 'not found' page sent with HTTP 200 (51job does), unless the site's own block detection knows it as a block."""
        if response.status != 200 or not text.lstrip().startswith("<"):
            return False
        answer = Answer(200, {"content-type": "text/html"}, response.body, PageKind.SEARCH, response.url)
        if session_of(self._crawler).platform.verdict(answer) in BLOCKING:
            return False
        return any(word in text.lower() for word in NOT_FOUND_WORDS)

    def _unreadable(self, why: str) -> None:
        self._crawler.stats.inc_value(keys.ROBOTS_UNREADABLE)
        self._refuse(f"{why}; that is no permission")

    def _refuse(self, why: str) -> None:
        logger.error("%s", why)
        self._crawler.stats.inc_value(keys.ROBOTS_REFUSED)
        raise RequestRefused("ROBOTS_DISALLOWED", "robots_disallowed", cause=why)
