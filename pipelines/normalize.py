"""Fills the normalised fields of every posting; what cannot be read is counted and stays raw text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy.exceptions import NotConfigured

from jobdata_scrapy import stats as keys
from jobdata_scrapy.items import Page
from jobdata_scrapy.page_steps import normalize_page
from jobdata_scrapy.report.tally import Tally
from jobdata_scrapy.run_session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector


class NormalizePipeline:
    def __init__(self, tally: Tally, stats: StatsCollector) -> None:
        self._tally = tally
        self._stats = stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("NORMALIZE_ENABLED", True):
            raise NotConfigured("NORMALIZE_ENABLED is off")
        return cls(session_of(crawler).tally, crawler.stats)

    def process_item(self, page: Page) -> Page:
        for field, text in normalize_page(page):
            self._stats.inc_value(keys.labelled(keys.NORMALIZE_UNREADABLE_COUNT, field=field))
            self._tally.add_unreadable(field, text)
        return page
