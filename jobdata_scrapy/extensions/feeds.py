"""Scrapy's feed exporter, but a feed that cannot be written is an error of the run: Scrapy logs it, and the run stays green."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Self

from scrapy.exceptions import NotConfigured
from scrapy.extensions import feedexport

from jobdata_scrapy.report.text import hide_url_credentials
from jobdata_scrapy.run_session import session_of

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)
FAILED_PREFIX = "feedexport/failed_count/"


class FeedExporter(feedexport.FeedExporter):
    """The run is judged once the feeds are closed. One that failed is written no further: rows behind a gap would hide it."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._errors = session_of(crawler).errors
        self._closed = asyncio.Event()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Raises NotConfigured where no feed is asked for, and, as an error of the run, where Scrapy takes none of them."""
        try:
            exporter = super().from_crawler(crawler)
        except NotConfigured:
            if crawler.settings["FEEDS"] or crawler.settings["FEED_URI"]:
                session_of(crawler).errors.append("no feed is written: Scrapy does not take what was asked for, its log says why")
            raise
        session_of(crawler).on_release(exporter._wait_until_closed)
        return exporter

    def open_spider(self, spider: Spider) -> None:
        try:
            super().open_spider(spider)
        except Exception as error:
            self._fail(", ".join(self.feeds), error)

    def item_scraped(self, item: Any, spider: Spider) -> None:
        slots, healthy = self.slots, []
        for slot in slots:
            self.slots = [slot]
            try:
                super().item_scraped(item, spider)
                healthy += self.slots
            except Exception as error:
                self._fail(slot.uri, error)
        self.slots = healthy

    async def close_spider(self, spider: Spider) -> None:
        try:
            await super().close_spider(spider)
        finally:
            self._closed.set()

    async def _close_slot(self, slot: feedexport.FeedSlot, spider: Spider) -> None:
        try:
            await super()._close_slot(slot, spider)
        except Exception as error:
            self._fail(slot.uri, error)

    async def _wait_until_closed(self) -> None:
        await self._closed.wait()
        assert self.crawler.stats is not None  # noqa: S101 - set before components are made
        if any(key.startswith(FAILED_PREFIX) for key in self.crawler.stats.get_stats()):
            self._fail(", ".join(self.feeds), OSError("one of them could not be stored, the log says why"))

    def _fail(self, uris: str, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        line = f"the feed {hide_url_credentials(uris)} could not be written: {reason}; rows of this run are missing there"
        logger.error("%s", line)
        self._errors.append(line)
