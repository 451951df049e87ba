"""When a round may be called done."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.coverage import Coverage, RoundState, add_page, finish
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
        (TWO, "end", False, False, None, (RoundState.FAILED, "count_mismatch")),
        ({"pages_ok": 1, "seen": 3, "new": 2, "distinct": 2}, "end", False, False, 2, (RoundState.FAILED, "count_mismatch")),
        ({**TWO, "spooled": 2}, "end", False, False, 0, (RoundState.PARTIAL, "spooled")),
        (TWO, "captcha", False, True, 2, (RoundState.PARTIAL, "captcha")),
        ({}, "captcha", False, True, 0, (RoundState.FAILED, "captcha")),
        ({}, "end", False, False, 0, (RoundState.DONE, "end")),
    ],
)
def test_finish(counts, stop, capped, failed, stored, expected):
    coverage = make_coverage(**counts)
    finish(coverage, stop, capped=capped, failed=failed, stored=stored)
    assert (coverage.state, coverage.stop_reason) == expected
