"""What a run works on: searches its arguments name, or keywords leased from the queue; a bounded number at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

from jobdata_scrapy.exceptions import Drained
from jobdata_scrapy.leases import KeywordLease
from jobdata_scrapy.platform import Query, SearchPage
from jobdata_scrapy.run_session import RunSession
from jobdata_scrapy.search_plan import SearchPlan, Step
from spiders.arguments import CrawlArguments

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Search:
    """One pass over one keyword: the ledger's round, the plan of its searches, how far it goes (see `CrawlArguments`).

    asked: ids of postings whose own pages this run has asked for; one that failed or is gone is not asked again.
    """

    query: Query
    round: str
    plan: SearchPlan
    pages: int
    details: str
    lease: KeywordLease | None = None
    asked: set[str] = field(default_factory=set)

    @property
    def step(self) -> Step:
        """The page to ask now. Raises ValueError where the plan has been read to its end."""
        step = self.plan.next_step()
        if step is None:
            raise ValueError(f"the plan of {self.query.keyword!r} has no further page")
        return step


async def feed_searches(session: RunSession, arguments: CrawlArguments) -> AsyncIterator[Search]:
    """The run's searches, each begun in the ledger. Waits while KEYWORDS_IN_HAND are under way: start() has no back-pressure.

    Ends early when the run is asked to end. Raises StorageError.
    """
    in_hand = asyncio.Semaphore(session.config.keywords_in_hand)
    searches = _name_searches(session, arguments) if arguments.queries else _lease_searches(session, arguments)
    try:
        while True:
            with session.draining.interrupts():
                await in_hand.acquire()
            search = await anext(searches, None)
            if search is None:
                return
            session.on_round_end(search.round, in_hand.release)
            yield search
    except Drained:
        return


async def _name_searches(session: RunSession, arguments: CrawlArguments) -> AsyncIterator[Search]:
    for query in arguments.queries:
        coverage = await session.open_round(query)
        plan = SearchPlan.start(query, session.platform.splits)
        yield Search(query, coverage.round, plan, arguments.pages, arguments.details)


async def _lease_searches(session: RunSession, arguments: CrawlArguments) -> AsyncIterator[Search]:
    """Keywords of the queue until it has none ready, or the run has had `max_keywords` or `max_minutes`."""
    pages = session.config.max_pages
    ends_at = session.clock() + timedelta(minutes=arguments.max_minutes) if arguments.max_minutes else None
    taken = 0
    while not (arguments.max_keywords and taken >= arguments.max_keywords) and not (ends_at and session.clock() >= ends_at):
        lease = await session.lease_keyword()
        if lease is None:
            return
        taken += 1
        query = _read_query(session, lease)
        if query is None:
            unknown_city = f"city: {lease.city!r} is unknown to {session.platform.name}"
            await session.end_round(lease.coverage.round, "unknown_city", failed=True)
            logger.error("%s %s: %s", lease.keyword, lease.city, unknown_city)
            continue
        restored = SearchPlan.from_json(lease.plan, query, session.platform.splits, pages_done=lease.coverage.pages_ok)
        if restored.warning:
            logger.warning("%s %s: %s", lease.keyword, lease.city, restored.warning)
        if restored.plan.next_step() is None:  # read to its end, but its owner did not live to say so
            uncovered = restored.plan.describe_uncovered()
            await session.end_round(lease.coverage.round, "end", failed=False, uncovered=uncovered)
            continue
        if pages and lease.coverage.pages_ok >= pages:  # the same, of a search that MAX_PAGES ends
            await session.end_round(lease.coverage.round, "pages_limit", failed=False)
            continue
        yield Search(query, lease.coverage.round, restored.plan, pages, arguments.details, lease)


def _read_query(session: RunSession, lease: KeywordLease) -> Query | None:
    try:
        return session.platform.query(lease.keyword, lease.city)
    except KeyError:
        return None


def advance_plan(plan: SearchPlan, step: Step, parsed: SearchPage) -> SearchPlan:
    """The plan once the page of `step` is stored."""
    rows = len(parsed.jobs) + len(parsed.rejected)
    return plan.after_page(step, total=parsed.total, capped=parsed.capped, last=parsed.next_page is None, rows=rows)


def stop_reason(parsed: SearchPage, step: Step, plan: SearchPlan, limit: int) -> str:
    """Why paging ends with this page: "end" (of the plan), "pages_limit" (the user's), or "" while it goes on.

    "empty_page": the page before promised this one, and it is empty and knows of no posting at all. A site that hides postings
    says so, too.
    """
    if step.page > 1 and not (parsed.jobs or parsed.rejected or parsed.skipped or parsed.total or parsed.capped):
        return "empty_page"
    if plan.next_step() is None:
        return "end"
    return "pages_limit" if limit and step.page_number >= limit else ""
