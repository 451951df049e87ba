import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.backend.gather import Gatherer
from jobdata_scrapy.exceptions import StorageError, WarehouseUnavailable


@dataclass(eq=False)
class Item:
    """`trouble`: what the store says of it: "" for nothing, "row" (its own fault) or "down" (nobody's)."""

    name: int
    group: str = "boss"
    trouble: str = ""


@dataclass
class Store:
    """Stores a unit after the loop has gone round `turns` times; remembers what it was given."""

    turns: int = 2
    units: list[list[Item]] = field(default_factory=list)
    under_way: int = 0

    async def write(self, items: Sequence[Item]) -> list[str]:
        self.units.append(list(items))
        self.under_way += 1
        assert self.under_way == 1, "one unit at a time"
        assert len({item.group for item in items}) == 1, "one group a unit"
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.under_way -= 1
        troubles = {item.trouble for item in items}
        if "down" in troubles:
            raise WarehouseUnavailable("nobody answers")
        if "row" in troubles:
            raise StorageError(f"refused, one of {[item.name for item in items]}")
        return [f"stored {item.name}" for item in items]

    @property
    def sizes(self) -> list[int]:
        return [len(unit) for unit in self.units]


def make_gatherer(store: Store, limit: int = 32, **options) -> Gatherer[Item, str]:
    return Gatherer(
        store.write,
        group=lambda item: item.group,
        splits=lambda error: not isinstance(error, WarehouseUnavailable),
        limit=limit,
        **options,
    )


async def turn(times: int = 1) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def store_all(gatherer: Gatherer[Item, str], items: Sequence[Item]) -> list[str | BaseException]:
    return await asyncio.gather(*(gatherer.store(item) for item in items), return_exceptions=True)


async def test_an_item_that_comes_alone_is_stored_at_once():
    store = Store(turns=0)
    slept = []
    gatherer = make_gatherer(store, quiet=5, sleep=slept.append)
    assert [await gatherer.store(Item(number)) for number in range(3)] == ["stored 0", "stored 1", "stored 2"]
    assert store.sizes == [1, 1, 1]
    assert slept == []


async def test_what_comes_while_a_unit_is_under_way_is_the_next_unit():
    store = Store(turns=10)
    gatherer = make_gatherer(store)
    first = asyncio.ensure_future(gatherer.store(Item(0)))
    await turn(3)
    rest = await store_all(gatherer, [Item(number) for number in range(1, 8)])
    assert await first == "stored 0"
    assert rest == [f"stored {number}" for number in range(1, 8)]
    assert store.sizes == [1, 7]


async def test_a_unit_is_bounded():
    store = Store()
    await store_all(make_gatherer(store, limit=4), [Item(number) for number in range(10)])
    assert store.sizes == [4, 4, 2]


async def test_a_unit_is_of_one_group_and_the_oldest_goes_first():
    store = Store()
    items = [Item(number, group) for number, group in enumerate("aabab")]
    assert await store_all(make_gatherer(store), items) == [f"stored {number}" for number in range(5)]
    assert [[item.name for item in unit] for unit in store.units] == [[0, 1, 3], [2, 4]]


async def test_after_a_unit_it_waits_until_nothing_more_comes():
    store, gaps = Store(turns=1), []
    late = [Item(number) for number in range(2, 5)]
    tasks = []

    async def sleep(seconds: float) -> None:
        gaps.append(seconds)
        if late:
            tasks.append(asyncio.ensure_future(gatherer.store(late.pop(0))))
            await turn()

    gatherer = make_gatherer(store, quiet=0.02, sleep=sleep)
    first = asyncio.ensure_future(gatherer.store(Item(0)))
    await turn(2)
    assert await gatherer.store(Item(1)) == "stored 1"
    assert await asyncio.gather(first, *tasks) == ["stored 0", "stored 2", "stored 3", "stored 4"]
    assert store.sizes == [1, 4]
    assert gaps == [0.02] * 4


async def test_one_bad_item_does_not_cost_the_others():
    store = Store()
    items = [Item(0), Item(1, trouble="row"), Item(2)]
    good, bad, other = await store_all(make_gatherer(store), items)
    assert (good, other) == ("stored 0", "stored 2")
    assert isinstance(bad, StorageError)
    assert str(bad) == "refused, one of [1]"
    assert store.sizes == [3, 1, 1, 1]


async def test_a_store_that_stays_away_fails_the_whole_unit_without_further_tries():
    store = Store()
    results = await store_all(make_gatherer(store), [Item(0), Item(1, trouble="down"), Item(2)])
    assert [type(result) for result in results] == [WarehouseUnavailable] * 3
    assert store.sizes == [3]


