"""Stores the page in ClickHouse: look-up of known ids and INSERT as one retryable step. Durable when it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy.exceptions import NotConfigured

from jobdata_scrapy import stats as keys
from jobdata_scrapy.items import Page, RowState
from jobdata_scrapy.run_session import RunSession, session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector


class ClickHousePipeline:
    def __init__(self, session: RunSession, stats: StatsCollector) -> None:
        self._session = session
        self._stats = stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        session = session_of(crawler)
        if not crawler.settings.getbool("CLICKHOUSE_ENABLED", True):
            session.stores = False
            raise NotConfigured("CLICKHOUSE_ENABLED is off: nothing is stored")
        return cls(session, crawler.stats)

    async def process_item(self, page: Page) -> Page:
        page.stored = await self._session.store(page)
        written = sum(company.state in (RowState.NEW, RowState.CHANGED) for company in page.companies)
        self._stats.inc_value(keys.COMPANY_SEEN, len(page.companies))
        self._stats.inc_value(keys.COMPANY_WRITTEN, written)
        return page
