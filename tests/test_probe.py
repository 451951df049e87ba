"""One probe of a process at a time; the others wait for what it finds, and never for ever."""

import asyncio

import pytest

from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.exceptions import Drained
from jobdata_scrapy.leases import LockCheck, LockState
from jobdata_scrapy.probe import ProbeTurn


class Lock:
    """A half-open lock, closed once its probe was healthy."""

    def __init__(self, state: LockState = LockState.HALF_OPEN) -> None:
        self.state, self.asked = state, 0

    async def check(self) -> LockCheck:
        self.asked += 1
        await asyncio.sleep(0)
        return LockCheck(self.state)


async def test_while_a_probe_is_out_the_others_wait_for_what_it_finds():
    lock, turn = Lock(), ProbeTurn(DrainSwitch())
    asking = [asyncio.ensure_future(turn.check(lock.check)) for _ in range(5)]
    done, waiting = await asyncio.wait(asking, timeout=0.05, return_when=asyncio.ALL_COMPLETED)
    assert [one.result().state for one in done] == [LockState.HALF_OPEN]
    assert (len(waiting), lock.asked) == (4, 1)
    lock.state = LockState.CLOSED
    turn.end()
    turn.end()
    assert {(await one).state for one in waiting} == {LockState.CLOSED}


async def test_nobody_waits_where_the_lock_is_not_half_open():
    for state in (LockState.CLOSED, LockState.OPEN):
        lock, turn = Lock(state), ProbeTurn(DrainSwitch())
        assert {(await one).state for one in [asyncio.ensure_future(turn.check(lock.check)) for _ in range(5)]} == {state}


async def test_a_probe_that_was_lost_holds_the_others_up_for_a_while_only():
    lock, turn = Lock(), ProbeTurn(DrainSwitch(), longest_seconds=0.05)
    assert (await turn.check(lock.check)).state is LockState.HALF_OPEN
    async with asyncio.timeout(5):
        assert (await turn.check(lock.check)).state is LockState.HALF_OPEN


async def test_a_check_that_fails_is_no_probe():
    async def fail() -> LockCheck:
        raise OSError("no database")

    lock, turn = Lock(), ProbeTurn(DrainSwitch())
    with pytest.raises(OSError, match="no database"):
        await turn.check(fail)
    assert (await turn.check(lock.check)).state is LockState.HALF_OPEN


async def test_a_drain_wakes_who_waits_for_a_probe_and_who_stands_behind():
    draining = DrainSwitch()
    turn = ProbeTurn(draining)
    await turn.check(Lock().check)
    waiting = [asyncio.ensure_future(turn.check(Lock().check)) for _ in range(2)]
    await asyncio.sleep(0)
    draining.turn_on()
    for one in waiting:
        with pytest.raises(Drained):
            await asyncio.wait_for(one, 1)
