"""The last step of a page: reports it to the coverage ledger and sets its outcome, which the spider awaits. Has no off-switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from jobdata_scrapy import stats as keys
from jobdata_scrapy.items import Page, RowState, StoredPage
from jobdata_scrapy.platform import PageKind
from jobdata_scrapy.run_session import RunSession, session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector


class LedgerPipeline:
    def __init__(self, session: RunSession, stats: StatsCollector) -> None:
        self._session = session
        self._stats = stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(session_of(crawler), crawler.stats)

    async def process_item(self, page: Page) -> Page:
        if page.stored is None:  # CLICKHOUSE_ENABLED is off: every good posting counts as new
            good = [job.job_id for job in page.jobs if job.state is not RowState.REPEATED]
            page.stored = StoredPage(new=len(good), missing_details=tuple(good) if page.asks_details else ())
        if page.page_kind == PageKind.SEARCH:
            await self._session.report_page(page)
            self._count(page, page.stored)
        else:
            self._stats.inc_value(keys.DETAIL_STORED, len(page.jobs))
        self._session.tally.add_page(page)
        self._stats.inc_value(keys.PAGE_STORED)
        if page.outcome is not None and not page.outcome.done():
            page.outcome.set_result(page.stored)
        return page

    def _count(self, page: Page, stored: StoredPage) -> None:
        increase = self._stats.inc_value
        increase(keys.LEDGER_REPORTED)
        increase(keys.POSTING_SEEN, page.seen)
        increase(keys.POSTING_NEW, stored.new)
        increase(keys.POSTING_CHANGED, stored.changed)
        increase(keys.POSTING_UNCHANGED, stored.unchanged)
        increase(keys.POSTING_REPEATED, page.repeated)
        increase(keys.POSTING_REJECTED, len(page.rejected))
