"""An exit and its token: leased together, given back together, and no exit without one where the site wants one."""

import asyncio

import pytest

from jobdata_scrapy.db import site_locks, tokens
from jobdata_scrapy.db.cipher import Cipher
from jobdata_scrapy.exceptions import RequestRefused
from jobdata_scrapy.exit_health import Outcome
from jobdata_scrapy.leases import Owner
from tests.exit_pool_parts import KEY, A, B, ask, backend, clock, config, database, make_pool, uses

__all__ = ["backend", "clock", "config", "database", "make_pool"]  # fixtures
OTHER = Owner("other", "node-2")


def add_token(database, name: str) -> None:
    tokens.add_token(database, Cipher(KEY), "boss", f"value of {name}", name=name)


def states(database) -> dict[str, str | None]:
    """Who holds each token."""
    return {row.name: row.owner for row in tokens.list_tokens(database)}


async def test_the_token_of_a_cooled_exit_goes_to_the_next_one(backend, database, make_pool):
    await backend.sync_exits([A, B], "test")
    add_token(database, "only")
    pool = make_pool(needs_token=True)
    lease = await pool.acquire()
    await pool.leave(lease, Outcome.ANSWERED)
    await pool.cool(lease, "CAPTCHA")
    other = await pool.acquire()
    assert {lease.exit_name, other.exit_name} == {A.name, B.name}
    assert pool.held_tokens.token_of(other.exit_name).name == "only"
    assert pool.held_tokens.token_of(lease.exit_name) is None


async def test_a_run_uses_no_more_exits_than_it_has_tokens_for(backend, database, make_pool):
    await backend.sync_exits([A, B], "test")
    add_token(database, "only")
    pool = make_pool(size=2, needs_token=True)
    first = await pool.acquire()
    second = asyncio.ensure_future(pool.acquire())
    await asyncio.sleep(0.05)
    assert not second.done()
    others = [await backend.lease_exit("boss", OTHER) for _ in range(20)]  # nobody is kept from the other exit
    assert [one.exit_name for one in others if one] == [({A.name, B.name} - {first.exit_name}).pop()]
    await pool.leave(first, Outcome.ANSWERED)
    assert (await second).exit_name == first.exit_name


async def test_a_second_token_brings_the_second_exit(backend, database, make_pool):
    await backend.sync_exits([A, B], "test")
    add_token(database, "one")
    add_token(database, "two")
    pool = make_pool(size=2, needs_token=True)
    leases = [await pool.acquire() for _ in range(2)]
    assert {pool.held_tokens.token_of(lease.exit_name).name for lease in leases} == {"one", "two"}


async def test_where_others_hold_all_tokens_it_waits_and_says_so(backend, database, make_pool, clock):
    await backend.sync_exits([A], "test")
    add_token(database, "only")
    await backend.acquire_token("boss", OTHER, "elsewhere")
    pool = make_pool(needs_token=True, wait=30)
    with pytest.raises(RequestRefused, match=r"^no token of boss became free within 30 s: .* held elsewhere or locked") as caught:
        await pool.acquire()
    assert (caught.value.verdict, caught.value.close_reason) == ("NO_TOKEN_FREE", "no_token_free")
    assert clock.seconds >= 30
    assert uses(database)[A.name].owner is None


async def test_without_a_healthy_token_it_does_not_wait(backend, database, make_pool, clock):
    await backend.sync_exits([A], "test")
    add_token(database, "only")
    tokens.retire_token(database, "boss", "only", tokens.TokenState.DISABLED, "by hand")
    with pytest.raises(RequestRefused, match=r"^no token of boss is healthy") as caught:
        await make_pool(needs_token=True).acquire()
    assert (caught.value.verdict, caught.value.close_reason) == ("LOGIN_REQUIRED", "login_required")
    assert clock.seconds == 0
    assert uses(database)[A.name].owner is None


async def test_an_exit_whose_token_is_refused_takes_the_next_or_is_given_back(backend, database, make_pool):
    await backend.sync_exits([A, B], "test")
    for name in ("one", "two", "three"):
        add_token(database, name)
    pool = make_pool(size=2, needs_token=True)
    first, second = await pool.acquire(), await pool.acquire()
    await pool.held_tokens.drop(first.exit_name, "TOKEN_EXPIRED")
    await pool.leave(first, Outcome.ANSWERED)
    first = await pool.acquire()
    assert pool.held_tokens.token_of(first.exit_name).name == "three"
    await pool.held_tokens.drop(first.exit_name, "TOKEN_EXPIRED")
    await pool.leave(first, Outcome.ANSWERED)
    await pool.leave(second, Outcome.ANSWERED)
    assert {await ask(pool) for _ in range(4)} == {second.exit_name}
    assert uses(database)[first.exit_name].owner is None


async def test_a_locked_token_stays_where_it_is_and_another_one_is_used(backend, database, make_pool):
    await backend.sync_exits([A], "test")
    for name in ("one", "two"):
        add_token(database, name)
    pool = make_pool(needs_token=True)
    lease = await pool.acquire()
    site_locks.trip_lock(database, "boss|token=one", "by hand", 900)
    await pool.leave(lease, Outcome.ANSWERED)
    await ask(pool)
    assert pool.held_tokens.token_of(A.name).name == "two"
    assert states(database)["one"] is None


async def test_the_token_of_a_lost_exit_is_given_back(backend, database, make_pool):
    await backend.sync_exits([A], "test")
    add_token(database, "only")
    pool = make_pool(needs_token=True)
    lease = await pool.acquire()
    database.execute_sql("UPDATE exit_lease SET owner = 'somebody'")
    await pool.beat()
    assert states(database) == {"only": None}
    await pool.leave(lease, Outcome.ANSWERED)


async def test_the_heartbeat_of_tokens(backend, database, make_pool):
    await backend.sync_exits([A], "test")
    add_token(database, "only")
    pool = make_pool(needs_token=True)
    await pool.acquire()
    database.execute_sql("UPDATE token SET lease_until = '2020-01-01 00:00:00.000000'")
    await pool.held_tokens.beat()
    assert await backend.acquire_token("boss", OTHER, "elsewhere") is None
    await pool.held_tokens.close()
    assert await backend.acquire_token("boss", OTHER, "elsewhere") is not None
