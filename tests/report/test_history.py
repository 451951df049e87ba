"""A round that was unlike its keyword is no history for the next ones, unless the keyword has changed for good."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.report.health import Limits, compare_with_history
from jobdata_scrapy.report.history import select_healthy

LIMITS = Limits(field_coverage={}, block_ratio=0.2, tolerance=0.5, duration_factor=5)
CAPPED, DONE = RoundState.CAPPED, RoundState.DONE


def make_rounds(*seen: int, state: RoundState = DONE) -> list[Coverage]:
    """Rounds that saw so many postings, given oldest first, returned newest first."""
    rounds = [
        Coverage("boss", "数据分析", "上海", str(number), "run", seen=many, distinct=many, total=many, state=state)
        for number, many in enumerate(seen)
    ]
    return rounds[::-1]


def healthy(*seen: int, count: int = 5, state: RoundState = DONE) -> list[int]:
    """What the healthy ones among them saw, newest first."""
    return [one.seen for one in select_healthy(make_rounds(*seen, state=state), LIMITS, count)]


def test_the_last_rounds_as_long_as_they_are_alike():
    assert healthy() == []
    assert healthy(40) == [40]
    assert healthy(40, 41, 42, 43, 44, 45, count=3) == [45, 44, 43]


def test_a_round_that_was_unlike_is_left_out_whenever_it_was():
    assert healthy(40, 41, 4) == [41, 40]
    assert healthy(40, 4, 42) == [42, 40]
    assert healthy(40, 4, 42, 3, 5) == [42, 40]


def test_what_a_site_hides_does_not_become_usual_by_and_by():
    for hidden in ((4,), (4, 4), (4, 40, 4, 4)):
        history = select_healthy(make_rounds(40, 41, 42, *hidden), LIMITS, 5)
        assert compare_with_history(make_rounds(4)[0], history, LIMITS) != []


def test_three_in_a_row_that_agree_are_what_is_usual_now():
    assert healthy(40, 40, 40, 40, 40, 4, 5, 4) == [4, 5, 4]
    assert healthy(40, 40, 4, 5, 4, 6) == [6, 4, 5, 4]
    assert healthy(40, 40, 18, 9, 2) == [40, 40]  # they do not agree: it goes on falling


def test_a_round_believed_to_be_empty_begins_anew():
    assert healthy(40, 40, 0) == [0]
    assert healthy(40, 40, 0, 0, 38) == [38, 0]


def test_a_keyword_that_is_always_capped_has_a_history():
    assert healthy(300, 300, 290, state=CAPPED) == [290, 300, 300]
    history = select_healthy(make_rounds(300, 300, state=CAPPED), LIMITS, 5)
    assert compare_with_history(make_rounds(60, state=CAPPED)[0], history, LIMITS) == [
        "boss 数据分析 / 上海: 60 postings, 300 are usual"
    ]


@given(st.lists(st.integers(0, 100), max_size=30), st.integers(1, 6))
def test_it_is_some_of_the_rounds_in_their_order_and_never_none_of_them(seen, count):
    rounds = make_rounds(*seen)
    found = select_healthy(rounds, LIMITS, count)
    assert found == [one for one in rounds if one in found]
    assert len(found) <= count
    assert bool(found) == bool(rounds)
