"""Removes recruiters' personal data before anything is stored or written to a feed. Has no off-switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from jobdata_scrapy import stats as keys
from jobdata_scrapy.items import Page
from jobdata_scrapy.page_steps import strip_personal
from jobdata_scrapy.platform import Platform
from jobdata_scrapy.run_session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector


class PrivacyPipeline:
    def __init__(self, platform: Platform, stats: StatsCollector) -> None:
        self._platform = platform
        self._stats = stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(session_of(crawler).platform, crawler.stats)

    def process_item(self, page: Page) -> Page:
        dropped, masked = strip_personal(page, self._platform)
        self._stats.inc_value(keys.PRIVACY_DROPPED, dropped)
        self._stats.inc_value(keys.PRIVACY_MASKED, masked)
        return page
