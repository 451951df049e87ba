"""The exits of one process: leased from a real backend, left, cooled and given back."""

import asyncio

import pytest

from jobdata_scrapy.db import site_locks
from jobdata_scrapy.exceptions import RequestRefused
from jobdata_scrapy.exit_health import Outcome
from tests.exit_pool_parts import A, B, ask, backend, clock, config, database, make_pool, uses

__all__ = ["backend", "clock", "config", "database", "make_pool"]  # fixtures


async def test_a_proxy_that_brings_no_answers_is_left_for_another_one(backend, database, make_pool):
    await backend.sync_exits([A, B], "test")
    pool = make_pool()
    silent = await ask(pool, Outcome.LOST)
    assert await ask(pool, Outcome.FAILED) == silent  # an answer, if an error's: the count begins afresh
    assert await ask(pool, Outcome.LOST) == silent
    assert await ask(pool, Outcome.LOST) == silent
    assert {await ask(pool) for _ in range(3)} == {A.name, B.name} - {silent}
    assert (uses(database)[silent].cool_reason, uses(database)[silent].cool_count) == ("brings no answers", 1)


async def test_the_last_exit_is_kept_though_it_is_silent(backend, database, make_pool):
    await backend.sync_exits([A, B], "test")
    pool = make_pool()
    asked = [await ask(pool, Outcome.LOST) for _ in range(8)]
    assert asked[:2] == [asked[0]] * 2
    assert asked[2:] == [({A.name, B.name} - {asked[0]}).pop()] * 6


async def test_the_machines_own_address_is_never_left(backend, database, make_pool):
    pool = make_pool()
    assert {await ask(pool, Outcome.LOST) for _ in range(5)} == {"direct@node-1"}
    assert uses(database)["direct@node-1"].cool_count == 0


async def test_an_exit_that_was_told_to_wait_is_left_alone_and_others_go_on(backend, database, make_pool, clock):
    await backend.sync_exits([A, B], "test")
    pool = make_pool(size=2)
    told = await ask(pool, hold_seconds=300)
    assert {await ask(pool) for _ in range(5)} == {A.name, B.name} - {told}
    clock.seconds += 300
    first, second = await pool.acquire(), await pool.acquire()
    assert {first.exit_name, second.exit_name} == {A.name, B.name}


async def test_a_rest_holds_for_every_process(backend, database, make_pool, clock):
    await backend.sync_exits([A], "test")
    first, second = make_pool(), make_pool()
    await ask(first, hold_seconds=300)
    await first.close()
    await ask(second)
    assert clock.seconds == pytest.approx(300, abs=5)


async def test_an_exit_that_rests_is_the_last_to_be_leased(backend, database, make_pool):
    await backend.sync_exits([A, B], "test")
    first, second = make_pool(size=2), make_pool()
    told, other = await first.acquire(), await first.acquire()
    await first.leave(told, Outcome.ANSWERED, hold_seconds=300)
    await first.leave(other, Outcome.FAILED)
    await first.close()
    assert await ask(second) == other.exit_name


async def test_what_never_left_changes_nothing(backend, database, make_pool, clock):
    await backend.sync_exits([A], "test")
    pool = make_pool(pause=10)
    await ask(pool, Outcome.FAILED)
    before = uses(database)[A.name]
    clock.seconds += 7
    await ask(pool, Outcome.UNSENT)
    await pool.beat()
    after = uses(database)[A.name]
    assert (after.score, after.last_end) == (before.score, before.last_end)
    assert clock.seconds == 10


async def test_an_exit_that_is_blocked_while_one_waits_for_it_is_not_used(backend, database, make_pool, clock):
    await backend.sync_exits([A, B], "test")
    pool = make_pool(pause=10)
    lease = await pool.acquire()
    await pool.leave(lease, Outcome.ANSWERED)
    waiter = asyncio.ensure_future(pool.acquire())
    await asyncio.sleep(0)
    await pool.cool(lease, "CAPTCHA")
    assert (await waiter).exit_name != lease.exit_name


async def test_the_wait_for_an_exit_begins_when_the_last_one_is_gone(backend, database, make_pool, clock):
    await backend.sync_exits([A], "test")
    pool = make_pool(wait=30)
    lease = await pool.acquire()
    waiting = asyncio.ensure_future(pool.acquire())
    await clock.reached(60)  # twice as long as it would wait without any
    await pool.cool(lease, "CAPTCHA")
    cooled_at = clock.seconds
    with pytest.raises(RequestRefused, match="no exit of boss became free within 30 s"):
        await waiting
    assert clock.seconds - cooled_at >= 29


async def test_after_a_cool_down_the_site_meets_a_new_visitor(backend, database, make_pool):
    await backend.sync_exits([A], "test")
    pool = make_pool()
    lease = await pool.acquire()
    before = pool.session(lease)
    await pool.leave(lease, Outcome.ANSWERED)
    assert pool.session(await pool.acquire()) == before
    await pool.leave(lease, Outcome.ANSWERED)
    await pool.cool(lease, "CAPTCHA")
    database.execute_sql("UPDATE exit_lease SET cool_until = NULL")
    assert pool.session(await pool.acquire()) not in ("", before)


async def test_a_locked_exit_is_not_leased(backend, database, make_pool):
    await backend.sync_exits([A, B], "test")
    site_locks.trip_lock(database, f"boss|exit={A.name}", "CAPTCHA", 900)
    pool = make_pool(size=2)
    assert (await pool.acquire()).exit_name == B.name
    assert await backend.count_exits("boss") == 1
