"""What every Backend keeps to. A subclass has to bring two fixtures: `backend`, and `kept` to look at what was recorded.

Warehouses may be shared between tests, so each test has a run and postings of its own (`Search`).
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from jobdata_scrapy.backend.base import Backend, RunRecord
from jobdata_scrapy.coverage import Coverage, RoundState, add_page, finish
from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.items import Company, Job, Page, RejectedRow, RowState, StoredPage

T0 = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
_searches = itertools.count()


class Kept(Protocol):
    """What the tests read behind the backend's back."""

    find_run: Callable[[str], RunRecord | None]
    find_rounds: Callable[[str], list[Coverage]]


@dataclass
class Search:
    """One run that pages through one keyword."""

    prefix: str
    run_id: str
    keyword: str = "数据分析 👩‍💻"

    @classmethod
    def new(cls) -> "Search":
        prefix = f"c{next(_searches)}-{time.time_ns()}"
        return cls(prefix, f"{prefix}-run")

    @property
    def run(self) -> RunRecord:
        return RunRecord(self.run_id, "boss", {"keyword": self.keyword}, started_at=T0, node="测试", job="j1")

    @property
    def coverage(self) -> Coverage:
        return Coverage("boss", self.keyword, "上海", f"{self.run_id}.1", self.run_id, cap=300)

    def page(self, number: int = 1, ids: range = range(30), version: str = "v1", **changes: Any) -> Page:
        """A list page: postings `ids`, their content being `version`."""
        jobs = [Job(f"{self.prefix}-{one}", f"职位 {one}", raw={"id": one}, content_hash=f"{version}-{one}") for one in ids]
        page = Page(
            "boss", "search", self.keyword, "上海", self.coverage.round, self.run_id, number,
            T0 + timedelta(seconds=number), 1, jobs=jobs, companies=[Company(f"{self.prefix}-c", "公司", content_hash="c")],
        )  # fmt: skip
        return replace(page, **changes)


