"""Asks the posting pages of a list page: several in one request where the site can, one by one where that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from jobdata_scrapy import stats as keys
from jobdata_scrapy.anomaly_watch import count_verdict
from jobdata_scrapy.exceptions import ParseError, RequestRefused
from jobdata_scrapy.items import Job, Page
from jobdata_scrapy.platform import Answer, DetailPage, PageKind, Verdict
from jobdata_scrapy.verdict_policy import TABLE
from spiders.arguments import Details

if TYPE_CHECKING:
    from spiders.base import JobSpider, Search

HEALTHY = (Verdict.OK, Verdict.GONE)
UNREADABLE_IN_A_ROW = 3  # then the layout has changed, and asking on is of no use


async def read_details(spider: JobSpider, search: Search, jobs: Sequence[Job]) -> AsyncIterator[Page]:
    """Yields one page a posting, each stored before the next. Raises StorageError, and RequestRefused where the site stops us."""
    platform, unreadable = spider.platform, 0
    size = platform.detail_batch_size if platform.detail_batch_request and search.details is Details.API else 1
    for first in range(0, len(jobs), size):
        batch = jobs[first : first + size]
        answers = await _ask_batch(spider, batch) if len(batch) > 1 else [None]
        for job, body in zip(batch, answers, strict=True):
            try:
                page = await _read_detail(spider, search, job, body)
                unreadable = 0
            except ParseError as error:
                unreadable += 1
                _fail(spider, job, error)
                if unreadable == UNREADABLE_IN_A_ROW:
                    raise RequestRefused(Verdict.LAYOUT_CHANGED, TABLE[Verdict.LAYOUT_CHANGED].close_reason) from error
                continue
            except RequestRefused as refused:
                if refused.close_reason:
                    raise
                _fail(spider, job, refused)
                continue
            yield page
            await spider.outcome_of(page)


async def _ask_batch(spider: JobSpider, jobs: Sequence[Job]) -> list[bytes | None]:
    """One body a posting; None where the batch brought none that is healthy, to be asked alone."""
    platform, stats = spider.platform, spider.crawler.stats
    assert platform.detail_batch_request is not None  # noqa: S101 - the caller looked
    assert platform.split_detail_batch is not None  # noqa: S101 - comes with it
    stats.inc_value(keys.DETAIL_ASKED)
    try:
        response = await spider.fetch(platform.detail_batch_request(jobs))
        bodies = platform.split_detail_batch(response.body, len(jobs))
    except RequestRefused as refused:
        if refused.close_reason:
            raise
        return [None] * len(jobs)
    except ParseError as error:
        spider.logger.warning("A batch of details could not be read, asking one by one: %s", error)
        return [None] * len(jobs)
    return [body if body is not None and _judge(spider, body) in HEALTHY else None for body in bodies]


def _judge(spider: JobSpider, body: bytes) -> Verdict:
    """Each sub-answer of a batch is judged alone: a batch may be healthy outside and refused inside."""
    verdict = spider.platform.verdict(Answer(200, {"content-type": "application/json"}, body, PageKind.DETAIL))
    spider.crawler.stats.inc_value(keys.labelled(keys.VERDICT_COUNT, verdict=verdict))
    return verdict


async def _read_detail(spider: JobSpider, search: Search, job: Job, body: bytes | None) -> Page:
    """The posting's page, an empty one that says so where it is gone. Raises RequestRefused; ParseError, with the answer kept."""
    platform, stats = spider.platform, spider.crawler.stats
    in_browser = search.details is Details.HTML
    make_request = platform.html_request if in_browser else platform.detail_request
    parse = platform.parse_html if in_browser else platform.parse_detail
    assert make_request is not None  # noqa: S101 - arguments were checked
    assert parse is not None  # noqa: S101 - comes with it
    if body is None:
        stats.inc_value(keys.DETAIL_ASKED)
        response = await spider.fetch(make_request(job))
        body, gone = response.body, response.meta["verdict"] is Verdict.GONE
    else:
        gone = platform.verdict(Answer(200, {}, body, PageKind.DETAIL)) is Verdict.GONE
    if gone:
        stats.inc_value(keys.DETAIL_GONE)
        page = spider.new_page(search, PageKind.DETAIL, 0)
        page.gone = [job.job_id]
        return page
    try:
        return _make_page(spider, search, job, parse(body))
    except ParseError:
        count_verdict(spider.session, stats, Verdict.LAYOUT_CHANGED, is_further=True)
        spider.keep(body, search, f"detail-{quote(job.job_id, safe='')[:80]}")
        raise


def _make_page(spider: JobSpider, search: Search, job: Job, detail: DetailPage) -> Page:
    if detail.job.job_id != job.job_id:  # the parts of a batch are told apart by their order
        raise ParseError(spider.platform.name, PageKind.DETAIL, "job_id", f"is {detail.job.job_id!r}, asked was {job.job_id!r}")
    page = spider.new_page(search, PageKind.DETAIL, 0)
    page.jobs = [detail.job]
    page.companies = [detail.company] if detail.company is not None else []
    return page


def _fail(spider: JobSpider, job: Job, why: Exception) -> None:
    spider.crawler.stats.inc_value(keys.DETAIL_FAILED)
    spider.session.errors.append(f"detail of {job.job_id} was not read: {why}")
