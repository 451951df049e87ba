"""The pace gate: one request of an exit at a time, the pause counted from the end of the last answer."""

import asyncio

import pytest

from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.exceptions import Drained
from jobdata_scrapy.pace import MAX_SLOWNESS, PaceGate


class FakeTime:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def make_gate(time: FakeTime, *, low: float = 10.0, high: float = 20.0, pick: float = 1.0) -> PaceGate:
    return PaceGate(low, high, clock=lambda: time.now, sleep=time.sleep, uniform=lambda a, b: a + (b - a) * pick)


async def test_first_request_goes_at_once():
    time = FakeTime()
    assert await make_gate(time).enter("boss|direct") == 0
    assert time.slept == []


async def test_pause_begins_when_the_answer_ended():
    time = FakeTime()
    gate = make_gate(time)
    await gate.enter("a")
    time.now += 7  # a slow answer
    gate.leave("a")
    time.now += 3
    await gate.enter("a")
    assert time.slept == [17.0]  # 20 after the end, of which 3 are over


async def test_second_request_waits_for_the_first_to_end():
    time = FakeTime()
    gate = make_gate(time, low=0, high=0)
    await gate.enter("a")
    second = asyncio.ensure_future(gate.enter("a"))
    await asyncio.sleep(0)
    assert not second.done()
    gate.leave("a")
    await second


async def test_exits_do_not_wait_for_each_other():
    gate = make_gate(FakeTime())
    await gate.enter("a")
    assert await gate.enter("b") == 0


async def test_a_hold_lets_nothing_through_before_it_is_over():
    time = FakeTime()
    gate = make_gate(time)
    gate.hold("a", 120)
    gate.hold("a", 60)
    assert (gate.is_held("a"), gate.ready_in("a")) == (True, 120)
    assert await gate.enter("a") == 120
    assert not gate.is_held("a")
    gate.leave("a")
    gate.hold("a", 5)
    assert gate.ready_in("a") == 10
    assert await gate.enter("a") == 20  # the pause is longer
    assert not gate.is_held("b")


async def test_a_hold_that_comes_while_one_waits_counts_too():
    time = FakeTime()
    gate = make_gate(time)
    await gate.enter("a")
    gate.leave("a")
    slept = time.sleep

    async def sleep(seconds: float) -> None:
        if not time.slept:
            gate.hold("a", 50)
        await slept(seconds)

    gate._sleep = sleep
    assert await gate.enter("a") == 50
    assert time.slept == [20, 30]


async def test_a_hold_is_taken_over_from_another_process():
    time = FakeTime()
    gate = make_gate(time)
    gate.resume("a", 5, 1.0, hold_seconds=40)
    gate.resume("b", 5, 1.0, hold_seconds=-40)
    assert (gate.ready_in("a"), gate.ready_in("b")) == (40, 5)


async def test_what_was_not_sent_begins_no_pause():
    time = FakeTime()
    gate = make_gate(time)
    await gate.enter("a")
    gate.leave("a", sent=False)
    assert await gate.enter("a") == 0
    gate.leave("a")
    time.now += 15
    await gate.enter("a")
    gate.leave("a", sent=False)
    assert await gate.enter("a") == 0  # the pause of the answer before is over


async def test_slowness_doubles_up_to_a_ceiling_and_comes_back():
    time = FakeTime()
    gate = make_gate(time, pick=0.0)
    await gate.enter("a")
    for _ in range(10):
        gate.slow_down("a")
    gate.leave("a")
    await gate.enter("a")
    assert time.slept == [10 * MAX_SLOWNESS]
    for _ in range(10):
        gate.speed_up("a")
    gate.leave("a")
    await gate.enter("a")
    assert time.slept[-1] == 10


async def test_cancelled_waiter_frees_its_place():
    time = FakeTime()
    gate = make_gate(time)
    await gate.enter("a")
    waiter = asyncio.ensure_future(gate.enter("a"))
    await asyncio.sleep(0)
    waiter.cancel()
    gate.leave("a")
    await asyncio.wait_for(gate.enter("a"), 1)


def test_leaving_a_slot_nobody_holds_is_harmless():
    make_gate(FakeTime()).leave("a")


async def test_a_drain_wakes_the_one_that_sleeps_and_the_one_behind_it():
    switch = DrainSwitch()
    gate = PaceGate(60, 60, draining=switch)
    await gate.enter("a")
    gate.leave("a")
    waiters = [asyncio.ensure_future(gate.enter("a")) for _ in range(2)]
    await asyncio.sleep(0)
    switch.turn_on()
    for waiter in waiters:
        with pytest.raises(Drained):
            await asyncio.wait_for(waiter, 1)
    with pytest.raises(Drained):
        await gate.enter("b")


async def test_a_drain_leaves_alone_who_has_passed_the_gate():
    switch = DrainSwitch()
    gate = PaceGate(0, 0, draining=switch)

    async def ask() -> str:
        await gate.enter("a")
        await asyncio.sleep(0)
        return "answer"

    asking = asyncio.ensure_future(ask())
    await asyncio.sleep(0)
    switch.turn_on()
    switch.turn_on()
    assert await asking == "answer"


async def test_a_cancelled_waiter_is_cancelled_also_amid_a_drain():
    switch = DrainSwitch()
    gate = PaceGate(60, 60, draining=switch)
    await gate.enter("a")
    waiter = asyncio.ensure_future(gate.enter("a"))
    await asyncio.sleep(0)
    waiter.cancel()
    switch.turn_on()
    with pytest.raises(asyncio.CancelledError):
        await waiter
