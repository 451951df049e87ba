"""What every Backend keeps to when it hands out keywords, tokens and exits, and keeps budgets and locks: see `contract`.

Beside `backend` it needs `stock`, which puts keywords and tokens where the backend finds them. Each test has its own site name,
which is a name here and nothing else; postings are stored for "boss".
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from jobdata_scrapy.backend.base import Backend
from jobdata_scrapy.coverage import FOUND_EMPTY, Coverage, RoundState
from jobdata_scrapy.exceptions import LeaseLost
from jobdata_scrapy.exits import Exit
from jobdata_scrapy.leases import AnomalyEvent, KeywordLease, LockCheck, LockState, Owner
from tests.backend.contract import T0, Search

_sites = itertools.count()


class Stock(Protocol):
    """What an operator does."""

    add_keywords: Callable[..., Any]
    add_token: Callable[[str, str], Any]
    list_anomalies: Callable[[str], list[AnomalyEvent]]


async def report_page(backend: Backend, lease: KeywordLease, search: Search, ids: range) -> None:
    """Stores and reports the next page of a leased round."""
    coverage = lease.coverage
    page = search.page(coverage.pages_ok + 1, ids, platform="boss", round=coverage.round, keyword=lease.keyword, city=lease.city)
    page.stored = await backend.store(page)
    coverage.pages_ok += 1
    coverage.seen += len(ids)
    coverage.new += len(ids)
    await backend.report_page(coverage, page)


class LeasingContract:
    """Each step, done twice where that may happen, and by an owner who has lost what it held."""

    @pytest.fixture
    def site(self) -> str:
        return f"site{next(_sites)}-{time.time_ns() % 10**9}"

    @pytest.fixture
    def anne(self) -> Owner:
        return Owner(f"anne-{time.time_ns()}", "node-1", "job-1")

    @pytest.fixture
    def ben(self) -> Owner:
        return Owner(f"ben-{time.time_ns()}", "node-2")

    async def test_a_keyword_goes_from_lease_to_done(self, backend: Backend, stock: Stock, site: str, anne: Owner, ben: Owner):
        search = Search.new()
        stock.add_keywords(site, "数据分析", interval="6h")
        lease = await backend.lease_keyword(site, anne)
        assert lease is not None
        assert (lease.keyword, lease.city, lease.owner, lease.attempts) == ("数据分析", "上海", anne.name, 1)
        assert lease.coverage == Coverage(site, "数据分析", "上海", lease.coverage.round, anne.name)
        assert await backend.lease_keyword(site, ben) is None
        for _ in range(2):
            await backend.open_round(lease.coverage)
            await backend.save_plan(lease, '{"slices": []}')
            assert await backend.extend_keywords(anne) == {lease.keyword_id}
        await report_page(backend, lease, search, range(30))
        assert await backend.sighted_ids("boss", lease.coverage.round, 2) == {f"{search.prefix}-{one}" for one in range(30)}
        assert await backend.sighted_ids("boss", lease.coverage.round, 1) == frozenset()
        lease.coverage.state = RoundState.DONE
        for _ in range(2):
            await backend.close_round(lease.coverage)
        for _ in range(2):
            await backend.release_keyword(lease)
        assert await backend.last_healthy_rounds(site, "数据分析", "上海", 5) == [lease.coverage]
        assert await backend.extend_keywords(anne) == frozenset()
        assert await backend.lease_keyword(site, ben) is None

    async def test_another_run_goes_on_with_a_round(self, backend: Backend, stock: Stock, site: str, anne: Owner, ben: Owner):
        search = Search.new()
        stock.add_keywords(site, "a")
        first = await backend.lease_keyword(site, anne)
        assert first is not None
        await backend.save_plan(first, "plan")
        await report_page(backend, first, search, range(30))
        await backend.release_keyword(first)
        again = await backend.lease_keyword(site, ben)
        assert again is not None
        assert (again.coverage, again.plan, again.attempts) == (replace(first.coverage, run_id=ben.name), "plan", 1)
        for step in (
            report_page(backend, first, search, range(30, 60)),
            backend.close_round(first.coverage),
            backend.save_plan(first, "late"),
            backend.release_keyword(first),
        ):
            with pytest.raises(LeaseLost):
                await step
        await report_page(backend, again, search, range(30, 60))
        assert len(await backend.sighted_ids("boss", again.coverage.round, 9)) == 60

    async def test_what_a_lost_attempt_stored_counts_no_more_unless_it_is_seen_again(
        self, backend: Backend, stock: Stock, site: str, anne: Owner, ben: Owner
    ):
        search = Search.new()
        stock.add_keywords(site, "a")
        lost = await backend.lease_keyword(site, anne)
        assert lost is not None
        assert not lost.goes_on
        await report_page(backend, lost, search, range(10))
        coverage = lost.coverage
        await backend.store(search.page(2, range(10, 20), round=coverage.round, run_id=anne.name))
        await backend.release_keyword(lost)
        taken = await backend.lease_keyword(site, ben)
        assert taken is not None
        assert taken.goes_on
        for _ in range(2):
            await backend.set_aside_sightings("boss", coverage.round, 2)
        assert await backend.count_sightings("boss", coverage.round) == 10
        assert len(await backend.sighted_ids("boss", coverage.round, 9)) == 10
        await backend.store(
            search.page(2, range(15, 25), round=coverage.round, run_id=ben.name, fetched_at=T0 + timedelta(hours=1))
        )
        assert await backend.count_sightings("boss", coverage.round) == 20
        await backend.set_aside_sightings("boss", coverage.round, 2, ben.name)
        assert await backend.count_sightings("boss", coverage.round) == 20

    async def test_why_nothing_is_ready_and_when_a_keyword_was_found_empty(
        self, backend: Backend, stock: Stock, site: str, anne: Owner
    ):
        assert await backend.count_waiting(site) == {}
        stock.add_keywords(site, "a")
        lease = await backend.lease_keyword(site, anne)
        assert lease is not None
        assert await backend.count_waiting(site) == {"held by a process": 1}
        lease.coverage.state, lease.coverage.stop_reason = RoundState.FAILED, FOUND_EMPTY
        before = datetime.now(UTC)
        await backend.close_round(lease.coverage)
        await backend.release_keyword(lease, FOUND_EMPTY)
        assert await backend.count_waiting(site) == {"in back-off": 1}
        (ended,) = await backend.found_empty(site, "a", "上海")
        assert before - timedelta(seconds=1) <= ended <= datetime.now(UTC)

    async def test_a_failed_keyword_rests(self, backend: Backend, stock: Stock, site: str, anne: Owner):
        stock.add_keywords(site, "a", "b")
        lease = await backend.lease_keyword(site, anne)
        assert lease is not None
        lease.coverage.state = RoundState.FAILED
        await backend.release_keyword(lease, "HTTP 500")
        other = await backend.lease_keyword(site, anne)
        assert other is not None
        assert other.keyword == "b"
        assert await backend.lease_keyword(site, anne) is None

    async def test_owners_that_ask_at_the_same_moment_share_nothing(self, backend: Backend, stock: Stock, site: str):
        words = [f"w{number}" for number in range(12)]
        stock.add_keywords(site, *words)
        asked = [backend.lease_keyword(site, Owner(f"{site}-{number % 3}")) for number in range(15)]
        leases = [one for one in await asyncio.gather(*asked) if one is not None]
        assert sorted(one.keyword for one in leases) == sorted(words)

    async def test_tokens(self, backend: Backend, stock: Stock, site: str, anne: Owner, ben: Owner):
        assert await backend.acquire_token(site, anne, "exit-1") is None
        assert await backend.count_tokens(site) == 0
        stock.add_token(site, "secret-1")
        await backend.extend_tokens(anne)
        lease = await backend.acquire_token(site, anne, "exit-1")
        assert lease is not None
        assert (lease.value, lease.exit_name, lease.owner) == ("secret-1", "exit-1", anne.name)
        again = await backend.acquire_token(site, anne, "exit-1")
        assert again is not None
        assert again.token_id == lease.token_id
        for _ in range(2):
            await backend.extend_tokens(anne)
        assert await backend.acquire_token(site, ben, "exit-1") is None
        assert await backend.count_tokens(site) == 1
        for _ in range(2):
            await backend.report_token(lease, healthy=True)
            await backend.release_token(lease)
        other = await backend.acquire_token(site, ben, "exit-2")
        assert other is not None
        await backend.report_token(lease, healthy=False, reason="late")
        for _ in range(2):
            await backend.report_token(other, healthy=False, reason="TOKEN_EXPIRED")
        assert await backend.count_tokens(site) == 0
        assert await backend.acquire_token(site, anne, "exit-1") is None

    async def test_exits(self, backend: Backend, site: str, anne: Owner, ben: Owner):
        given = [Exit(f"http://{site}:1", f"http://{site}:1"), Exit(f"socks5://{site}:2#aa", f"socks5://user:pass@{site}:2")]
        for _ in range(2):
            await backend.sync_exits(given, site)
        leases = [await backend.lease_exit(site, owner) for owner in (anne, ben, anne)]
        assert {one.proxy_url for one in leases if one} == {one.proxy_url for one in given}
        assert leases[2] is None
        first, second = leases[:2]
        assert first is not None
        assert second is not None
        assert await backend.count_exits(site) == 2
        first.last_end, first.slowness = datetime(2026, 11, 22, 6, tzinfo=UTC), 2.0
        first.not_before = datetime(2026, 11, 22, 7, tzinfo=UTC)
        for _ in range(2):
            await backend.touch_exit(first)
        for _ in range(2):
            await backend.release_exit(first)
        for _ in range(2):
            await backend.cool_exit(second, "CAPTCHA")
        assert await backend.count_exits(site) == 1
        taken = await backend.lease_exit(site, ben)
        assert taken is not None
        assert (taken.exit_name, taken.last_end, taken.slowness) == (first.exit_name, first.last_end, 2.0)
        assert taken.not_before == first.not_before
        with pytest.raises(LeaseLost):
            await backend.touch_exit(first)
        await backend.release_exit(first)
        await backend.cool_exit(first, "late")
        await backend.touch_exit(taken)
        await backend.sync_exits([], site)

    async def test_a_budget_is_spent_once_a_page(self, backend: Backend, site: str):
        spent = await asyncio.gather(*(backend.spend_page(site, 5) for _ in range(9)))
        assert sum(spent) == 5

    async def test_a_lock_stops_the_site_until_it_is_closed(self, backend: Backend, site: str, anne: Owner):
        async def check() -> list[LockState]:
            return [(await backend.check_lock(site, *way, anne)).state for way in (("e", "t"), ("f", ""))]

        assert await check() == [LockState.CLOSED, LockState.CLOSED]
        for _ in range(2):
            await backend.trip_lock(f"{site}|exit=e", "CAPTCHA")
        assert await check() == [LockState.OPEN, LockState.CLOSED]
        assert await backend.check_lock(site, "e", "t", anne) == LockCheck(LockState.OPEN, (f"{site}|exit=e",))
        await backend.trip_lock(site, "CAPTCHA")
        assert await check() == [LockState.OPEN, LockState.OPEN]
        for key in (site, f"{site}|exit=e"):
            for _ in range(2):
                await backend.close_lock(key)
        assert await check() == [LockState.CLOSED, LockState.CLOSED]

    async def test_an_event_is_kept_once(self, backend: Backend, stock: Stock, site: str):
        event = AnomalyEvent(
            site, "CAPTCHA", "3 of 5", datetime(2026, 11, 22, tzinfo=UTC), "e", "t", "k", "上海", "r", {"blocked": 3.0}
        )
        for _ in range(2):
            await backend.record_anomaly(event)
        assert stock.list_anomalies(site) == [event]
