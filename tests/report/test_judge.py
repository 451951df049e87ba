"""A run is green only when it kept every promise; each problem says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from jobdata_scrapy.backend.base import SpoolCounts
from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.report.judge import MAX_ERRORS_SHOWN, Judgement, count_uncovered, describe_queue, judge_run
from jobdata_scrapy.report.labels import PROBLEMS, STOP_ACTIONS
from jobdata_scrapy.verdict_policy import CLOSE_REASONS

FAILED, PARTIAL, CAPPED = RoundState.FAILED, RoundState.PARTIAL, RoundState.CAPPED


@pytest.fixture
def judge(make_coverage):
    def judge_with(*changes: dict[str, Any], **run: Any) -> Judgement:
        rounds = [make_coverage(**change) for change in changes]
        facts = {"pages_yielded": 1, "pages_stored": 1, "finish_reason": "finished", "errors": []} | run
        return judge_run(rounds, **facts)

    return judge_with


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="read to the end"),
        pytest.param({"state": PARTIAL, "stop_reason": "pages_limit", "total": 900}, id="its own pages limit"),
        pytest.param({"total": None}, id="a site that tells no total"),
        pytest.param({"total": 32}, id="a total that moved while paging"),
        pytest.param({"new": 0, "unchanged": 28}, id="nothing changed"),
    ],
)
def test_a_run_that_kept_its_promises_is_green(judge, changes):
    assert judge(changes) == Judgement("kept", 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": RoundState.RUNNING}, "round_unfinished"),
        ({"state": FAILED, "stop_reason": "captcha", "stored": None}, "round_unfinished"),
        ({"state": PARTIAL, "stop_reason": "blocked"}, "round_unfinished"),
        ({"state": PARTIAL, "stop_reason": ""}, "round_unfinished"),
        ({"seen": 31}, "sums_differ"),
        ({"stored": 27}, "count_mismatch"),
        ({"stored": 29}, "count_mismatch"),
        ({"stored": None}, "not_counted"),
        ({"spooled": 3, "seen": 33}, "spooled"),
        ({"spooled": 3, "seen": 33, "state": PARTIAL, "stop_reason": "end", "stored": None}, "spooled"),
        ({"total": 300}, "shortfall"),
        ({"seen": 33, "rejected": 4}, "rejected_many"),
        ({"seen": 0, "new": 0, "repeated": 0, "rejected": 0, "distinct": 0, "stored": 0, "total": 0}, "no_items"),
        ({"state": PARTIAL, "stop_reason": "pages_limit", "stored": 0}, "count_mismatch"),
        ({"state": CAPPED, "stored": 3}, "count_mismatch"),
    ],
)
def test_a_broken_promise_of_one_keyword_fails_the_run(judge, changes, code):
    judgement = judge({}, changes) if code != "no_items" else judge(changes)
    assert (judgement.state, judgement.exit_code) == ("failed", 1)
    assert [problem.code for problem in judgement.problems] == [code]


@pytest.mark.parametrize(
    ("run", "code"),
    [
        ({"finish_reason": "blocked"}, "stopped_early"),
        ({"finish_reason": "shutdown"}, "stopped_early"),
        ({"finish_reason": "closespider_pagecount"}, "stopped_early"),
        ({"finish_reason": ""}, "stopped_early"),
        ({"pages_yielded": 2}, "pages_lost"),
        ({"pages_stored": 2}, "pages_lost"),
        ({"errors": ["the spider failed: ValueError: x"]}, "error"),
        ({"errors": [""]}, "error"),
    ],
)
def test_a_broken_promise_of_the_run_fails_it(judge, run, code):
    judgement = judge({}, **run)
    assert (judgement.state, judgement.exit_code) == ("failed", 1)
    assert [problem.code for problem in judgement.problems] == [code]


def test_a_run_without_a_keyword_is_never_green(judge):
    judgement = judge(pages_yielded=0, pages_stored=0)
    assert (judgement.exit_code, [problem.code for problem in judgement.problems]) == (1, ["no_rounds"])


def test_an_idle_run_over_the_queue_is_green_unless_keywords_are_dead(judge):
    idle = {"pages_yielded": 0, "pages_stored": 0, "idle": True}
    assert judge(**idle, waiting={"in back-off": 2, "done": 40}).exit_code == 0
    judgement = judge(**idle, waiting={"dead": 1, "done": 40})
    assert (judgement.exit_code, [problem.code for problem in judgement.problems]) == (1, ["dead_keywords"])
    assert judgement.problems[0].message == "1 of the queue's 41 keywords are dead: no run takes them up any more"


def test_a_queue_says_why_it_has_nothing_ready():
    assert describe_queue("boss", {"dead": 1, "in back-off": 2}) == (
        "no keyword of boss is ready: 1 dead, 2 in back-off (scrapy keywords list boss)"
    )
    assert describe_queue("boss", {}) == "the queue has no keyword of boss (scrapy keywords add boss KEYWORD)"


def test_one_keyword_without_postings_beside_one_with_is_green(judge):
    empty = {"seen": 0, "new": 0, "repeated": 0, "rejected": 0, "distinct": 0, "stored": 0, "total": 0}
    assert judge({}, empty).exit_code == 0


def test_a_result_cap_has_its_own_exit_code_and_states_what_it_hides(judge):
    judgement = judge({}, {"state": CAPPED, "total": 450})
    assert (judgement.state, judgement.exit_code) == ("capped", 3)
    (problem,) = judgement.problems
    assert "hides 420 of 450 postings" in problem.message


def test_a_cap_with_a_total_cut_at_the_cap_hides_an_unknown_number(judge, make_coverage):
    (problem,) = judge({"state": CAPPED, "total": 30}).problems
    assert "unknown number" in problem.message
    assert count_uncovered(make_coverage(state=CAPPED, total=30)) is None
    assert count_uncovered(make_coverage(total=30)) == 0
    assert count_uncovered(make_coverage(total=None)) is None


def test_a_failure_outweighs_a_cap(judge):
    judgement = judge({"state": CAPPED, "total": 450}, {"stored": 1})
    assert judgement.exit_code == 1
    assert "capped" not in {problem.code for problem in judgement.problems}


def test_every_problem_is_one_line_with_an_action(judge):
    nasty = {"state": FAILED, "stop_reason": "x\ny", "seen": 99, "stored": 1}
    judgement = judge(nasty, finish_reason="weird\nreason", errors=["a\nb\x1b[31m", "z"], pages_stored=5)
    assert len(judgement.problems) == 7
    for problem in judgement.problems:
        line = str(problem)
        assert line.isprintable()
        assert "Action needed: " in line
        assert problem.code in PROBLEMS


def test_an_error_never_shows_the_password_of_a_proxy(judge):
    (problem,) = judge({}, errors=["could not connect to http://user:geheim@proxy:8000/"]).problems
    assert "geheim" not in str(problem)
    assert "http://***@proxy:8000/" in str(problem)


def test_a_run_that_wrote_all_that_was_on_disk_is_kept(judge):
    assert judge({}, spool=SpoolCounts(pages=3, postings=90, replayed_pages=3, replayed_postings=90)).state == "kept"


def test_a_run_that_leaves_postings_on_disk_names_the_command(judge):
    left = {"spooled": 3, "seen": 33, "state": PARTIAL, "stored": None}
    (problem,) = judge(left, spool=SpoolCounts(pages=1, waiting_pages=1, waiting_postings=3)).problems
    assert problem.code == "spooled"
    assert problem.action.endswith("then scrapy spool replay")
    (details,) = judge({}, spool=SpoolCounts(pages=2, waiting_pages=2)).problems
    assert (details.code, details.message) == ("spooled", "2 pages wait on disk, not in the warehouse")


def test_damaged_files_fail_the_run_that_finds_them(judge):
    (problem,) = judge({}, spool=SpoolCounts(damaged=tuple(f"{number}.page.damaged" for number in range(5)))).problems
    assert problem.code == "spool_damaged"
    assert problem.message.startswith("5 files of the spool are damaged and were set aside: 0.page.damaged, ")
    assert problem.message.endswith(" and 2 more")


def test_a_flood_of_errors_is_summed_up(judge):
    problems = judge({}, errors=[f"error {n}" for n in range(500)]).problems
    assert len(problems) == MAX_ERRORS_SHOWN + 1
    assert "490 more" in problems[-1].message


@pytest.mark.parametrize("reason", [reason for reason in CLOSE_REASONS if reason != "finished"])
def test_each_named_stop_has_its_own_action_in_both_languages(judge, reason):
    (problem,) = judge({}, finish_reason=reason).problems
    (unknown,) = judge({}, finish_reason="nobody_knows").problems
    assert problem.action != unknown.action
    assert reason in STOP_ACTIONS
