"""When a posting is closed and reopened: the rule on histories in days. `test_lifecycle_view` tries the same ones in SQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobdata_scrapy.warehouse.lifecycle_rule import LifecycleRule, Pass, judge_lifecycle, order_passes
from tests.warehouse.lifecycle_parts import History, daily

RULE = LifecycleRule(closed_after=2, wait_days=30)
Closures = list[tuple[float, float | None]]


def one_search(rounds: range, shown: list[int], **given: object) -> History:
    passes, sightings = daily("a", rounds, shown)
    return History({"a": passes}, {"a": sightings}, **given)


def two_searches(a: tuple[range, list[int]], b: tuple[range, list[int]], **given: object) -> History:
    (a_rounds, a_shown), (b_rounds, b_shown) = daily("a", *a), daily("b", *b)
    return History({"a": a_rounds, "b": b_rounds}, {"a": a_shown, "b": b_shown}, **given)


def overlapping() -> History:
    """Round r0 begins before the posting is seen and ends long after; the two short ones within it miss it."""
    history = one_search(range(2), [0])
    history.rounds["a"] += [(0.02, 9.0), (5.0, 5.1)]
    return history


def resumed(shown_by_another: bool) -> History:
    """Read on day 1, resumed and ended on day 8. Another process read the same search on day 3 and saw the posting there."""
    history = one_search(range(1), [0])
    history.rounds["a"] += [(1.0, 8.0), (9.0, 9.1)]
    history.sightings["a"] += [(3.0, "other")] if shown_by_another else []
    return history


SCENARIOS: dict[str, tuple[History, Closures]] = {
    "shown to the end": (one_search(range(5), [0, 1, 2, 3, 4]), []),
    "missed once": (one_search(range(6), [0, 1, 2, 3, 4]), []),
    "missed twice": (one_search(range(5), [0, 1, 2]), [(3.1, None)]),
    "missed once and shown again": (one_search(range(5), [0, 1, 3, 4]), []),
    "closed and reopened": (one_search(range(6), [0, 1, 4, 5]), [(2.1, 4.05)]),
    "closed, reopened, closed": (one_search(range(9), [0, 1, 4, 5]), [(2.1, 4.05), (6.1, None)]),
    "nobody has looked since": (one_search(range(3), [0, 1, 2]), []),
    "rounds that began before it was seen": (
        History({"a": [(0.0, 0.1), (0.03, 0.2), (0.04, 0.3)]}, {"a": [(0.05, "a0")]}),
        [],
    ),
    "both searches miss it": (two_searches((range(5), [0, 1, 2]), (range(5), [0, 1, 2])), [(3.1, None)]),
    "the other search still shows it": (two_searches((range(9), [0, 1]), (range(9), list(range(9)))), []),
    "the other search shows it between": (two_searches((range(5), [0]), (range(3), [0, 2])), []),
    "one search dropped it, the last to show it misses it too": (
        two_searches((range(9), [0]), (range(9), [0, 1, 2, 3, 4])),
        [(5.1, None)],
    ),
    "the other search has not been read since": (
        two_searches((range(95, 100), [95, 96]), (range(95, 97), [95, 96])),
        [],
    ),
    "the other search was read once, long ago": (two_searches((range(50), list(range(40))), (range(1), [0])), [(40.1, None)]),
    "the other search was read once, and the wait is over": (
        two_searches((range(60), list(range(40))), (range(39, 40), [39])),
        [(40.1, None)],
    ),
    "the other search was read once, and the wait is not over": (
        two_searches((range(70, 100), list(range(70, 80))), (range(79, 80), [79])),
        [],
    ),
    "nobody reads the searches any more, even after the wait": (two_searches((range(3), [2]), (range(2), [1])), []),
    "only a search that had dropped it goes on": (two_searches((range(9), [0]), (range(5), [0, 1, 2, 3, 4])), []),
    "a round resumed days later ends after another saw it": (resumed(shown_by_another=True), []),
    "a round resumed days later missed it": (resumed(shown_by_another=False), [(8.0, None)]),
    "a long round around short ones adds nothing": (overlapping(), [(1.1, None)]),
    "gone by its own word": (one_search(range(2), [0, 1], gone=[(1.06, "a1")]), [(1.06, None)]),
    "gone at its first sighting": (one_search(range(1), [0], gone=[(0.06, "a0")]), [(0.06, None)]),
    "gone, and lists that go on showing it": (
        one_search(range(4), [0, 1, 2, 3], gone=[(1.06, "a1"), (2.06, "a2"), (3.06, "a3")]),
        [(1.06, None)],
    ),
    "gone, and shown again": (one_search(range(4), [0, 1, 2, 3], gone=[(1.06, "a1")]), [(1.06, 2.05)]),
    "gone before the rounds missed it": (one_search(range(5), [0, 1], gone=[(1.06, "a1")]), [(1.06, None)]),
    "a page read again in the same round counts by its last time": (
        History({"a": [(0.0, 0.1), (1.0, 1.1), (2.0, 2.1)]}, {"a": [(0.05, "r"), (5.0, "r")]}),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_rule(name: str):
    history, expected = SCENARIOS[name]
    lifecycle = history.judge(RULE)
    assert [(history.day(closed), history.day(again)) for closed, again in lifecycle.closures] == expected
    assert lifecycle.reopened == sum(again is not None for _, again in expected)
    assert history.day(lifecycle.closed_at) == (expected[-1][0] if expected and expected[-1][1] is None else None)


def test_first_and_last_seen_and_rounds():
    history = one_search(range(9), [0, 1, 5])
    history.sightings["a"].append((1.07, "a1"))
    lifecycle = history.judge(RULE)
    assert (history.day(lifecycle.first_seen), history.day(lifecycle.last_seen), lifecycle.sightings) == (0.05, 5.05, 3)


def test_a_list_that_shows_what_is_gone_is_not_its_last_sighting():
    history = one_search(range(4), [0, 1, 2], gone=[(1.06, "a1"), (2.06, "a2")])
    assert history.day(history.judge(RULE).last_seen) == 0.05


@pytest.mark.parametrize(("closed_after", "closed"), [(1, 3.1), (2, 3.1), (3, 3.1), (4, None)])
def test_so_many_rounds_must_have_missed_it(closed_after: int, closed: float | None):
    history = one_search(range(6), [0, 1, 2])
    assert history.day(history.judge(LifecycleRule(closed_after)).closed_at) == closed


def test_what_a_prune_may_have_taken_is_no_reopening():
    """A search keeps the first and the last sighting of a posting: rounds between the two need not have missed it."""
    history = one_search(range(40), [0, 39])
    assert history.judge(LifecycleRule(2, 30)).reopened == 1
    kept = history.judge(LifecycleRule(2, 30), pruned_until=history.at(20))
    assert (kept.reopened, kept.closed_at) == (0, None)
    history = one_search(range(45), [0, 39])
    assert history.day(history.judge(LifecycleRule(2, 30), pruned_until=history.at(60)).closed_at) == 40.1


def test_rounds_around_others_are_left_out():
    days = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 10)]
    long, short, later = Pass(days[0], days[5]), Pass(days[1], days[2]), Pass(days[3], days[6])
    assert order_passes([later, long, short, short]) == [short, later]
    assert order_passes([Pass(days[0], days[1]), Pass(days[0], days[2])]) == [Pass(days[0], days[1])]


def test_without_a_sighting_there_is_no_lifecycle():
    with pytest.raises(ValueError, match="never sighted"):
        judge_lifecycle([], {}, [], RULE, datetime.now(UTC))
