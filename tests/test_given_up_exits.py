"""An exit that the provider has taken back: nobody who waits for it uses it, its token is freed, its pause is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.config import Config
from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.exit_pool import ExitPool, Outcome
from jobdata_scrapy.exits import Exit
from jobdata_scrapy.leases import ExitLease, Owner
from jobdata_scrapy.pace import PaceGate
from jobdata_scrapy.token_pool import TokenPool

A, B = (Exit(f"http://{name}:1", f"http://{name}:1") for name in "ab")
PAUSE = 0.2


@pytest.fixture
async def backend(tmp_path) -> AsyncIterator[DirectBackend]:
    backend = DirectBackend.from_config(Config(_env_file=None, jobdata_dir=tmp_path))
    await backend.sync_exits([A, B], "file")
    yield backend
    await backend.close()


@pytest.fixture
def pool(backend) -> ExitPool:
    draining = DrainSwitch()
    gate = PaceGate(PAUSE, PAUSE, draining=draining)
    now = lambda: datetime.now(UTC)  # noqa: E731
    owner = lambda: Owner("anne")  # noqa: E731
    tokens = TokenPool(backend, "boss", owner)
    return ExitPool(backend, "boss", owner, gate, draining, tokens=tokens, size=1, wait_seconds=0, clock=now)


async def wait_at_the_gate(pool: ExitPool) -> tuple[ExitLease, asyncio.Task[ExitLease]]:
    """An exit that was used, and a request that waits for its pause to be over."""
    lease = await pool.acquire()
    await pool.leave(lease, Outcome.ANSWERED)
    waiting = asyncio.ensure_future(pool.acquire())
    await asyncio.sleep(PAUSE / 4)
    assert not waiting.done()
    return lease, waiting


async def test_who_waits_for_an_exit_that_is_given_up_takes_another_one(pool):
    lease, waiting = await wait_at_the_gate(pool)
    await pool.give_up([lease.exit_name, "http://never-held:1"])
    assert {lease.exit_name, (await waiting).exit_name} == {A.name, B.name}


async def test_an_exit_given_up_amid_a_request_is_given_back_with_its_pause(pool, backend):
    lease = await pool.acquire()
    await pool.give_up([lease.exit_name])
    ben = Owner("ben")
    assert (await backend.lease_exit("boss", ben)).exit_name != lease.exit_name
    assert await backend.lease_exit("boss", ben) is None  # its request is still under way
    await pool.leave(lease, Outcome.ANSWERED)
    again = await backend.lease_exit("boss", ben)
    assert (again.exit_name, again.last_end) == (lease.exit_name, lease.last_end)
