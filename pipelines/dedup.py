"""Marks postings that an earlier page of the same round had already. Removes nothing: a feed would miss them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy.exceptions import NotConfigured

from jobdata_scrapy.items import Page
from jobdata_scrapy.page_steps import mark_repeats
from jobdata_scrapy.platform import PageKind

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class DedupPipeline:
    """Remembers the ids of the rounds under way only: a round is bounded by its site's result cap, a run is not."""

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("DEDUP_ENABLED", True):
            raise NotConfigured("DEDUP_ENABLED is off")
        return cls()

    def process_item(self, page: Page) -> Page:
        if page.page_kind == PageKind.SEARCH:
            mark_repeats(page, self._seen.setdefault(page.round, set()))
            if page.last:
                del self._seen[page.round]
        return page
