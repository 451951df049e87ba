"""When a round may be called done."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.coverage import (
    REPLAYED,
    Coverage,
    RoundState,
    add_page,
    fail_damaged,
    finish,
    settle,
    take_replayed,
    waits_for_spool,
)
from jobdata_scrapy.items import Job, Page, RejectedRow, RowState, StoredPage


def make_coverage(**values) -> Coverage:
    return Coverage("boss", "数据分析", "上海", "r.1", "r", **values)


def make_page(states: list[RowState], rejected: int = 0) -> Page:
    page = Page("boss", "search", "数据分析", "上海", "r.1", "r", 1, datetime.now(UTC), 1)
    page.jobs = [Job(str(i), "t", state=state) for i, state in enumerate(states)]
    page.rejected = [RejectedRow("job_id", "is empty") for _ in range(rejected)]
    page.stored = StoredPage(states.count(RowState.NEW), states.count(RowState.CHANGED), states.count(RowState.UNCHANGED))
    return page


@given(st.lists(st.tuples(st.lists(st.sampled_from(list(RowState)), max_size=30), st.integers(0, 3)), max_size=5))
def test_sums_hold_for_any_pages(pages):
    coverage = make_coverage()
    for states, rejected in pages:
        add_page(coverage, make_page(states, rejected))
    assert coverage.adds_up
    assert coverage.pages_ok == len(pages)
    assert coverage.distinct == coverage.seen - coverage.repeated - coverage.rejected


def test_a_page_that_was_not_stored_cannot_be_counted():
    page = make_page([RowState.NEW])
    page.stored = None
    with pytest.raises(ValueError, match="was not stored"):
        add_page(make_coverage(), page)


TWO = {"pages_ok": 1, "seen": 2, "new": 2, "distinct": 2}


@pytest.mark.parametrize(
    ("counts", "stop", "capped", "failed", "stored", "expected"),
    [
        (TWO, "end", False, False, 2, (RoundState.DONE, "end")),
        (TWO, "end", True, False, 2, (RoundState.CAPPED, "end")),
        (TWO, "pages_limit", False, False, 2, (RoundState.PARTIAL, "pages_limit")),
        (TWO, "end", False, False, 1, (RoundState.FAILED, "count_mismatch")),
        (TWO, "end", False, False, None, (RoundState.PARTIAL, "end")),
        (TWO, "pages_limit", False, False, None, (RoundState.PARTIAL, "pages_limit")),
        ({"pages_ok": 1, "seen": 3, "new": 2, "distinct": 2}, "end", False, False, 2, (RoundState.FAILED, "count_mismatch")),
        ({**TWO, "new": 0, "spooled": 2}, "end", False, False, 0, (RoundState.PARTIAL, "end")),
        ({**TWO, "new": 0, "spooled": 2}, "captcha", False, True, 0, (RoundState.PARTIAL, "captcha")),
        (TWO, "captcha", False, True, 2, (RoundState.PARTIAL, "captcha")),
        ({}, "captcha", False, True, 0, (RoundState.FAILED, "captcha")),
        ({}, "end", False, False, 0, (RoundState.DONE, "end")),
    ],
)
def test_finish(counts, stop, capped, failed, stored, expected):
    coverage = make_coverage(**counts)
    finish(coverage, stop, capped=capped, failed=failed, stored=stored)
    assert (coverage.state, coverage.stop_reason) == expected


def spooled_round(**values) -> Coverage:
    return make_coverage(**({"pages_ok": 2, "seen": 60, "spooled": 60, "distinct": 60} | values))


@given(st.lists(st.tuples(*(st.integers(0, 20) for _ in REPLAYED)), max_size=6), st.integers(0, 5))
def test_what_was_replayed_is_taken_in_once_however_often_it_is_told(steps, repeats):
    """The ledger tells totals: each as often as it likes, and never too little for the sums to hold."""
    total = sum(map(sum, steps))
    coverage = spooled_round(seen=total + 7, new=7, spooled=total, distinct=total + 7)
    told = dict.fromkeys(REPLAYED, 0)
    for step in steps:
        told = {name: told[name] + more for name, more in zip(REPLAYED, step, strict=True)}
        for _ in range(repeats + 1):
            take_replayed(coverage, told)
        assert coverage.adds_up
    take_replayed(coverage, dict.fromkeys(REPLAYED, 0))
    assert (coverage.replayed, coverage.spooled) == (told, 0)
    assert (coverage.new, coverage.distinct) == (7 + told["new"], total + 7 - told["rejected"])


@pytest.mark.parametrize(
    ("stop", "failed", "stored", "expected"),
    [
        ("end", False, 60, (RoundState.DONE, "end")),
        ("end", False, 59, (RoundState.FAILED, "count_mismatch")),
        ("pages_limit", False, 60, (RoundState.PARTIAL, "pages_limit")),
        ("storage_down", True, 60, (RoundState.PARTIAL, "storage_down")),
    ],
)
def test_a_round_is_settled_as_it_would_have_ended(stop, failed, stored, expected):
    coverage = spooled_round()
    finish(coverage, stop, capped=False, failed=failed, stored=None)
    assert waits_for_spool(coverage) is (stop == "end")
    take_replayed(coverage, {"new": 60, "changed": 0, "unchanged": 0, "rejected": 0})
    settle(coverage, stored)
    assert not waits_for_spool(coverage)
    assert (coverage.state, coverage.stop_reason, coverage.stored) == (*expected, stored)


def test_a_round_that_could_not_be_counted_waits_for_its_count():
    coverage = make_coverage(**TWO)
    finish(coverage, "end", capped=False, failed=False, stored=None)
    assert waits_for_spool(coverage)
    settle(coverage, 2)
    assert (coverage.state, coverage.stored, waits_for_spool(coverage)) == (RoundState.DONE, 2, False)


def test_a_round_with_a_damaged_file_is_read_anew():
    coverage = spooled_round()
    finish(coverage, "end", capped=False, failed=False, stored=None)
    fail_damaged(coverage)
    assert (coverage.state, coverage.stop_reason, waits_for_spool(coverage)) == (RoundState.FAILED, "spool_damaged", False)