async def test_a_store_that_goes_away_amid_single_tries_is_not_asked_for_the_rest():
    store = Store()
    items = [Item(0, trouble="row"), Item(1), Item(2, trouble="row"), Item(3), Item(4)]
    write = store.write

    async def write_and_die(unit: Sequence[Item]) -> list[str]:
        if len(unit) == 1 and unit[0].name == 2:
            unit[0].trouble = "down"
        return await write(unit)

    store.write = write_and_die
    results = await store_all(make_gatherer(store), items)
    assert [type(result) for result in results] == [StorageError, str, *[WarehouseUnavailable] * 3]
    assert store.sizes == [5, 1, 1, 1]


async def test_a_cancelled_caller_takes_no_other_down_and_its_item_is_stored():
    store = Store(turns=5)
    gatherer = make_gatherer(store)
    items = [Item(number) for number in range(4)]
    tasks = [asyncio.ensure_future(gatherer.store(item)) for item in items[:2]]
    await turn(2)  # under way
    tasks += [asyncio.ensure_future(gatherer.store(item)) for item in items[2:]]
    await turn()  # waiting
    tasks[0].cancel()
    tasks[2].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, str] * 2
    assert [item.name for unit in store.units for item in unit] == [0, 1, 2, 3]


async def test_an_item_handed_in_again_is_stored_once():
    store = Store(turns=5)
    gatherer = make_gatherer(store)
    under_way, waiting = Item(0), Item(1)
    tasks = [asyncio.ensure_future(gatherer.store(under_way))]
    await turn(2)
    tasks += [asyncio.ensure_future(gatherer.store(item)) for item in (under_way, waiting, waiting)]
    assert await asyncio.gather(*tasks) == ["stored 0", "stored 0", "stored 1", "stored 1"]
    assert [item.name for unit in store.units for item in unit] == [0, 1]


async def test_a_caller_that_gave_up_may_come_back_for_the_result():
    store = Store(turns=5)
    gatherer, item = make_gatherer(store), Item(0)
    task = asyncio.ensure_future(gatherer.store(item))
    await turn(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gatherer.store(item) == "stored 0"
    assert store.sizes == [1]


async def test_a_failure_that_nobody_waits_for_is_logged(caplog):
    gatherer = make_gatherer(Store(turns=3))
    task = asyncio.ensure_future(gatherer.store(Item(0, trouble="row")))
    await turn(2)
    task.cancel()
    await turn(5)
    assert "no caller any more: refused, one of [0]" in caplog.text


async def test_a_bug_in_the_store_reaches_the_callers():
    async def write(items: Sequence[Item]) -> list[str]:
        raise TypeError("not a page")

    results = await store_all(Gatherer(write), [Item(0), Item(1)])
    assert [str(result) for result in results] == ["not a page", "not a page"]


STEPS = st.lists(
    st.tuples(
        st.integers(0, 6),  # turns of the loop before it is handed in
        st.sampled_from(["a", "a", "b"]),
        st.sampled_from(["", "", "", "row", "down"]),
        st.one_of(st.none(), st.integers(0, 12)),  # turns after which its caller is cancelled
    ),
    max_size=25,
)


@given(steps=STEPS, limit=st.integers(1, 5), turns=st.integers(0, 4))
def test_whatever_comes_each_caller_gets_its_own(steps, limit, turns):
    store = Store(turns=turns)
    items = [Item(number, group, trouble) for number, (_, group, trouble, _) in enumerate(steps)]
    results = asyncio.run(hand_in(make_gatherer(store, limit), items, [(pause, patience) for pause, _, _, patience in steps]))
    assert max(store.sizes, default=0) <= limit
    alone = [unit[0] for unit in store.units if len(unit) == 1]
    together = [item for unit in store.units if len(unit) > 1 for item in unit]
    assert len(alone) == len(set(alone)), "tried alone twice"
    assert len(together) == len(set(together)), "gathered twice"
    assert set(alone) | set(together) == set(items), "every item is tried"
    for item, result in zip(items, results, strict=True):
        if not isinstance(result, asyncio.CancelledError):
            check_result(store, item, result)


async def hand_in(gatherer: Gatherer[Item, str], items: list[Item], timing: list[tuple[int, int | None]]) -> list:
    """Hands the items in, each after its pause; cancels a caller after its patience. Returns what each caller got."""

    async def call(item: Item, patience: int | None) -> str:
        task = asyncio.ensure_future(gatherer.store(item))
        if patience is not None:
            await turn(patience + 1)
            task.cancel()
        return await task

    calls = []
    for item, (pause, patience) in zip(items, timing, strict=True):
        await turn(pause)
        calls.append(asyncio.ensure_future(call(item, patience)))
    results = await asyncio.gather(*calls, return_exceptions=True)
    await turn(1000)  # what nobody waits for any more ends, too
    return results


def check_result(store: Store, item: Item, result: object) -> None:
    """Its own result, its own error, or that the store was away for its whole unit."""
    if isinstance(result, WarehouseUnavailable):
        assert any(item in unit and any(one.trouble == "down" for one in unit) for unit in store.units)
    elif item.trouble == "row":
        assert str(result) == f"refused, one of [{item.name}]"
    else:
        assert result == f"stored {item.name}"
