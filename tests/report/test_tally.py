"""The tally counts every page once, in memory that stays flat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.items import Company, Job, RowState, StoredPage
from jobdata_scrapy.report.counters import BoundedCounter, LatencyBuckets, TopCounter
from jobdata_scrapy.report.tally import EXAMPLES_PER_FIELD, SALARY_EDGES, SalaryBands, Tally


def test_a_page_that_was_not_stored_is_refused(make_page):
    page = make_page()
    page.stored = None
    with pytest.raises(ValueError, match="was not stored"):
        Tally().add_page(page)


def test_details_and_companies_are_counted_apart_from_the_postings(make_page):
    tally = Tally()
    tally.add_page(make_page())
    tally.add_page(make_page(0, page_kind="detail", jobs=[Job("1-0", "t", skills=["SQL"])], stored=StoredPage(changed=1)))
    tally.add_page(make_page(0, page_kind="company", jobs=[], companies=[Company("c", "n")]))
    assert (tally.postings.pages, tally.postings.seen) == (1, 3)
    assert (tally.details.pages, tally.details.changed) == (1, 1)
    assert tally.companies_seen == 1
    assert len(tally.skills) == 0


def test_a_repeated_posting_is_not_counted_in_salaries_and_skills(make_page):
    fields = {"monthly_low": 9000.0, "monthly_high": 11000.0, "skills": ["SQL", "SQL", " "], "company_name": "某公司"}
    jobs = [Job("a", "t", **fields), Job("b", "t", state=RowState.REPEATED, **fields)]
    tally = Tally()
    tally.add_page(make_page(jobs=jobs))
    assert tally.skills.most_common(9) == [("SQL", 1)]
    assert tally.companies.most_common(9) == [("某公司", 1)]
    assert tally.salaries.bands[SALARY_EDGES.index(10000)] == 1
    assert tally.postings.repeated == 1


@pytest.mark.parametrize(
    ("low", "high", "edge"),
    [(0, 0, 0), (2000, 3999, 0), (2000, 4000, 3000), (10000, 15000, 10000), (60000, 100000, 80000), (900000, 900000, 80000)],
)
def test_a_salary_is_counted_in_the_band_of_its_middle(low, high, edge):
    bands = SalaryBands()
    bands.add(low, high)
    assert bands.bands[SALARY_EDGES.index(edge)] == sum(bands.bands) == 1


def test_an_open_or_hidden_salary_gets_no_invented_middle():
    bands = SalaryBands()
    bands.add(10000, None)
    bands.add(None, 5000)
    bands.add(None, None)
    assert (sum(bands.bands), bands.open_ended, bands.undisclosed) == (0, 2, 1)


def test_memory_stays_flat_over_endless_different_names(make_page):
    tally = Tally()
    for number in range(300):
        jobs = [
            Job(f"{number}-{i}", "t", skills=["SQL", f"s{number}-{i}" + "x" * 999], company_name=f"c{number}-{i}")
            for i in range(20)
        ]
        page = make_page(number, jobs=jobs, rejected=1)
        page.rejected[0].reason = f"reason {number}"
        tally.add_page(page)
        tally.add_unreadable(f"field {number}", f"text {number}")
        tally.add_unreadable("salary", f"{number}个鸡蛋")
        tally.add_answer(f"VERDICT {number}", number / 10)
    assert len(tally.skills) <= 2001
    assert len(tally.companies) <= 2001
    assert tally.skills.most_common(1) == [("SQL", 6000)]
    assert not tally.skills.exact
    assert len(tally.rejected.counts) <= 201
    assert tally.rejected.total == 300
    assert len(tally.verdicts.counts) <= 51
    assert tally.verdicts.total == tally.latency.count == 300
    assert tally.unreadable.total == 600
    assert len(tally.examples) <= 51
    assert max(len(kept) for kept in tally.examples.values()) == EXAMPLES_PER_FIELD


def test_examples_show_the_sites_notation_and_never_a_contact():
    tally = Tally()
    for text in ("薪资\n好谈", "薪资 好谈", "电话13800001111", "hr@example.com", ""):
        tally.add_unreadable("salary", text)
    assert tally.examples == {"salary": ["薪资 好谈"]}
    assert tally.unreadable.total == 5


@given(st.lists(st.floats(min_value=0, max_value=600), min_size=1, max_size=60))
def test_latency_is_exact_at_the_ends_and_within_ten_percent_between(seconds):
    buckets = LatencyBuckets()
    for value in seconds:
        buckets.add(value)
    summary = buckets.summary()
    assert summary["min"] == round(min(seconds), 4)
    assert summary["max"] == round(max(seconds), 4)
    exact = sorted(seconds)[-(-len(seconds) // 2) - 1]
    found = buckets.quantile(0.5)
    assert exact * 0.999 <= found <= max(exact * 1.1001, 0.001)


def test_latency_without_answers_is_unknown_and_a_clock_set_back_is_zero():
    buckets = LatencyBuckets()
    assert buckets.summary() == {"count": 0, "min": None, "median": None, "p95": None, "max": None}
    buckets.add(-5)
    assert buckets.summary() == {"count": 1, "min": 0, "median": 0, "p95": 0, "max": 0}


def test_an_answer_without_a_latency_counts_for_its_verdict_only():
    tally = Tally()
    tally.add_answer("LAYOUT_CHANGED", None)
    assert (tally.verdicts.total, tally.latency.count) == (1, 0)


@given(st.lists(st.integers(0, 30)))
def test_a_bounded_counter_loses_no_count(keys):
    counter = BoundedCounter(-1, max_keys=5)
    for key in keys:
        counter.add(key)
    assert counter.total == len(keys)
    assert len(counter.counts) <= 6


def test_equal_counts_are_in_the_order_of_their_names():
    counter = TopCounter()
    counter.update(["b", "a", "c", "c"])
    assert counter.most_common(2) == [("c", 2), ("a", 1)]
