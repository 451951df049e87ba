import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobdata_scrapy.coverage import FOUND_EMPTY, Coverage, RoundState
from jobdata_scrapy.db.coverage import find_rounds, found_empty, last_healthy_rounds, open_round, save_round
from jobdata_scrapy.exceptions import StorageError

IDS = itertools.count()
T0 = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
COUNTS = st.integers(0, 2**31 - 1)
KEYWORDS = st.text(st.characters(codec="utf-8"), max_size=80)
NAMES = ("pages_asked", "pages_ok", "seen", "new", "changed", "unchanged", "repeated", "rejected", "spooled", "distinct")
COVERAGES = st.builds(
    Coverage,
    platform=st.sampled_from(["boss", "zhilian"]),
    keyword=KEYWORDS,
    city=st.text(st.characters(codec="utf-8"), max_size=20),
    round=st.just("1"),
    run_id=st.just(""),
    total=st.none() | COUNTS,
    cap=st.none() | COUNTS,
    stored=st.none() | COUNTS,
    seconds=st.floats(0, 1e9),
    state=st.sampled_from(RoundState),
    stop_reason=st.sampled_from(["", "end", "count_mismatch", "频率限制"]),
    **dict.fromkeys(NAMES, COUNTS),
)


def coverage(**values) -> Coverage:
    return Coverage(**{"platform": "boss", "keyword": "数据分析", "city": "上海", "round": "1", "run_id": "r1", **values})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(line=COVERAGES)
def test_what_goes_in_comes_out(database, line):
    run_id = f"r{next(IDS)}"  # the database keeps what earlier examples wrote
    line = replace(line, run_id=run_id, round=run_id)
    assert save_round(database, line)
    assert find_rounds(database, line.run_id) == [line]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(keywords=st.lists(KEYWORDS, min_size=2, max_size=8, unique=True))
def test_different_keywords_are_different_lines(database, keywords):
    run_id = f"r{next(IDS)}"
    lines = [coverage(keyword=keyword, run_id=run_id, round=run_id) for keyword in keywords]
    for line in lines:
        open_round(database, line)
    assert find_rounds(database, run_id) == lines


def test_look_alikes_do_not_collapse(database):
    keywords = ["Go", "go", "GO", "Go ", "Ｇｏ", "Gö", "e\u0301", "\xe9", "ss", "ß", "数据", "數據", "😀", "😁", "", " "]
    for keyword in keywords:
        save_round(database, coverage(keyword=keyword, state=RoundState.DONE))
    assert [line.keyword for line in find_rounds(database, "r1")] == keywords
    for keyword in keywords:
        assert [line.keyword for line in last_healthy_rounds(database, "boss", keyword, "上海", 9)] == [keyword]


def test_opening_again_keeps_what_stands_there(database):
    open_round(database, coverage())
    save_round(database, coverage(pages_ok=2, seen=60))
    open_round(database, coverage())
    assert find_rounds(database, "r1") == [coverage(pages_ok=2, seen=60)]


def test_saving_again_is_harmless_and_a_late_report_lowers_nothing(database):
    one, two = coverage(pages_ok=1, seen=30, new=30), coverage(pages_ok=2, seen=60, new=45, unchanged=15)
    assert save_round(database, one)
    assert save_round(database, two)
    assert save_round(database, two)
    assert not save_round(database, one)
    assert find_rounds(database, "r1") == [two]


def test_a_late_report_does_not_reopen_an_ended_round(database):
    last = coverage(pages_ok=2, seen=60)
    done = replace(last, state=RoundState.DONE, stored=60, stop_reason="end")
    assert save_round(database, done)
    assert not save_round(database, last)
    assert save_round(database, done)
    assert find_rounds(database, "r1") == [done]


def test_what_the_spool_held_may_go_down(database):
    save_round(database, coverage(seen=30, spooled=30))
    assert save_round(database, coverage(seen=30, spooled=0, stored=30))
    assert find_rounds(database, "r1")[0].spooled == 0


def test_another_run_changes_nothing(database):
    save_round(database, coverage(pages_ok=2))
    with pytest.raises(StorageError, match=r"^coverage: round '1' belongs to run 'r1', not to 'r2'$"):
        save_round(database, coverage(pages_ok=3, run_id="r2"))
    assert find_rounds(database, "r1") == [coverage(pages_ok=2)]
    assert find_rounds(database, "r2") == []


def test_the_last_healthy_rounds_are_the_last_that_were_read_to_the_end(database):
    states = [RoundState.DONE, RoundState.DONE, RoundState.CAPPED, RoundState.PARTIAL, RoundState.FAILED, RoundState.RUNNING]
    for number, state in enumerate(states):
        save_round(database, coverage(round=str(number), state=state), at=T0 + timedelta(microseconds=number))
    save_round(database, coverage(round="x", city="北京", state=RoundState.DONE), at=T0 + timedelta(1))
    assert [line.round for line in last_healthy_rounds(database, "boss", "数据分析", "上海", 5)] == ["2", "1", "0"]
    assert [line.round for line in last_healthy_rounds(database, "boss", "数据分析", "上海", 1)] == ["2"]
    assert last_healthy_rounds(database, "qcwy", "数据分析", "上海", 5) == []


def test_what_was_found_empty_since_a_round_saw_anything(database):
    def save(number: int, state: RoundState = RoundState.FAILED, **values) -> None:
        values = {"stop_reason": FOUND_EMPTY} | values
        save_round(database, coverage(round=str(number), state=state, **values), at=T0 + timedelta(hours=number))

    def found() -> list[int]:
        return [(moment - T0) // timedelta(hours=1) for moment in found_empty(database, "boss", "数据分析", "上海")]

    save(0)
    save(1, RoundState.DONE, stop_reason="end")
    assert found() == []
    save(2)
    save(3, stop_reason="rate_limited")
    save(4, RoundState.PARTIAL, pages_ok=1)
    save(5)
    save(6, city="北京")
    assert found() == [2, 5]
    save(7, RoundState.CAPPED, seen=30, stop_reason="end")
    save(8)
    assert found() == [8]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keyword": "数" * 256}, r"^coverage\.keyword: 256 characters, at most 255 are allowed"),
        ({"city": "x" * 65}, r"^coverage\.city: 65 characters, at most 64"),
        ({"keyword": "\udc00"}, r"^coverage\.keyword: cannot be stored"),
    ],
)
def test_what_a_column_cannot_hold_is_refused_by_name(database, change, message):
    for write in (open_round, save_round):
        with pytest.raises(StorageError, match=message):
            write(database, coverage(**change))
    assert find_rounds(database, "r1") == []


def test_the_longest_keyword_fits(database):
    longest = coverage(keyword="😀" * 255, city="😀" * 64, round="x" * 80)
    save_round(database, longest)
    assert find_rounds(database, "r1") == [longest]
