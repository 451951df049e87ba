"""Anomaly detection: asks the site's own `verdict` what an answer is worth and does what the table of verdicts says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.exceptions import NotConfigured
from scrapy.utils.misc import load_object

from jobdata_scrapy import stats as keys
from jobdata_scrapy.anomaly_watch import count_verdict
from jobdata_scrapy.exceptions import RequestRefused
from jobdata_scrapy.platform import Answer, PageKind, Verdict
from jobdata_scrapy.run_session import RunSession, session_of
from jobdata_scrapy.verdict_policy import BLOCKS, TABLE, Action, decide
from middlewares.measures import another_way, take_measures

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response


class AnomalyMiddleware:
    """Lets healthy answers through; makes a request again or ends it as `RequestRefused`, by verdict."""

    def __init__(self, crawler: Crawler, session: RunSession) -> None:
        self._crawler = crawler
        self._session = session
        self._lost = tuple(map(load_object, crawler.settings.getlist("RETRY_EXCEPTIONS")))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("ANOMALY_ENABLED", True):
            raise NotConfigured("ANOMALY_ENABLED is off")
        return cls(crawler, session_of(crawler))

    async def process_response(self, request: Request, response: Response) -> Request | Response:
        kind = request.meta.get("page_kind")
        if kind is None:  # robots.txt judges its own answers
            return response
        verdict = self._session.platform.verdict(read_answer(response, kind))
        self._count(verdict, request)
        is_disguised = await take_measures(self._session, request, verdict)
        if is_disguised:
            verdict = Verdict.RATE_LIMITED  # an empty page that cannot be: a block in disguise
        attempts = request.meta.get("verdict_attempts", {}).get(verdict, 0)
        action = decide(verdict, attempts)
        if action is Action.PARSE:
            request.meta["verdict"] = verdict
            return response
        if action is Action.AGAIN and await another_way(self._session, request, verdict):
            again = self._ask_again(request, response, verdict, attempts)
            if again is not None:
                return again
        self._crawler.stats.inc_value(keys.labelled(keys.ANOMALY_GIVEUP_COUNT, verdict=verdict))
        if is_disguised and not self._session.detector.hides_all(self._session.platform.name):
            raise RequestRefused("EMPTY_AGAINST_HISTORY", "")  # of this keyword alone: the others go on
        raise RequestRefused(verdict, TABLE[verdict].close_reason, response.body)

    def process_exception(self, request: Request, exception: Exception) -> Request | None:
        """A lost connection is a server error that brought no answer: counted, asked again and given up like one."""
        if not isinstance(exception, self._lost):
            return None
        verdict = Verdict.SERVER_ERROR
        count_verdict(self._session, self._crawler.stats, verdict)
        again = get_retry_request(request, spider=self._crawler.spider, reason=exception)
        if again is not None:
            return again
        self._crawler.stats.inc_value(keys.labelled(keys.ANOMALY_GIVEUP_COUNT, verdict=verdict))
        exit_name = request.meta["exit"].exit_name
        cause = f"{request.url.partition('?')[0]} could not be read through exit {exit_name!r}: {exception}"
        raise RequestRefused(verdict, "", cause=cause) from exception

    def _count(self, verdict: Verdict, request: Request) -> None:
        slot = request.meta.get("download_slot", "")
        if verdict is Verdict.RATE_LIMITED:
            self._session.gate.slow_down(slot)
        elif verdict not in BLOCKS:
            self._session.gate.speed_up(slot)
        count_verdict(self._session, self._crawler.stats, verdict, request.meta.get("download_latency", 0.0))

    def _ask_again(self, request: Request, response: Response, verdict: Verdict, attempts: int) -> Request | None:
        if verdict is Verdict.SERVER_ERROR:  # one counter for server errors and lost connections
            return get_retry_request(request, spider=self._crawler.spider, reason=f"server error {response.status}")
        self._crawler.stats.inc_value(keys.labelled(keys.ANOMALY_RETRY_COUNT, verdict=verdict))
        return make_again(request, verdict, attempts)


def make_again(request: Request, verdict: Verdict, attempts: int) -> Request:
    """The same request once more: not filtered as a duplicate, counted by verdict."""
    counters = {**request.meta.get("verdict_attempts", {}), verdict: attempts + 1}
    again = request.replace(dont_filter=True)
    again.meta.update(verdict_attempts=counters)
    return again


def read_answer(response: Response, kind: PageKind) -> Answer:
    """A Scrapy response as plain data, for the pure functions of a site."""
    headers = {
        name.decode("latin-1").lower(): values[-1].decode("latin-1") for name, values in response.headers.items() if values
    }
    return Answer(response.status, headers, response.body, kind, response.url)
