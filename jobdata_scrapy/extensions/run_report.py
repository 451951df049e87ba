"""Opens the run's end: catches what gives no outcome, closes the run in order, judges it, prints and stores its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy import signals

from jobdata_scrapy import stats as keys
from jobdata_scrapy.exceptions import PageFailed, StorageError
from jobdata_scrapy.extensions.run_console import RunConsole
from jobdata_scrapy.items import Page
from jobdata_scrapy.report.terminal import print_report
from jobdata_scrapy.run_session import RunSession, session_of
from jobdata_scrapy.run_spool import spool_stats

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector
    from twisted.python.failure import Failure


class RunReportExtension:
    def __init__(self, session: RunSession, stats: StatsCollector, console: RunConsole) -> None:
        self._session = session
        self._stats = stats
        self._console = console

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(session_of(crawler), crawler.stats, RunConsole())
        connect = crawler.signals.connect
        connect(extension.item_error, signals.item_error)
        connect(extension.item_dropped, signals.item_dropped)
        connect(extension.spider_error, signals.spider_error)
        connect(extension.request_dropped, signals.request_dropped)
        connect(extension.spider_closed, signals.spider_closed)
        return extension

    def item_error(self, item: Page, failure: Failure) -> None:
        self._fail_page(item, failure.value)

    def item_dropped(self, item: Page, exception: BaseException) -> None:
        self._fail_page(item, exception)

    def _fail_page(self, page: Page, error: BaseException) -> None:
        self._stats.inc_value(keys.PAGE_FAILED)
        self._session.errors.append(f"page {page.number} of {page.keyword!r} was not stored: {type(error).__name__}: {error}")
        if page.outcome is not None and not page.outcome.done():
            known = isinstance(error, StorageError)
            page.outcome.set_exception(error if known else PageFailed(f"{type(error).__name__}: {error}"))

    def spider_error(self, failure: Failure) -> None:
        self._session.errors.append(f"the spider failed: {failure.type.__name__}: {failure.getErrorMessage()}")

    def request_dropped(self, request: Request) -> None:
        number, query = request.meta.get("page_number"), request.meta.get("query")
        if query is not None:
            self._session.errors.append(f"page {number} of {query.keyword!r} was dropped by the scheduler")
            self._session.release(request.cb_kwargs["search"].round)

    async def spider_closed(self, spider: Spider, reason: str) -> None:
        closed = await self._session.close(reason, self._stats.get_stats())
        for key, value in spool_stats(self._session.spool).items():
            self._stats.set_value(key, value)
        self._stats.set_value(keys.RUN_STATE, closed.judgement.state)
        self._stats.set_value(keys.RUN_EXIT_CODE, closed.judgement.exit_code)
        print_report(closed.report, self._console, html_path=closed.html_path)
