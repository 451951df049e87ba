"""Leasing: order, expiry, resume, loss, back-off, due again. Times are seconds after T0."""

from dataclasses import replace

import pytest

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.coverage import find_rounds, keyword_rounds, save_round
from jobdata_scrapy.db.keyword_list import KeywordFilter, pause_keywords, remove_keywords, retry_keywords
from jobdata_scrapy.db.keywords import extend_keywords, lease_keyword, release_keyword, save_plan
from jobdata_scrapy.exceptions import LeaseLost
from jobdata_scrapy.leases import Owner
from tests.db.queue_parts import ANNE, BEN, RULES, T0, add, at, end, lease, leased_words, report, row_of

ALL = KeywordFilter()


def test_a_lease_carries_all_that_a_run_needs(database):
    add(database, "数据分析")
    taken = lease(database)
    assert (taken.platform, taken.keyword, taken.city, taken.owner, taken.attempts) == ("boss", "数据分析", "上海", "anne", 1)
    assert taken.expires_at == at(300)
    assert taken.coverage == Coverage("boss", "数据分析", "上海", taken.coverage.round, "anne")
    assert taken.coverage.round.startswith(f"k{taken.keyword_id}.20261122T060000.")
    assert taken.plan == ""
    row = row_of(database, "数据分析")
    assert (row.state, row.owner, row.node, row.job) == ("running", "anne", "node-1", "job-1")


def test_nothing_is_handed_out_twice_or_to_another_site(database):
    add(database, "a", "b")
    assert leased_words(database) == ["a", "b"]
    assert lease(database, BEN) is None
    add(database, "c")
    assert lease_keyword(database, "bos", ANNE, RULES, now=T0) is None
    assert lease_keyword(database, "boss2", ANNE, RULES, now=T0) is None


def test_higher_priority_goes_first_then_the_oldest(database):
    add(database, "usual")
    add(database, "old", priority=0, when=-10)
    add(database, "older usual", when=-10)
    add(database, "urgent", priority=9, when=10)
    assert leased_words(database, when=20) == ["urgent", "older usual", "usual", "old"]


def test_partial_goes_before_failed_before_pending_before_due_again(database):
    add(database, "due", interval="1m", priority=9)
    end(database, lease(database), RoundState.DONE)
    add(database, "failed", priority=9)
    end(database, lease(database), RoundState.FAILED, "boom")
    add(database, "partial", priority=0)
    end(database, lease(database), RoundState.RUNNING)
    add(database, "pending", priority=9)
    assert leased_words(database, when=60) == ["partial", "failed", "pending", "due"]


def test_those_that_go_on_can_be_left_out(database):
    add(database, "partial", priority=9)
    end(database, lease(database), RoundState.RUNNING)
    add(database, "pending", priority=0)
    leased = [lease_keyword(database, "boss", ANNE, RULES, going_on=False, now=at(1)) for _ in range(2)]
    assert [one and one.keyword for one in leased] == ["pending", None]
    assert lease(database, when=2).keyword == "partial"


def test_a_lapsed_lease_comes_back_at_its_next_page_under_the_same_round(database):
    add(database, "a", "b")
    first = lease(database)
    save_plan(database, first, '{"slices": 3}', now=at(1))
    assert report(database, first, when=200) is None
    assert lease(database, BEN, when=499).keyword == "b"  # the page report extended the lease to 500
    again = lease(database, BEN, when=500)
    assert (again.keyword, again.owner, again.plan) == ("a", "ben", '{"slices": 3}')
    assert again.coverage == replace(first.coverage, run_id="ben")
    assert find_rounds(database, "anne") == []


def test_the_lost_owner_changes_nothing_any_more(database):
    add(database, "a")
    lost = lease(database)
    report(database, lost)
    again = lease(database, BEN, when=300)
    assert isinstance(report(database, lost, when=301), LeaseLost)
    with pytest.raises(LeaseLost, match=r"^keyword 'a' belongs to ben by now, not to anne$"):
        release_keyword(database, lost, "", RULES, now=at(301))
    with pytest.raises(LeaseLost):
        save_plan(database, lost, "x")
    with pytest.raises(LeaseLost, match="belongs to run 'ben', not to 'anne'"):
        save_round(database, lost.coverage)
    assert extend_keywords(database, ANNE, RULES, now=at(301)) == frozenset()
    assert keyword_rounds(database, "boss", "a", "上海", 9) == [again.coverage]
    assert report(database, again, when=302) is None


