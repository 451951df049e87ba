"""JobSpider: the crawl loop that every site shares. What differs is the site's `Platform`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import scrapy
from scrapy.settings import default_settings

from jobdata_scrapy import stats as keys
from jobdata_scrapy.anomaly_watch import count_verdict, watch_length
from jobdata_scrapy.answers import keep_answer
from jobdata_scrapy.backend import open_backend
from jobdata_scrapy.browser import check_browser
from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.exceptions import (
    ConfigError,
    Drained,
    LeaseLost,
    PageFailed,
    ParseError,
    RequestRefused,
    SignerError,
    StorageError,
)
from jobdata_scrapy.exit_sources import read_exits
from jobdata_scrapy.items import Job, Page, StoredPage
from jobdata_scrapy.js_signer import JsSigner
from jobdata_scrapy.platform import PageKind, Platform, RequestSpec, SearchPage, Verdict
from jobdata_scrapy.run_session import RunSession, session_of
from jobdata_scrapy.scrapy_settings import check_scrapy_settings
from jobdata_scrapy.verdict_policy import TABLE, Action, decide
from jobdata_scrapy.writable import check_writable
from spiders.arguments import Details, read_arguments
from spiders.details import read_details
from spiders.searches import Search, advance_plan, feed_searches, stop_reason

if TYPE_CHECKING:
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

SITE_DOWN_AFTER = 3


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
        platform = cls.platform
        if read_arguments(platform, arguments, config).details is Details.HTML:
            check_browser(config)
        if platform.token_required and not (secret_value(settings.get(platform.token_setting)) or secret_value(config.token_key)):
            allowed = f"set it, or keep tokens in the pool (scrapy tokens add {platform.name}; needs TOKEN_KEY)"
            raise ConfigError(
                f"{platform.token_setting}: is missing; {platform.title} answers only with your session token: {allowed}"
            )
        if platform.script_setting and settings.get(platform.script_setting):
            JsSigner(settings[platform.script_setting], platform.script_setting).close()
        read_exits(config)
        check_writable("JOBDATA_DIR", config.jobdata_dir)
        check_scrapy_settings(settings, vars(default_settings))
        open_backend(config)  # connects to nothing: reads the addresses only

    @property
    def session(self) -> RunSession:
        return session_of(self.crawler)

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """One request a search, from the arguments or from the queue; the session's feed bounds how many are under way."""
        self.check(self.given, self.crawler.settings)
        arguments = read_arguments(self.platform, self.given, self.session.config)
        try:
            await self.session.open(self.given)
            async for search in feed_searches(self.session, arguments):
                yield self.search_request(search)
        except (StorageError, ConfigError) as error:
            self.logger.error("%s", error)
            self.session.errors.append(str(error))
            self.close_soon("wrong_setting" if isinstance(error, ConfigError) else "storage_down")

    def search_request(self, search: Search) -> scrapy.Request:
        """The request for the next list page of the plan. Pages are addressed by the ledger: no duplicate filter.

        meta: page_number counts within its search, ledger_page within the round.
        """
        step = search.step
        self.session.rounds[search.round].pages_asked = step.page_number
        spec = self.platform.search_request(step.query, step.page)
        expected = self.session.memory.expected.get(search.round) if step.query == search.query else None
        meta = {"page_number": step.page, "ledger_page": step.page_number, "query": search.query, "expected": expected}
        meta |= {"believable": search.round in self.session.memory.believable, "round": search.round}
        meta["queued_at"] = self.session.clock()
        hooks = {"callback": self.parse_search, "errback": self.search_failed, "cb_kwargs": {"search": search}}
        return self.make_request(spec, hooks, **meta)

    def make_request(self, spec: RequestSpec, hooks: Mapping[str, Any] | None = None, **meta: Any) -> scrapy.Request:
        """A Scrapy request for a spec; it keeps the unsigned address, the download handler puts the signed one on the wire.

        hooks: further arguments of the Request, such as its callback.
        """
        base_url = self.session.config.base_url(self.platform.name, self.platform.live_url(spec.host), spec.host)
        meta |= {"platform": self.platform.name, "page_kind": spec.page_kind, "spec": spec, "base_url": base_url}
        if spec.needs_browser:
            meta["playwright"] = True
        address = spec.url(base_url)
        return scrapy.Request(address, method=spec.method, body=spec.body, meta=meta, dont_filter=True, **(hooks or {}))

    async def parse_search(self, response: Response, search: Search) -> AsyncIterator[Page | scrapy.Request]:
        """Yields the page, awaits its outcome, asks its details, and only then asks for the next page."""
        step, following = search.step, None
        try:
            parsed = self.platform.parse_search(response.body, step.page)
            await watch_length(self.session, response.meta, parsed)
            plan = advance_plan(search.plan, step, parsed)
            stop = stop_reason(parsed, step, plan, search.pages)
            page = self.make_page(search, step.page_number, parsed, last=bool(stop))
            page.plan = "" if search.details else plan.to_json()  # killed amid its details, a page is read again
            yield page
            stored = await self.outcome_of(page)
            if search.details:
                jobs = select_jobs(page, set(stored.missing_details) - search.asked)
                search.asked.update(job.job_id for job in jobs)
                with self.session.round_clock.apart(search.round):
                    async for detail in read_details(self, search, jobs):
                        yield detail
            search.plan = plan
            following = await self.go_on(search, stop)
        except ParseError as error:
            following = await self.ask_again_or_fail(response, search, error)
        except (PageFailed, RequestRefused, StorageError) as error:
            await self.stop_by(search, error, step.page_number)
        except (SignerError, ConfigError) as error:  # of a detail's request
            self.tell(search, error)
            await self.stop_by(search, error, step.page_number)
        except Exception:  # a mistake of ours: Scrapy tells it, this search ends, the others go on
            await self.stop_search(search, "page_failed", "")
            raise
        finally:  # also where a cancelled pipeline never comes back to this generator
            if following is None:
                self.session.release(search.round)
        if following is not None:
            yield following

    async def go_on(self, search: Search, stop: str) -> scrapy.Request | None:
        """What comes after a page that is stored: the request for the next one, or the end of the round.

        None while the run is being closed, too: the session then ends the round, with the run's own reason.
        """
        if search.details:
            await self.session.leases.save_plan(search.round, search.plan.to_json())
        if stop:
            uncovered = search.plan.describe_uncovered()
            await self.session.end_round(search.round, stop, failed=stop == "empty_page", uncovered=uncovered)
        return None if stop or self.session.draining.on else self.search_request(search)

    def make_page(self, search: Search, number: int, parsed: SearchPage, *, last: bool) -> Page:
        """The item of a list page."""
        self.crawler.stats.inc_value(keys.POSTING_SKIPPED, parsed.skipped)
        if parsed.capped:
            count_verdict(self.session, self.crawler.stats, Verdict.CAPPED, is_further=True)
        page = self.new_page(search, PageKind.SEARCH, number)
        page.jobs, page.rejected = parsed.jobs, parsed.rejected
        page.total = parsed.total if search.step.query == search.query else None  # a part's total says nothing of the whole
        page.capped, page.last, page.asks_details = parsed.capped, last, bool(search.details)
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
        return await self.crawler.engine.download_async(self.make_request(spec))

    async def outcome_of(self, page: Page) -> StoredPage:
        """Waits until the page is stored and reported. Raises StorageError when it was not, PageFailed when it was dropped."""
        assert page.outcome is not None  # noqa: S101 - set in new_page
        return await asyncio.shield(page.outcome)

    async def ask_again_or_fail(self, response: Response, search: Search, error: ParseError) -> scrapy.Request | None:
        """A changed layout: the page is not counted as read; asked again a few times, then kept, and the run ends."""
        verdict = Verdict.LAYOUT_CHANGED
        count_verdict(self.session, self.crawler.stats, verdict, is_further=True)
        attempts = response.meta.get("verdict_attempts", {})
        if decide(verdict, attempts.get(verdict, 0)) is Action.AGAIN:
            self.crawler.stats.inc_value(keys.labelled(keys.ANOMALY_RETRY_COUNT, verdict=verdict))
            again = response.request.replace(dont_filter=True)
            again.meta["verdict_attempts"] = {**attempts, verdict: attempts.get(verdict, 0) + 1}
            return again
        self.crawler.stats.inc_value(keys.labelled(keys.ANOMALY_GIVEUP_COUNT, verdict=verdict))
        self.session.errors.append(str(error))
        self.keep(response.body, search, str(response.meta["ledger_page"]))
        await self.stop_search(search, verdict.lower(), TABLE[verdict].close_reason)
        return None

    async def search_failed(self, failure: Failure) -> None:
        """The errback: a request that ended without an answer to parse ends its search."""
        request = failure.request  # type: ignore[attr-defined]
        search, error = request.cb_kwargs["search"], failure.value
        self.tell(search, error)
        await self.stop_by(search, error, request.meta["ledger_page"])

    def tell(self, search: Search, error: Exception) -> None:
        """Puts into log and report how a request ended; a refusal's own words are put there by `stop_by`."""
        if not isinstance(error, Drained):
            self.logger.error("%s %s: %s: %s", search.query.keyword, search.query.city, type(error).__name__, error)
        if not isinstance(error, RequestRefused):
            self.session.errors.append(f"{search.query.keyword!r}: {type(error).__name__}: {error}")

    async def stop_by(self, search: Search, error: Exception, number: int) -> None:
        """Ends a search by what its page or request ended in: a verdict, or a failure on our side."""
        if isinstance(error, Drained):  # the session ends the round, with the run's own reason
            self.session.release(search.round)
        elif isinstance(error, RequestRefused):
            if error.cause:
                self.session.errors.append(error.cause)
            if error.verdict == Verdict.LAYOUT_CHANGED and error.body:
                self.keep(error.body, search, str(number))
            down = self.site_down_reason(search) if error.verdict == Verdict.SERVER_ERROR else ""
            await self.stop_search(search, error.verdict.lower(), down or error.close_reason)
        elif isinstance(error, LeaseLost):  # somebody else works on the keyword by now
            self.logger.warning("%s", error)
            self.session.forget_round(search.round)
        elif isinstance(error, StorageError):
            await self.stop_search(search, "storage_down", "storage_down")
        elif isinstance(error, SignerError):
            await self.stop_search(search, "sign_failed", "sign_rejected")
        elif isinstance(error, ConfigError):  # it is wrong for every search
            await self.stop_search(search, "wrong_setting", "wrong_setting")
        else:  # the other searches go on
            await self.stop_search(search, "page_failed" if isinstance(error, PageFailed) else "request_failed", "")

    def site_down_reason(self, search: Search) -> str:
        """`site_down` when this search and the last ones before it (in a short run: all) found a site that answers nothing.

        Counted at once: several searches may fail at the same moment, and each takes its time to end.
        """
        searches = len(read_arguments(self.platform, self.given, self.session.config).queries)
        needed = min(SITE_DOWN_AFTER, searches or SITE_DOWN_AFTER)  # none are named where they come from the queue
        return "site_down" if self.session.silence.note(search.round) >= needed else ""

    async def stop_search(self, search: Search, why: str, close_reason: str) -> None:
        """Ends a search that was not read to its end; closes the run where the reason is the site's or the store's."""
        if close_reason:  # first: a round that ends lets the next search begin
            self.close_soon(close_reason)
        try:
            await self.session.end_round(search.round, why, failed=True)
        except StorageError as error:
            self.session.errors.append(str(error))
            self.close_soon("storage_down")

    def keep(self, body: bytes, search: Search, page: str) -> None:
        """Keeps an answer that could not be understood, personal fields out."""
        name = f"{search.round.rpartition('.')[2]}-{page}.json"
        try:
            path = keep_answer(self.session.answers_folder, name, body, self.platform)
        except OSError as error:  # disk full, no right to write: the search is to end in order all the same
            self.logger.error("The answer could not be understood, nor kept in %s: %s", self.session.answers_folder, error)
            return
        if path is not None:  # None: enough are kept already
            self.logger.error("The answer could not be understood; kept in %s", path)

    def close_soon(self, reason: str) -> None:
        """Closes the run with a named reason, without waiting: it ends only after the callback that asked for it.

        What waits at the gate is not sent any more: a run that stops at a block must not push on with the requests in its hand.
        """
        self.session.draining.turn_on()
        closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=reason))
        closing.add_done_callback(asyncio.Future.exception)


def select_jobs(page: Page, job_ids: Iterable[str]) -> list[Job]:
    """The postings of the page with these ids, each once, in their order on the page."""
    wanted = dict.fromkeys(job_ids)
    return [job for job in page.jobs if wanted.pop(job.job_id, job) is None]
