"""Moves postings that cannot be kept to `page.rejected`, each alone, with field and reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy.exceptions import NotConfigured

from jobdata_scrapy import stats as keys
from jobdata_scrapy.items import Page
from jobdata_scrapy.page_steps import validate_page

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector


class ValidatePipeline:
    def __init__(self, stats: StatsCollector) -> None:
        self._stats = stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("VALIDATE_ENABLED", True):
            raise NotConfigured("VALIDATE_ENABLED is off")
        return cls(crawler.stats)

    def process_item(self, page: Page) -> Page:
        validate_page(page)
        for rejected in page.rejected:  # the parser's refusals, too
            self._stats.inc_value(keys.labelled(keys.VALIDATE_REJECTED_COUNT, field=rejected.field))
        return page
