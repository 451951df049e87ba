from datetime import timedelta

import pytest

from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.keyword_list import (
    KeywordFilter,
    NewKeyword,
    Outcome,
    add_keywords,
    count_keywords,
    count_waiting,
    list_keywords,
    pause_keywords,
    read_keyword,
    remove_keywords,
    retry_keywords,
)
from jobdata_scrapy.db.keyword_states import QueueRules
from jobdata_scrapy.db.keywords import release_keyword
from jobdata_scrapy.exceptions import ArgumentError, StorageError
from tests.db.queue_parts import T0, add, at, end, lease, leased_words, row_of

ALL = KeywordFilter()


def test_adding_again_is_harmless_and_told(database):
    one, two = NewKeyword("boss", "a"), NewKeyword("boss", "b", "上海", "6h", 9)
    assert add_keywords(database, [one, two, one], now=T0) == [Outcome.NEW, Outcome.NEW, Outcome.KNOWN]
    assert add_keywords(database, [two, one], now=at(9)) == [Outcome.KNOWN, Outcome.KNOWN]
    rows = list_keywords(database, ALL)
    assert [(row.keyword, row.city, row.interval, row.priority, row.state) for row in rows] == [
        ("a", "全国", "", 5, "pending"),
        ("b", "上海", "6h", 9, "pending"),
    ]
    assert {row.updated_at for row in rows} == {T0}


def test_a_known_keyword_takes_what_is_given_and_keeps_the_rest(database):
    add(database, "a", "b", interval="6h", priority=1)
    assert add_keywords(database, [NewKeyword("boss", "b", "上海", priority=9)], now=T0) == [Outcome.CHANGED]
    assert (row_of(database, "b").interval, row_of(database, "b").priority) == ("6h", 9)
    assert leased_words(database) == ["b", "a"]


def test_a_new_interval_counts_from_the_last_round(database):
    add(database, "a")
    end(database, lease(database), RoundState.DONE, when=10)
    add(database, "a", interval="1h", when=100)
    assert row_of(database, "a").due_at == at(3600)
    add(database, "a", interval="", when=100)
    assert lease(database, when=10**7) is None


def test_look_alikes_are_keywords_of_their_own(database):
    words = ["Go", "go", "Go ", "Gö", "数据", "數據", "😀", "😁"]
    assert add_keywords(database, [NewKeyword("boss", word) for word in words]) == [Outcome.NEW] * 8
    assert add_keywords(database, [NewKeyword("boss", word) for word in words]) == [Outcome.KNOWN] * 8
    assert {row.keyword for row in list_keywords(database, ALL)} == set(words)
    assert [row.keyword for row in list_keywords(database, KeywordFilter(keywords=["go"]))] == ["go"]


def test_more_than_a_batch(database):
    words = [f"w{number}" for number in range(1201)]
    assert set(add_keywords(database, (NewKeyword("boss", word) for word in words))) == {Outcome.NEW}
    assert count_keywords(database, ALL) == {"pending": 1201}
    assert pause_keywords(database, ALL) == 1201
    assert count_keywords(database, ALL) == {"pending": 1201, "paused": 1201}
    assert pause_keywords(database, ALL) == 0


def test_a_filter_restricts(database):
    add(database, "a", "b")
    add_keywords(database, [NewKeyword("qcwy", "a"), NewKeyword("boss", "a", "北京")])
    lease(database)

    def found(**values):
        return {(row.platform, row.keyword, row.city) for row in list_keywords(database, KeywordFilter(**values))}

    assert found(platform="qcwy") == {("qcwy", "a", "全国")}
    assert found(keywords=["a"], city="上海") == {("boss", "a", "上海")}
    assert found(states=["running"]) == {("boss", "a", "上海")}
    assert len(list_keywords(database, ALL, limit=3)) == 3
    assert count_keywords(database, KeywordFilter(platform="boss")) == {"pending": 2, "running": 1}


