"""Marks postings that an earlier page of the same round had already. Removes nothing: a feed would miss them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy.exceptions import NotConfigured

from jobdata_scrapy.items import Page
from jobdata_scrapy.page_steps import mark_repeats
from jobdata_scrapy.platform import PageKind
from jobdata_scrapy.run_session import RunSession, session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class DedupPipeline:
    """Remembers the ids of the rounds under way only: a round is bounded by its site's result cap, a run is not.

    What earlier runs saw of a resumed round counts, too.
    """

    def __init__(self, session: RunSession) -> None:
        self._session = session
        self._seen: dict[str, set[str]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("DEDUP_ENABLED", True):
            raise NotConfigured("DEDUP_ENABLED is off")
        return cls(session_of(crawler))

    def process_item(self, page: Page) -> Page:
        if page.page_kind == PageKind.SEARCH:
            if page.round not in self._seen:
                self._seen[page.round] = set(self._session.memory.sighted.pop(page.round, ()))
            mark_repeats(page, self._seen[page.round])
            if page.last:
                del self._seen[page.round]
        return page
