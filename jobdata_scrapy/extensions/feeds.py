"""Scrapy's feed exporter, but a feed that cannot be written is an error of the run: Scrapy logs it, and the run stays green."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals
from scrapy.extensions import feedexport

from jobdata_scrapy.report.text import hide_url_credentials
from jobdata_scrapy.run_session import RunSession, session_of

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)
FAILED_PREFIX = "feedexport/failed_count/"


class FeedExporter(feedexport.FeedExporter):
    """Closes the feeds before the run is judged. After a failure none is written any further: rows behind a gap would hide it."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._session: RunSession = session_of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        exporter = cls(crawler)
        crawler.signals.connect(exporter.open_spider, signals.spider_opened)
        crawler.signals.connect(exporter.item_scraped, signals.item_scraped)
        exporter._session.on_release(exporter._finish)
        return exporter

    def item_scraped(self, item: Any, spider: Spider) -> None:
        try:
            super().item_scraped(item, spider)
        except Exception as error:
            self._fail(error)
            self.slots = []

    async def _close_slot(self, slot: feedexport.FeedSlot, spider: Spider) -> None:
        try:
            await super()._close_slot(slot, spider)
        except Exception as error:
            self._fail(error)

    async def _finish(self) -> None:
        assert self.crawler.spider is not None  # noqa: S101 - its run is being closed
        assert self.crawler.stats is not None  # noqa: S101 - set before components are made
        await self.close_spider(self.crawler.spider)
        if any(key.startswith(FAILED_PREFIX) for key in self.crawler.stats.get_stats()):
            self._fail(OSError("see the log"))

    def _fail(self, error: Exception) -> None:
        names = ", ".join(hide_url_credentials(uri) for uri in self.feeds)
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        line = f"the feed {names} could not be written: {reason}; rows of this run are missing there"
        logger.error("%s", line)
        self._session.errors.append(line)