@pytest.mark.parametrize(("hours", "goes_on"), [(23, True), (25, False)])
def test_retry_gives_up_a_spool_that_is_likely_lost(database, hours, goes_on):
    add(database, "a")
    end(database, lease(database), RoundState.PARTIAL, "spooled")
    assert retry_keywords(database, ALL, now=T0 + timedelta(hours=hours)) == 1
    assert row_of(database, "a").state == ("partial" if goes_on else "pending")
    assert lease(database, when=hours * 3600).goes_on is goes_on


@pytest.mark.parametrize(("state", "revived"), [("failed", "pending"), ("partial", "partial")])
def test_retry_ends_a_back_off(database, state, revived):
    add(database, "a")
    end(database, lease(database), RoundState(state), "boom")
    assert lease(database, when=1) is None
    assert retry_keywords(database, ALL, now=at(1)) == 1
    assert row_of(database, "a").state == revived
    assert lease(database, when=1).attempts == 1


@pytest.mark.parametrize("state", ["pending", "running", "done", "capped"])
def test_retry_leaves_others_alone(database, state):
    add(database, "a")
    if state != "pending":
        taken = lease(database)
        if state != "running":
            end(database, taken, RoundState(state))
    assert retry_keywords(database, ALL, now=at(1)) == 0
    assert row_of(database, "a").state == state


def test_why_no_keyword_is_ready(database):
    assert count_waiting(database, "boss") == {}
    ends = {"dead": "failed", "partial": "partial", "failed": "failed", "done": "done", "capped": "capped"}
    add(database, *ends, "held", "paused", "paused and dead")
    pause_keywords(database, KeywordFilter(keywords=["paused"]), now=T0)
    while (taken := lease(database)) is not None:
        if taken.keyword != "held":
            taken.coverage.state = RoundState(ends.get(taken.keyword, "failed"))
            rules = QueueRules(max_attempts=1 if "dead" in taken.keyword else 3)
            release_keyword(database, taken, "HTTP 500", rules, now=T0)
    pause_keywords(database, KeywordFilter(keywords=["held", "paused and dead"]), now=T0)
    assert list(count_waiting(database, "boss").items()) == [
        ("dead", 2), ("in back-off", 2), ("held by a process", 1), ("done", 2), ("paused", 1),
    ]  # fmt: skip
    assert count_waiting(database, "qcwy") == {}


def test_removing_leaves_what_is_leased_unless_forced(database):
    add(database, "a", "b", "c")
    lease(database)
    assert remove_keywords(database, KeywordFilter(keywords=["c"]), now=T0) == (1, 0)
    assert remove_keywords(database, ALL, now=T0) == (1, 1)
    assert remove_keywords(database, ALL, now=at(300)) == (1, 0)  # its lease has run out
    assert list_keywords(database, ALL) == []


def test_what_a_column_cannot_hold_is_refused_and_nothing_is_added(database):
    with pytest.raises(StorageError, match=r"^keyword\.keyword: 300 characters"):
        add_keywords(database, [NewKeyword("boss", "a"), NewKeyword("boss", "数" * 300)])
    assert list_keywords(database, ALL) == []


def test_what_a_person_wrote_is_read():
    assert read_keyword("boss", " 数据分析 ") == NewKeyword("boss", "数据分析", "全国", None, None)
    assert read_keyword("boss", "C++", "上海", "Daily", " 0 ") == NewKeyword("boss", "C++", "上海", "daily", 0)
    assert read_keyword("boss", "C++", "上海", "once").interval == ""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("boss", " "), r"^keyword: ' ' must be 1 to 64 printable characters$"),
        (("boss", "数" * 65), "^keyword: .* must be 1 to 64"),
        (("boss", "a\x00b"), "^keyword: .* must be 1 to 64"),
        (("boss", "a", "", "weekly"), "^interval: 'weekly' is not allowed; allowed: once, daily"),
        (("boss", "a", "", "", "10"), "^priority: '10' must be a digit from 0 to 9; higher goes first$"),
        (("boss", "a", "", "", "９"), "^priority: "),
    ],
)
def test_what_is_wrong_is_refused_by_name(values, message):
    with pytest.raises(ArgumentError, match=message):
        read_keyword(*values)