def test_a_lapsed_owner_goes_on_as_long_as_nobody_took_the_keyword(database):
    add(database, "a", "b")
    taken = lease(database)
    assert lease(database, ANNE, when=400).keyword == "b"  # its own lapsed keyword is not handed to it a second time
    assert report(database, taken, when=1000) is None
    assert lease(database, BEN, when=1001).keyword == "b"
    assert extend_keywords(database, ANNE, RULES, now=at(2000)) == {taken.keyword_id}
    assert lease(database, BEN, when=2001) is None


def test_the_heartbeat_extends_all_leases_of_the_owner(database):
    add(database, "a", "b", "c")
    mine = {lease(database).keyword_id for _ in range(2)}
    lease(database, BEN)
    assert extend_keywords(database, ANNE, RULES, now=at(200)) == mine
    assert extend_keywords(database, ANNE, RULES, now=at(200)) == mine
    assert leased_words(database, Owner("cleo"), when=300) == ["c"]
    assert leased_words(database, Owner("cleo"), when=500) == ["a", "b"]


def test_giving_back_again_changes_nothing(database):
    add(database, "a", interval="6h")
    taken = lease(database)
    for seconds in (10, 20):
        taken.coverage.state = RoundState.DONE
        release_keyword(database, taken, "", RULES, now=at(seconds))
    row = row_of(database, "a")
    assert (row.state, row.due_at, row.owner, row.updated_at) == ("done", at(6 * 3600), None, at(10))
    with pytest.raises(LeaseLost, match="belongs to nobody"):
        release_keyword(database, replace(taken, owner="ben"), "", RULES, now=at(20))


def test_done_and_capped_are_due_again_as_a_new_round(database):
    add(database, "a", interval="1h")
    first = lease(database)
    save_plan(database, first, "plan")
    end(database, first, RoundState.CAPPED, when=600)
    assert lease(database, when=3599) is None
    second = lease(database, BEN, when=3600)
    assert second.coverage == Coverage("boss", "a", "上海", second.coverage.round, "ben")
    assert second.coverage.round != first.coverage.round
    assert second.plan == ""
    assert [line.state for line in keyword_rounds(database, "boss", "a", "上海", 9)] == [RoundState.CAPPED]


def test_without_an_interval_done_is_for_good(database):
    add(database, "a")
    end(database, lease(database), RoundState.DONE)
    assert lease(database, when=10**8) is None


def test_daily_is_due_at_the_next_beijing_midnight(database):
    add(database, "a", interval="daily")
    end(database, lease(database), RoundState.DONE, when=60)
    assert row_of(database, "a").due_at == at(10 * 3600)
    assert lease(database, when=10 * 3600 - 1) is None
    assert lease(database, when=10 * 3600) is not None


def test_a_round_that_lasts_over_its_interval_is_due_at_once_and_once(database):
    add(database, "a", interval="1h")
    end(database, taken := lease(database), RoundState.DONE, when=290)
    taken = lease(database, when=3 * 3600)
    end(database, taken, RoundState.DONE, when=3 * 3600 + 200)
    assert lease(database, when=4 * 3600 - 1) is None


def test_a_failed_keyword_rests_longer_each_time_and_dies_with_its_last_error(database):
    add(database, "a")
    end(database, lease(database), RoundState.FAILED, "HTTP 500")
    assert lease(database, when=59) is None
    second = lease(database, when=60)
    assert second.attempts == 2
    assert second.coverage.pages_ok == 0
    end(database, second, RoundState.FAILED, "HTTP 502", when=100)
    assert lease(database, when=219) is None
    end(database, lease(database, when=220), RoundState.FAILED, "数据" * 500, when=220)
    row = row_of(database, "a")
    assert (row.state, row.attempts, row.last_error) == ("dead", 3, "数据" * 250)
    assert lease(database, when=10**8) is None
    assert retry_keywords(database, ALL, now=at(1000)) == 1
    assert lease(database, when=1000).attempts == 1


def test_a_failed_round_is_begun_anew_a_partial_one_goes_on(database):
    add(database, "a")
    first = lease(database)
    report(database, first)
    end(database, first, RoundState.PARTIAL, "blocked")
    second = lease(database, BEN, when=60)
    assert second.coverage.round == first.coverage.round
    assert second.coverage.pages_ok == 1
    end(database, second, RoundState.FAILED, "count_mismatch", when=70)
    third = lease(database, when=1000)
    assert third.coverage.round != first.coverage.round
    assert third.coverage.pages_ok == 0


