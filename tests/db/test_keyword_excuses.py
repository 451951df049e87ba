"""What a keyword is not charged for, and when it is looked at again."""

import pytest

from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.keywords import release_keyword
from jobdata_scrapy.leases import Owner
from tests.db.queue_parts import BEN, RULES, add, at, end, lease, leased_words, report, row_of


@pytest.mark.parametrize("error", ["captcha", "rate_limited", "layout_changed"])
def test_what_the_site_answered_is_no_attempt_but_others_go_first(database, error):
    """Else one keyword whose answer ends its run would end each run after it."""
    add(database, "a", "b", priority=9)
    for number in range(9):
        taken = lease(database, Owner(f"run {number}"), when=number * 10**5)
        assert taken.keyword == "a"
        release_keyword(database, taken, error, RULES, now=at(number * 10**5))
        assert leased_words(database, when=number * 10**5 + 59) == ["b"] * (number == 0)
    assert row_of(database, "a").state == "partial"


def test_answers_that_cannot_be_read_make_a_keyword_wait_longer_each_time(database):
    add(database, "a")
    for now, ready in ((0, 60), (60, 180), (180, 420)):
        release_keyword(database, lease(database, when=now), "layout_changed", RULES, now=at(now))
        assert lease(database, when=ready - 1) is None
    taken = lease(database, when=420)
    report(database, taken, when=430)  # so it is not all of it
    release_keyword(database, taken, "layout_changed", RULES, now=at(430))
    assert row_of(database, "a").attempts == 3
    assert row_of(database, "a").state == "partial"


def test_a_keyword_found_empty_is_looked_at_again_after_hours_and_does_not_die(database):
    add(database, "a", interval="1h")
    for number in range(5):
        now = number * 8 * 3600
        taken = lease(database, when=now)
        assert (taken.attempts, taken.goes_on) == (1, False)
        end(database, taken, RoundState.FAILED, "empty_against_history", when=now)
        assert row_of(database, "a").state == "failed"
        assert lease(database, when=now + 8 * 3600 - 1) is None


def test_a_lease_tells_whether_its_round_goes_on(database):
    add(database, "a")
    assert not lease(database).goes_on
    taken = lease(database, BEN, when=300)
    assert taken.goes_on
    report(database, taken, when=300)
    end(database, taken, RoundState.FAILED, "count_mismatch", when=300)
    assert not lease(database, when=10**4).goes_on
