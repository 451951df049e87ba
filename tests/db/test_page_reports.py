"""What a page's report writes for its keyword: the lease begins anew, and how the search goes on is kept with the page."""

from __future__ import annotations

from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.db.coverage import find_rounds
from jobdata_scrapy.db.keywords import RoundReport, extend_keywords, release_keyword, report_rounds
from jobdata_scrapy.exceptions import LeaseLost
from tests.db.queue_parts import ANNE, BEN, RULES, add, at, lease


def test_reports_of_several_rounds_fail_alone(database):
    add(database, "a", "b")
    lost, kept = lease(database), lease(database)
    add(database, "c")
    assert lease(database, BEN, when=0).keyword == "c"
    extend_keywords(database, ANNE, RULES, now=at(100))
    release_keyword(database, lost, "", RULES, now=at(100))
    given = Coverage("boss", "不在队列", "上海", "20261122-boss-aaaaaa.1", "anne", pages_ok=1)
    errors = report_rounds(
        database, [RoundReport(lost.coverage), RoundReport(kept.coverage), RoundReport(given)], RULES, now=at(101)
    )
    assert [type(error) for error in errors] == [LeaseLost, type(None), type(None)]
    assert {line.keyword for line in find_rounds(database, "anne")} == {"b", "不在队列"}


def test_how_a_search_goes_on_is_kept_with_its_page(database):
    """A process killed after it goes on at the next page; a report without a plan leaves the one that is there."""
    add(database, "a")
    taken = lease(database)
    taken.coverage.pages_ok = 1
    for plan in ("page 2", ""):
        assert report_rounds(database, [RoundReport(taken.coverage, plan=plan)], RULES, now=at(1)) == [None]
    again = lease(database, BEN, when=1000)
    assert (again.goes_on, again.plan, again.coverage.pages_ok) == (True, "page 2", 1)
