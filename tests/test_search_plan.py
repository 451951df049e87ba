"""A round is a plan of searches: each read once, at any interruption gone on with, bounded; what stays out of reach is stated."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.platform import Query, Split
from jobdata_scrapy.search_plan import MAX_DEPTH, MAX_PAGES, MAX_SEARCHES, SearchPlan, Step
from spiders.registry import PLATFORMS

QUERY = Query("数据分析", "上海", "538")
EXPERIENCE = Split("experience", {"1-3年": "104", "3-5年": "105"})
SALARY = Split("salary", {"3-5K": "403", "5-10K": "404"}, misses="postings without a salary")
DEGREE = Split("degree", {"本科": "203", "硕士": "204"})

Site = Callable[[Query], tuple[int, bool]]  # a query -> (pages of the search, does it end at the cap)


def read(plan: SearchPlan, site: Site, *, rows: int = 15) -> tuple[SearchPlan, list[Step]]:
    """Reads a plan to its end against a site."""
    steps = []
    while step := plan.next_step():
        steps.append(step)
        pages, capped = site(step.query)
        last = step.page >= pages
        plan = plan.after_page(step, total=None, capped=capped and last, last=last, rows=rows)
    return plan, steps


def capped_when(*filters: tuple[tuple[str, str], ...]) -> Site:
    return lambda query: (2, query.filters in filters)


def test_a_search_below_the_cap_is_the_whole_plan():
    plan, steps = read(SearchPlan.start(QUERY, (EXPERIENCE,)), capped_when())
    assert steps == [Step(QUERY, 1, 1), Step(QUERY, 2, 2)]
    assert (plan.next_step(), plan.uncovered) == (None, ())
    assert (plan.next_step(), plan.searches, plan.describe_uncovered()) == (None, (1, 1), "")


def test_a_capped_search_is_split_and_page_numbers_go_on():
    plan, steps = read(SearchPlan.start(QUERY, (EXPERIENCE, SALARY)), capped_when(()))
    assert [(step.query.filters, step.page, step.page_number) for step in steps] == [
        ((), 1, 1),
        ((), 2, 2),
        ((("experience", "104"),), 1, 3),
        ((("experience", "104"),), 2, 4),
        ((("experience", "105"),), 1, 5),
        ((("experience", "105"),), 2, 6),
    ]
    assert (plan.next_step(), plan.uncovered) == (None, ())
    assert plan.searches == (3, 3)


def test_a_site_without_splits_stays_capped_and_says_how_far_it_went():
    plan = SearchPlan.start(QUERY, ())
    plan = plan.after_page(plan.next_step(), total=450, capped=False, last=False, rows=15)
    plan = plan.after_page(plan.next_step(), total=440, capped=True, last=True, rows=15)
    assert plan.next_step() is None
    assert plan.uncovered
    assert plan.describe_uncovered() == "the whole search: whatever the site has beyond the first 30 of 450 advertised"


def test_what_stays_capped_at_the_bottom_is_uncovered():
    bottom = (("experience", "105"), ("degree", "203"))
    plan, steps = read(SearchPlan.start(QUERY, (EXPERIENCE, DEGREE, SALARY)), capped_when((), bottom[:1], bottom))
    assert max(len(step.query.filters) for step in steps) == MAX_DEPTH
    assert plan.uncovered
    assert plan.describe_uncovered() == "experience 3-5年 + degree 本科: whatever the site has beyond the first 30"


def test_a_split_that_misses_postings_is_never_complete():
    plan, _ = read(SearchPlan.start(QUERY, (SALARY,)), capped_when(()))
    assert plan.next_step() is None
    assert plan.uncovered
    assert plan.describe_uncovered() == "the whole search: postings without a salary, beyond the first 30"


def test_a_total_that_is_cut_at_the_cap_is_not_told():
    plan = SearchPlan.start(QUERY, ())
    plan = plan.after_page(plan.next_step(), total=1000, capped=True, last=True, rows=1000)
    assert plan.describe_uncovered() == "the whole search: whatever the site has beyond the first 1000"


def test_a_filter_of_the_user_is_kept_and_not_used_twice():
    query = Query("k", "上海", "538", (("experience", "104"),))
    _, steps = read(SearchPlan.start(query, (EXPERIENCE, DEGREE)), lambda query: (1, len(query.filters) == 1))
    assert [step.query.filters for step in steps[1:]] == [
        (("experience", "104"), ("degree", "203")),
        (("experience", "104"), ("degree", "204")),
    ]


def test_a_split_that_no_longer_fits_gives_way_to_a_smaller_one():
    many = Split("industry", {str(code): str(code) for code in range(MAX_SEARCHES)})
    _, steps = read(SearchPlan.start(QUERY, (many, DEGREE)), capped_when(()))
    assert [step.query.filters for step in steps[2:]] == [
        (("degree", "203"),),
        (("degree", "203"),),
        (("degree", "204"),),
        (("degree", "204"),),
    ]


def test_a_search_that_never_ends_is_capped_at_last():
    plan, steps = read(SearchPlan.start(QUERY, ()), lambda query: (10**9, False))
    assert len(steps) == MAX_PAGES
    assert plan.uncovered


def test_a_long_description_names_some_and_counts_the_rest():
    parts = Split("city", {f"c{code}": str(code) for code in range(20)})
    plan, _ = read(SearchPlan.start(QUERY, (parts,)), lambda query: (1, True))
    assert plan.describe_uncovered(limit=2).endswith("; and 18 more")


def test_a_page_that_is_not_the_next_one_is_refused():
    plan = SearchPlan.start(QUERY, ())
    step = plan.next_step()
    later = plan.after_page(step, total=None, capped=False, last=False)
    with pytest.raises(ValueError, match="page 1 is not the next page"):
        later.after_page(step, total=None, capped=False, last=False)


def test_an_empty_text_begins_and_a_good_one_goes_on_without_a_warning():
    plan = SearchPlan.start(QUERY, (EXPERIENCE,))
    assert SearchPlan.from_json("", QUERY, (EXPERIENCE,)) == (plan, "")
    later = plan.after_page(plan.next_step(), total=7, capped=False, last=False, rows=15)
    assert SearchPlan.from_json(later.to_json(), QUERY, (EXPERIENCE,), pages_done=1) == (later, "")


def test_a_page_the_ledger_counted_but_the_plan_did_not_keeps_its_number():
    plan = SearchPlan.start(QUERY, (EXPERIENCE,))
    restored = SearchPlan.from_json(plan.to_json(), QUERY, (EXPERIENCE,), pages_done=1)
    assert restored.plan.next_step() == Step(QUERY, 1, 2)


def broken(**changes: object) -> str:
    return json.dumps(json.loads(SearchPlan.start(QUERY, (EXPERIENCE,)).to_json()) | changes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ("null", "cannot be read"),
        ("{}", "cannot be read: .*version"),
        ('{"version": 2}', "its version is 2, this program reads 1"),
        (broken(page=0), r"cannot be read: .*page"),
        (broken(number="1"), r"cannot be read: .*number"),
        (broken(more=1), "cannot be read: .*more"),
        (broken(keyword="other"), "belongs to another search"),
        (broken(city_code="530"), "belongs to another search"),
        (broken(pending=[[["experience", "999"]]]), "filters have changed"),
        (broken(uncovered=[{"filters": [], "read": 1, "split_by": "gone"}]), "filters have changed"),
        (broken(pending=[[], []]), "do not add up"),
    ],
)
def test_what_cannot_be_used_starts_over_with_a_warning(text, reason):
    plan, warning = SearchPlan.from_json(text, QUERY, (EXPERIENCE,), pages_done=3)
    assert plan.next_step() == Step(QUERY, 1, 4)
    assert warning.startswith("the saved search plan is not used")
    assert re.search(reason, warning)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_whatever_was_saved_is_read_or_starts_over(text):
    assert SearchPlan.from_json(text, QUERY, (EXPERIENCE,)).plan.next_step() == Step(QUERY, 1, 1)


splits = st.lists(
    st.builds(
        lambda name, size, misses: Split(name, {f"{name}{code}": str(code) for code in range(size)}, misses),
        st.sampled_from(["a", "b", "c", "d"]),
        st.integers(1, 40),
        st.sampled_from(["", "some"]),
    ),
    unique_by=lambda split: split.parameter,
    max_size=4,
)


def made_up_site(seed: int) -> Site:
    """Pages and caps that look random and are the same for the same search."""

    def site(query: Query) -> tuple[int, bool]:
        number = crc32(repr((seed, query.filters)).encode())
        return 1 + number % 3, number % 5 > 0

    return site


sites = st.integers().map(made_up_site)


@given(splits, sites)
def test_every_search_is_read_once_page_by_page_within_bounds(offered, site):
    plan, steps = read(SearchPlan.start(QUERY, offered), site)
    asked = [(step.query.filters, step.page) for step in steps]
    searches = {filters for filters, _ in asked}
    assert len(set(asked)) == len(asked)
    assert len(searches) <= MAX_SEARCHES
    assert asked == sorted(asked, key=lambda one: ([filters for filters, _ in asked].index(one[0]), one[1]))
    assert [step.page_number for step in steps] == list(range(1, len(steps) + 1))
    for filters in searches:
        assert {page for one, page in asked if one == filters} == set(range(1, site(Query("", "", "", filters))[0] + 1))
    split = {filters[:-1] for filters in searches if filters}
    left = {part.filters for part in plan.uncovered if not part.split_by}
    assert {filters for filters in searches if site(Query("", "", "", filters))[1]} == split | left
    assert plan.searches == (len(searches), len(searches))


@given(splits, sites, st.sets(st.integers(0, 200)))
def test_saved_and_read_back_at_any_point_it_visits_the_same_pages(offered, site, saves):
    whole, expected = read(SearchPlan.start(QUERY, offered), site)
    plan, steps = SearchPlan.start(QUERY, offered), []
    while step := plan.next_step():
        if len(steps) in saves:
            plan, warning = SearchPlan.from_json(plan.to_json(), QUERY, offered, pages_done=len(steps))
            assert warning == ""
            assert plan.next_step() == step
        steps.append(step)
        pages, capped = site(step.query)
        last = step.page >= pages
        plan = plan.after_page(step, total=None, capped=capped and last, last=last, rows=15)
    assert (steps, plan) == (expected, whole)


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_the_splits_of_a_site_are_filters_it_takes(name):
    platform = PLATFORMS[name]
    query = platform.query("k", "上海")
    assert platform.splits
    for split in platform.splits:
        assert len(set(split.codes.values())) == len(split.codes) < MAX_SEARCHES
        assert not {"不限", "全部"} & set(split.codes)
        for code in split.codes.values():
            filtered = Query(query.keyword, query.city, query.city_code, ((split.parameter, code),))
            assert platform.search_request(filtered, 1) != platform.search_request(query, 1)