def test_what_moves_on_before_it_breaks_off_does_not_die(database):
    add(database, "a")
    for hour in range(9):
        taken = lease(database, when=hour * 3600)
        report(database, taken, when=hour * 3600)
        end(database, taken, RoundState.PARTIAL, "blocked", when=hour * 3600)
    assert row_of(database, "a").attempts == 1
    for hour in range(9, 11):
        end(database, lease(database, when=hour * 3600), RoundState.PARTIAL, "blocked", when=hour * 3600)
    assert row_of(database, "a").state == "dead"


def test_a_whole_round_that_fails_again_and_again_dies_though_it_read_pages(database):
    add(database, "a")
    for hour in range(3):
        taken = lease(database, when=hour * 3600)
        report(database, taken, when=hour * 3600)
        end(database, taken, RoundState.FAILED, "count_mismatch", when=hour * 3600)
    assert row_of(database, "a").state == "dead"


def test_a_keyword_that_kills_its_process_each_time_dies(database):
    add(database, "a")
    for number in range(3):
        assert lease(database, Owner(f"run {number}"), when=number * 300) is not None
    assert lease(database, when=900) is None
    row = row_of(database, "a")
    assert (row.state, row.last_error) == ("dead", "the lease of run 2 ran out")


def test_drained_keywords_go_on_at_once_and_it_is_no_attempt(database):
    add(database, "a")
    for number in range(9):
        taken = lease(database, Owner(f"run {number}"))
        assert taken.attempts == 1
        release_keyword(database, taken, "drained", RULES, now=T0)


def test_a_round_that_went_as_far_as_it_was_allowed_to_goes_on_later(database):
    add(database, "a")
    taken = lease(database)
    report(database, taken)
    end(database, taken, RoundState.PARTIAL)
    assert lease(database, when=59) is None
    assert lease(database, when=60).coverage.round == taken.coverage.round


def test_an_owner_killed_between_the_last_report_and_giving_back_costs_nothing(database):
    add(database, "a", interval="1h")
    taken = lease(database)
    taken.coverage.state = RoundState.DONE
    report(database, taken, when=10)
    assert lease(database, BEN, when=310) is None
    row = row_of(database, "a")
    assert (row.state, row.due_at) == ("done", at(3600))


def test_an_owner_killed_before_its_first_report_begins_the_same_round_again(database):
    add(database, "a")
    first = lease(database)
    again = lease(database, BEN, when=300)
    assert again.coverage == replace(first.coverage, run_id="ben")


def test_a_paused_keyword_is_not_leased_until_it_is_resumed(database):
    add(database, "a", "b")
    running = lease(database)
    assert pause_keywords(database, ALL, now=T0) == 2
    assert lease(database, BEN, when=1000) is None
    assert report(database, running, when=1001) is None  # what runs goes on
    end(database, running, RoundState.RUNNING, when=1002)
    assert lease(database, BEN, when=5000) is None
    assert pause_keywords(database, ALL, paused=False, now=at(5000)) == 2
    assert leased_words(database, BEN, when=5000) == ["a", "b"]


def test_a_removed_keyword_is_lost_for_its_owner(database):
    add(database, "a")
    taken = lease(database)
    assert remove_keywords(database, ALL, now=at(10)) == (0, 1)
    assert remove_keywords(database, ALL, force=True, now=at(10)) == (1, 0)
    assert str(report(database, taken, when=11)) == "keyword 'a' is no longer in the queue"
    assert extend_keywords(database, ANNE, RULES, now=at(11)) == frozenset()
    with pytest.raises(LeaseLost, match="no longer in the queue"):
        release_keyword(database, taken, "", RULES, now=at(11))


def test_more_overdue_keywords_than_are_woken_at_once_all_get_their_turn(database, monkeypatch):
    monkeypatch.setattr("jobdata_scrapy.db.keywords.WOKEN_AT_ONCE", 3)
    words = [f"w{number}" for number in range(10)]
    add(database, *words, interval="1h")
    for _ in words:
        end(database, lease(database), RoundState.DONE)
    assert sorted(leased_words(database, when=3600)) == words
