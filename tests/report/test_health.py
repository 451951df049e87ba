"""What the monitors see: thin fields, many blocks, a keyword unlike itself."""

import pytest

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.extensions.monitors import run_suite
from jobdata_scrapy.report.health import Limits, check_blocks, check_fields, compare_with_history
from jobdata_scrapy.report.tally import Tally

LIMITS = Limits(field_coverage={"title": 1.0, "salary_text": 0.9}, block_ratio=0.2, tolerance=0.5, duration_factor=5)


def make_round(**fields) -> Coverage:
    good = {"total": 300, "pages_ok": 10, "seen": 300, "distinct": 300, "new": 6, "seconds": 150.0, "state": RoundState.DONE}
    return Coverage("boss", "数据分析", "上海", "r", "run", **(good | fields))


HISTORY = [make_round(), make_round(distinct=290, new=10), make_round(distinct=310, new=0)]


def make_tally(**verdicts: int) -> Tally:
    tally = Tally()
    tally.looked_at = 100
    tally.filled = dict.fromkeys(tally.filled, 100)
    for verdict, count in verdicts.items():
        for _ in range(count):
            tally.add_answer(verdict, None)
    return tally


def test_a_run_as_usual_has_no_problem():
    tally = make_tally(OK=100, RATE_LIMITED=20)
    assert check_fields(tally, LIMITS) == check_blocks(tally, LIMITS) == compare_with_history(make_round(), HISTORY, LIMITS) == []


def test_a_field_that_is_often_empty():
    tally = make_tally()
    tally.filled["salary_text"] = 89
    assert check_fields(tally, LIMITS) == [
        "salary_text is filled in 89 of 100 postings (89%), at least 90% are expected",
    ]


def test_a_run_without_postings_says_nothing_about_fields():
    assert check_fields(Tally(), LIMITS) == []


def test_blocks_that_were_overcome_again_and_again():
    assert check_blocks(make_tally(OK=30, RATE_LIMITED=10, CAPTCHA=5), LIMITS) == [
        "15 of 45 answers were blocks (33%), at most 20% are tolerated"
    ]
    assert check_blocks(make_tally(OK=5, RATE_LIMITED=10), LIMITS) == []
    tally = make_tally(OK=30, RATE_LIMITED=10)
    for _ in range(100):
        tally.add_answer("OK", None, is_further=True)
    assert check_blocks(tally, LIMITS) == ["10 of 40 answers were blocks (25%), at most 20% are tolerated"]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"distinct": 0, "seen": 0, "total": 0, "new": 0}, "0 postings, 300 are usual"),
        ({"distinct": 149}, "149 postings, 300 are usual"),
        ({"total": 900}, "300 of 900 advertised postings were shown, 100% are usual"),
        ({"new": 290}, "97% of the postings are new, 2% are usual"),
        ({"seconds": 800.0}, "80.0 s a page, 15.0 s are usual"),
    ],
)
def test_a_keyword_unlike_itself(fields, line):
    (found,) = compare_with_history(make_round(**fields), HISTORY, LIMITS)
    assert found.startswith("boss 数据分析 / 上海: ")
    assert line in found


@pytest.mark.parametrize(
    "fields",
    [
        {"distinct": 150, "seen": 150},
        {"new": 0},
        {"seconds": 749.0},
        {"state": RoundState.PARTIAL, "distinct": 1},
        {"state": RoundState.FAILED, "distinct": 0},
        {"total": None},
    ],
)
def test_what_is_no_alarm(fields):
    assert compare_with_history(make_round(**fields), HISTORY, LIMITS) == []


def test_a_short_round_is_never_too_long():
    assert compare_with_history(make_round(seconds=59.0), [make_round(seconds=1.0)], LIMITS) == []


def test_the_first_rounds_of_a_keyword_are_all_new():
    assert compare_with_history(make_round(new=300), HISTORY[:2], LIMITS) == []
    assert compare_with_history(make_round(new=300, distinct=300), [], LIMITS) == []


def run(**data):
    defaults = {"finish_reason": "finished", "stats": {}, "tally": make_tally(OK=10), "limits": LIMITS, "history": {}}
    return run_suite(**(defaults | {"rounds": [make_round()]} | data))


def test_the_suite_tells_every_monitor_by_name():
    outcomes = run()
    assert {one.name for one in outcomes} == {"finish reason", "items", "fields", "blocks", "history"}
    assert [one.problem for one in outcomes] == [None] * 5


def test_green_but_empty_is_red():
    empty = make_round(distinct=0, seen=0, new=0, total=0)
    problems = {one.problem.code: one.problem for one in run(rounds=[empty], history={"r": HISTORY}) if one.problem}
    assert set(problems) == {"no_items", "unlike_history"}
    assert "0 postings, 300 are usual" in problems["unlike_history"].message


def test_a_monitor_that_breaks_has_failed():
    (broken,) = [one.problem for one in run(history=None) if one.problem]
    assert broken.code == "unlike_history"
    assert "broke" in broken.message
