"""JobSpider: the crawl loop that every site shares. What differs is the site's `Platform`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import scrapy
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)

from jobdata_scrapy import stats as keys
from jobdata_scrapy.answers import keep_answer
from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.exceptions import ConfigError, ParseError, RequestRefused, SignerError, StorageError
from jobdata_scrapy.exits import configured_exit
from jobdata_scrapy.items import Job, Page, StoredPage
from jobdata_scrapy.js_signer import JsSigner
from jobdata_scrapy.platform import PageKind, Platform, Query, RequestSpec, SearchPage, Verdict
from jobdata_scrapy.run_session import RunSession, session_of
from jobdata_scrapy.verdict_policy import TABLE, Action, decide
from spiders.arguments import read_arguments
from spiders.details import read_details

if TYPE_CHECKING:
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

DOWNLOAD_ERRORS = (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
SITE_DOWN_AFTER = 3


@dataclass(slots=True)
class Search:
    """One pass over one search: its query, the ledger's round, and how far it goes (see `CrawlArguments`)."""

    query: Query
    round: str
    pages: int
    details: bool


class JobSpider(scrapy.Spider):
    """A site's spider is a subclass with `name` and `platform`; arguments: see `spiders.arguments`."""

    platform: ClassVar[Platform]

    def __init__(self, name: str | None = None, **arguments: str) -> None:
        super().__init__(name)
        self.given = arguments  # checked by `check` before, read in start()

    @classmethod
    def check(cls, arguments: Mapping[str, str], settings: BaseSettings) -> None:
        """Refuses wrong arguments and missing credentials. Raises ArgumentError or ConfigError, naming argument or setting."""
        config = Config.from_settings(settings)
        read_arguments(cls.platform, arguments, config)
        platform = cls.platform
        if platform.token_required and not secret_value(settings.get(platform.token_setting)):
            raise ConfigError(f"{platform.token_setting}: is missing; {platform.title} answers only with your session token")
        if platform.script_setting and settings.get(platform.script_setting):
            JsSigner(settings[platform.script_setting], platform.script_setting).close()
        configured_exit(config)

    @property
    def session(self) -> RunSession:
        return session_of(self.crawler)

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """One request a search; the next search begins when fewer than KEYWORDS_IN_HAND are under way."""
        self.check(self.given, self.crawler.settings)
        arguments = read_arguments(self.platform, self.given, self.session.config)
        in_hand = asyncio.Semaphore(self.session.config.keywords_in_hand)
        try:
            await self.session.open(self.given)
            for query in arguments.queries:
                await in_hand.acquire()  # start() is consumed without back-pressure
                coverage = await self.session.open_round(query)
                self.session.on_round_end(coverage.round, in_hand.release)
                yield self.search_request(Search(query, coverage.round, arguments.pages, arguments.details), 1)
        except StorageError as error:
            self.logger.error("%s", error)
            self.session.errors.append(str(error))
            self.close_soon("storage_down")

    def search_request(self, search: Search, number: int) -> scrapy.Request:
        """The request for one list page. Pages are addressed by the ledger: no duplicate filter."""
        self.session.rounds[search.round].pages_asked = number
        spec = self.platform.search_request(search.query, number)
        request = self.make_request(spec, page_number=number, query=search.query)
        return request.replace(callback=self.parse_search, errback=self.search_failed, cb_kwargs={"search": search})

    def make_request(self, spec: RequestSpec, **meta: Any) -> scrapy.Request:
        """A Scrapy request for a spec; it keeps the unsigned address, the download handler puts the signed one on the wire."""
        base_url = self.session.config.base_url(self.platform.name, self.platform.base_url)
        meta |= {"platform": self.platform.name, "page_kind": spec.page_kind, "spec": spec, "base_url": base_url}
        return scrapy.Request(spec.url(base_url), method=spec.method, body=spec.body, meta=meta, dont_filter=True)

    async def parse_search(self, response: Response, search: Search) -> AsyncIterator[Page | scrapy.Request]:
        """Yields the page, awaits its outcome, asks its details, and only then asks for the next page."""
        number = response.meta["page_number"]
        try:
            parsed = self.platform.parse_search(response.body, number)
        except ParseError as error:
            yield await self.ask_again_or_fail(response, search, error)
            return
        stop = stop_reason(parsed, number, search.pages)
        page = self.make_page(search, number, parsed, last=bool(stop))
        yield page
        try:
            stored = await self.outcome_of(page)
            if search.details:
                async for detail in read_details(self, search, select_jobs(page, stored.missing_details)):
                    yield detail
        except StorageError:
            await self.stop_search(search, "storage_down", "storage_down")
            return
        except RequestRefused as refused:
            await self.stop_search(search, refused.verdict.lower(), refused.close_reason)
            return
        if stop:
            await self.session.end_round(search.round, stop, failed=False)
        else:
            yield self.search_request(search, number + 1)

    def make_page(self, search: Search, number: int, parsed: SearchPage, *, last: bool) -> Page:
        """The item of a list page."""
        self.crawler.stats.inc_value(keys.POSTING_SKIPPED, parsed.skipped)
        if parsed.capped:
            self.crawler.stats.inc_value(keys.labelled(keys.VERDICT_COUNT, verdict=Verdict.CAPPED))
        page = self.new_page(search, PageKind.SEARCH, number)
        page.jobs, page.rejected, page.total = parsed.jobs, parsed.rejected, parsed.total
        page.capped, page.last = parsed.capped, last
        return page

    def new_page(self, search: Search, kind: PageKind, number: int) -> Page:
        """An empty page of a search, counted as yielded, with an outcome to await."""
        self.crawler.stats.inc_value(keys.PAGE_YIELDED)
        return Page(
            platform=self.platform.name,
            page_kind=kind,
            keyword=search.query.keyword,
            city=search.query.city,
            round=search.round,
            run_id=self.session.run.run_id,
            number=number,
            fetched_at=self.session.clock(),
            parser_version=self.platform.parser_version,
            outcome=asyncio.get_running_loop().create_future(),
        )

    async def fetch(self, spec: RequestSpec) -> Response:
        """One answer outside the paging, through the same middlewares. Raises RequestRefused, for a lost connection, too."""
        try:
            return await self.crawler.engine.download_async(self.make_request(spec))
        except DOWNLOAD_ERRORS as error:
            raise RequestRefused(Verdict.SERVER_ERROR, "") from error

    async def outcome_of(self, page: Page) -> StoredPage:
        """Waits until the page is stored and reported. Raises StorageError when it was not, or was dropped or cancelled."""
        assert page.outcome is not None  # noqa: S101 - set in new_page
        return await asyncio.shield(page.outcome)

    async def ask_again_or_fail(self, response: Response, search: Search, error: ParseError) -> scrapy.Request | None:
        """A changed layout: the page is not counted as read; asked again a few times, then kept, and the run ends."""
        verdict = Verdict.LAYOUT_CHANGED
        self.crawler.stats.inc_value(keys.labelled(keys.VERDICT_COUNT, verdict=verdict))
        self.session.tally.add_answer(verdict, None)
        attempts = response.meta.get("verdict_attempts", {})
        if decide(verdict, attempts.get(verdict, 0)) is Action.AGAIN:
            self.crawler.stats.inc_value(keys.labelled(keys.ANOMALY_RETRY_COUNT, verdict=verdict))
            again = response.request.replace(dont_filter=True)
            again.meta["verdict_attempts"] = {**attempts, verdict: attempts.get(verdict, 0) + 1}
            return again
        self.crawler.stats.inc_value(keys.labelled(keys.ANOMALY_GIVEUP_COUNT, verdict=verdict))
        self.session.errors.append(str(error))
        self.keep(response.body, search, response.meta["page_number"])
        await self.stop_search(search, verdict.lower(), TABLE[verdict].close_reason)
        return None

    async def search_failed(self, failure: Failure) -> None:
        """The errback: a request that ended without an answer to parse ends its search."""
        request = failure.request  # type: ignore[attr-defined]
        search, error = request.cb_kwargs["search"], failure.value
        self.logger.error("%s %s: %s: %s", search.query.keyword, search.query.city, type(error).__name__, error)
        if isinstance(error, RequestRefused) and error.verdict == Verdict.LAYOUT_CHANGED:
            self.keep(error.body, search, request.meta["page_number"])
        if isinstance(error, SignerError):
            await self.stop_search(search, "sign_failed", "sign_rejected")
        elif isinstance(error, RequestRefused) and error.verdict != Verdict.SERVER_ERROR:
            await self.stop_search(search, error.verdict.lower(), error.close_reason)
        else:
            await self.stop_search(search, "server_error", self.site_down_reason())

    def site_down_reason(self) -> str:
        """`site_down` when as many searches as that (or all there are) failed on a site that answers nothing."""
        failed = 1 + sum(coverage.stop_reason == "server_error" for coverage in self.session.rounds.values())
        return "site_down" if failed >= min(SITE_DOWN_AFTER, len(self.session.rounds)) else ""

    async def stop_search(self, search: Search, why: str, close_reason: str) -> None:
        """Ends a search that was not read to its end; closes the run where the reason is the site's or the store's."""
        await self.session.end_round(search.round, why, failed=True)
        if close_reason:
            self.close_soon(close_reason)

    def keep(self, body: bytes, search: Search, number: int) -> None:
        """Keeps an answer that could not be understood, personal fields out."""
        name = f"{search.round.rpartition('.')[2]}-{number}.json"
        path = keep_answer(self.session.answers_folder, name, body, self.platform)
        self.logger.error("The answer could not be understood; kept in %s", path)

    def close_soon(self, reason: str) -> None:
        """Closes the run with a named reason, without waiting: it ends only after the callback that asked for it."""
        closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=reason))
        closing.add_done_callback(asyncio.Future.exception)


def stop_reason(parsed: SearchPage, number: int, limit: int) -> str:
    """Why paging ends with this page: "end" (the site's), "pages_limit" (the user's), or "" while it goes on."""
    if parsed.next_page is None:
        return "end"
    return "pages_limit" if limit and number >= limit else ""


def select_jobs(page: Page, job_ids: Iterable[str]) -> list[Job]:
    """The postings of the page with these ids, in their order on the page."""
    wanted = set(job_ids)
    return [job for job in page.jobs if job.job_id in wanted]