class BackendContract:
    """Runs, rounds, pages, counts; each step done twice; and the event loop kept free."""

    @pytest.fixture
    def search(self) -> Search:
        return Search.new()

    async def test_a_run_is_recorded_when_it_begins_and_when_it_ends(self, backend: Backend, kept: Kept, search: Search):
        run = search.run
        for _ in range(2):
            await backend.open_run(run)
        assert kept.find_run(search.run_id) == run
        run.state, run.exit_code, run.finish_reason = "kept", 0, "finished"
        run.finished_at, run.summary = T0 + timedelta(hours=1), {"pages": 3, "top": ["数据", "😀"]}
        for _ in range(2):
            await backend.close_run(run)
        assert kept.find_run(search.run_id) == run

    async def test_a_round_in_the_ledger_is_kept_as_it_is(self, backend: Backend, kept: Kept, search: Search):
        coverage = search.coverage
        await backend.open_round(coverage)
        page = search.page()
        page.stored = await backend.store(page)
        add_page(coverage, page)
        await backend.report_page(coverage, page)
        await backend.open_round(search.coverage)
        assert kept.find_rounds(search.run_id) == [coverage]

    async def test_a_stored_page_tells_what_became_of_each_posting(self, backend: Backend, search: Search):
        page = search.page(asks_details=True)
        stored = await backend.store(page)
        assert stored == StoredPage(new=30, missing_details=tuple(job.job_id for job in page.jobs))
        assert {job.state for job in page.jobs} == {RowState.NEW}
        assert page.companies[0].state is RowState.NEW

    async def test_storing_a_page_again_changes_nothing(self, backend: Backend, search: Search):
        first = await backend.store(search.page())
        assert await backend.store(search.page()) == first
        assert await backend.count_sightings("boss", search.coverage.round) == 30

    async def test_known_postings_are_not_written_again(self, backend: Backend, search: Search):
        await backend.store(search.page())
        page = search.page(2, range(20, 40), run_id="another run", round="another round")
        for job in page.jobs[:5]:
            job.content_hash = "v2"
        stored = await backend.store(page)
        assert (stored.changed, stored.unchanged, stored.new) == (5, 5, 10)
        assert [job.state for job in page.jobs[4:6]] == [RowState.CHANGED, RowState.UNCHANGED]

    async def test_the_warehouse_counts_what_a_round_saw(self, backend: Backend, search: Search):
        await backend.store(search.page())
        await backend.store(search.page(2, range(20, 50)))
        await backend.store(search.page(3, range(0), rejected=[RejectedRow("title", "missing", "x")]))
        assert await backend.count_sightings("boss", search.coverage.round) == 50
        assert await backend.count_sightings("boss", "no such round") == 0
        assert await backend.count_sightings("zhilian", search.coverage.round) == 0

    async def test_a_round_is_counted_page_by_page_and_ends_done(self, backend: Backend, kept: Kept, search: Search):
        coverage = search.coverage
        await backend.open_run(search.run)
        await backend.open_round(coverage)
        for number, ids in enumerate([range(30), range(30, 60), range(60, 65)], 1):
            page = search.page(number, ids, total=65)
            page.stored = await backend.store(page)
            add_page(coverage, page)
            for _ in range(2):
                await backend.report_page(coverage, page)
            assert kept.find_rounds(search.run_id) == [coverage]
        finish(coverage, "end", capped=False, failed=False, stored=await backend.count_sightings("boss", coverage.round))
        for _ in range(2):
            await backend.close_round(coverage)
        assert coverage.state is RoundState.DONE
        assert kept.find_rounds(search.run_id) == [coverage]

    async def test_a_report_that_comes_late_lowers_nothing(self, backend: Backend, kept: Kept, search: Search):
        early, coverage, page = search.coverage, search.coverage, search.page()
        page.stored = await backend.store(page)
        add_page(coverage, page)
        await backend.report_page(coverage, page)
        await backend.report_page(early, page)
        assert kept.find_rounds(search.run_id) == [coverage]

    async def test_a_page_that_was_not_stored_is_not_reported(self, backend: Backend, kept: Kept, search: Search):
        await backend.open_run(search.run)
        with pytest.raises(StorageError, match="before it was stored"):
            await backend.report_page(search.coverage, search.page())
        assert kept.find_rounds(search.run_id) == []

    async def test_what_cannot_be_recorded_is_an_error_that_names_the_field(self, backend: Backend, search: Search):
        with pytest.raises(StorageError, match=r"coverage\.keyword: 300 characters, at most 255"):
            await backend.open_round(replace(search.coverage, keyword="数" * 300))

    async def test_pages_of_several_rounds_at_the_same_time(self, backend: Backend, kept: Kept):
        searches = [Search.new() for _ in range(5)]

        async def crawl(search: Search) -> int:
            coverage = search.coverage
            await backend.open_round(coverage)
            for number in (1, 2):
                page = search.page(number, range(number * 30))
                page.stored = await backend.store(page)
                add_page(coverage, page)
                await backend.report_page(coverage, page)
            assert kept.find_rounds(search.run_id) == [coverage]
            return await backend.count_sightings("boss", coverage.round)

        assert await asyncio.gather(*map(crawl, searches)) == [60] * 5

    async def test_the_event_loop_goes_on_while_a_large_page_is_stored(self, backend: Backend, search: Search):
        await backend.open_run(search.run)
        seconds, turns, longest = await watch_loop(backend.store(search.page(ids=range(5000))))
        assert turns > 10
        assert longest < max(0.25, seconds / 4)

    async def test_a_closed_backend_refuses_to_work(self, backend: Backend, search: Search):
        await backend.open_run(search.run)
        for _ in range(2):
            await backend.close()
        with pytest.raises(StorageError, match="closed"):
            await backend.store(search.page())
        with pytest.raises(StorageError, match="closed"):
            await backend.close_run(search.run)


async def watch_loop(work: Awaitable[Any]) -> tuple[float, int, float]:
    """Seconds that `work` took, how often the event loop came round, and the longest that its thread computed in between.

    Computed, not passed: how long others let the thread wait on a busy machine says nothing about it.
    """
    task = asyncio.ensure_future(work)
    began, last, turns, longest = time.perf_counter(), time.thread_time(), 0, 0.0
    while not task.done():
        await asyncio.sleep(0.005)
        now = time.thread_time()
        turns, longest, last = turns + 1, max(longest, now - last), now
    await task
    return time.perf_counter() - began, turns, longest
