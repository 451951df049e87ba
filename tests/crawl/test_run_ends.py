"""How a run over the queue ends, what that means for the keywords it had in hand, and what the operator is told."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.cipher import Cipher, make_key
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage import save_round
from jobdata_scrapy.db.keyword_list import KeywordFilter, add_keywords, list_keywords, read_keyword
from jobdata_scrapy.db.keyword_states import QueueRules
from jobdata_scrapy.db.keywords import lease_keyword, release_keyword
from jobdata_scrapy.db.tokens import add_token
from jobdata_scrapy.leases import Owner
from jobdata_scrapy.settings import ITEM_PIPELINES
from tests.crawl.crawl_process import crawling

pytestmark = pytest.mark.slow
NEVER = datetime.min.replace(tzinfo=UTC)
ONE_ATTEMPT = {"KEYWORD_MAX_ATTEMPTS": "1", "KEYWORD_BACKOFF_SECONDS": "0", "LOCK_SECONDS": "0", "EXIT_COOLDOWN_SECONDS": "0"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A JOBDATA_DIR whose queue no other tests use."""
    return tmp_path_factory.mktemp("queue")


@pytest.fixture(autouse=True)
def empty_queue(store):
    yield
    with closing(sqlite3.connect(store / "jobdata.sqlite", timeout=30)) as database, database:
        for table in ("keyword", "exit_lease", "site_lock", "token"):
            database.execute(f"DELETE FROM {table}")


@pytest.fixture
def database(store):
    with closing(open_database(Config(_env_file=None, jobdata_dir=store))) as database:
        yield database


@pytest.fixture
def queue(crawl, store):
    """`queue("boss", MAX_PAGES="2")`: works off the queue."""

    def run(site: str, **settings: str):
        return crawl(site, directory=store, settings=settings)

    return run


def add(database, site: str, *words: str) -> None:
    add_keywords(database, [read_keyword(site, word, "上海") for word in words])


def states(database) -> dict[str, str]:
    return {row.keyword: row.state for row in list_keywords(database, KeywordFilter())}


def wait_for_leases(database) -> None:
    """Until those of a killed process have run out: before that, the queue hands nothing on."""
    while any((row.lease_until or NEVER) > datetime.now(UTC) for row in list_keywords(database, KeywordFilter())):
        time.sleep(0.05)


def remember(database, site: str, word: str, days: float, **values) -> None:
    """A round of some days ago, as the ledger keeps it."""
    coverage = Coverage(site, word, "上海", f"{days} days ago", "an earlier run", **values)
    save_round(database, coverage, at=datetime.now(UTC) - timedelta(days=days))


def had_postings(database, site: str, word: str) -> None:
    remember(
        database, site, word, 9, seen=30, new=30, distinct=30, stored=30, pages_ok=1, state=RoundState.DONE, stop_reason="end"
    )


def codes(run) -> list[str]:
    return [problem["code"] for problem in run.report["judgement"]["problems"]]


def test_a_block_costs_none_of_the_keywords_in_hand_an_attempt(queue, sandbox, database, three_pages):
    words = [three_pages("boss") for _ in range(4)]
    add(database, "boss", *words)
    sandbox.control({"site": "boss", "kind": "search", "fault": "rate_limited", "retry_after": 0, "after": 4})
    for _ in range(2):
        run = queue("boss", **ONE_ATTEMPT)
        assert (run.code, run.report["run"]["finish_reason"]) == (1, "blocked"), run.err
        assert set(states(database).values()) == {"partial"}
    assert {row.last_error for row in list_keywords(database, KeywordFilter())} <= {"rate_limited", "its run ended as blocked"}


def test_a_site_that_is_down_costs_no_attempt_either(queue, sandbox, database):
    add(database, "qcwy", "停一", "停二", "停三")
    sandbox.control({"site": "qcwy", "kind": "search", "fault": "server_error"})
    run = queue("qcwy", **ONE_ATTEMPT, KEYWORDS_IN_HAND="1")
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "site_down"), run.err
    assert [one["stop_reason"] for one in run.report["rounds"]] == ["server_error"] * 3
    assert "no_items" not in codes(run)  # nothing was answered: that says nothing about the keywords
    assert set(states(database).values()) == {"partial"}


def test_errors_of_one_keyword_are_charged_once_the_site_answers_another(queue, sandbox, database):
    add(database, "qcwy", "坏的", "好的")
    sandbox.control({"site": "qcwy", "kind": "search", "fault": "server_error", "keyword": "坏的"})
    run = queue("qcwy", **ONE_ATTEMPT, KEYWORDS_IN_HAND="1")
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "finished"), run.err
    assert states(database) == {"坏的": "dead", "好的": "done"}


def test_an_idle_run_says_why_and_is_red_for_what_is_dead(queue, database):
    add(database, "qcwy", "死的", "歇的")
    for word, attempts in (("死的", 1), ("歇的", 9)):
        rules = QueueRules(max_attempts=attempts)
        lease = lease_keyword(database, "qcwy", Owner("test"), rules)
        assert lease.keyword == word
        lease.coverage.state = RoundState.FAILED
        release_keyword(database, lease, "HTTP 500", rules)
    run = queue("qcwy")
    assert (run.code, codes(run), run.report["rounds"]) == (1, ["dead_keywords"], []), run.err
    assert "no keyword of qcwy is ready: 1 dead, 1 in back-off (scrapy keywords list qcwy)" in run.err


def test_max_pages_holds_for_the_queue_and_the_keyword_rests(queue, sandbox, database, three_pages):
    word = three_pages("zhilian")
    add(database, "zhilian", word)
    run = queue("zhilian", MAX_PAGES="2")
    assert run.code == 0, run.err
    assert (run.round["state"], run.round["stop_reason"], run.round["pages_ok"]) == ("partial", "pages_limit", 2)
    assert states(database) == {word: "capped"}
    again = queue("zhilian", MAX_PAGES="2", KEYWORD_BACKOFF_SECONDS="0")
    assert (again.code, again.report["rounds"]) == (0, []), again.err
    assert "no keyword of zhilian is ready: 1 done" in again.err
    assert sum(one["kind"] == "search" for one in sandbox.log()) == 2


def test_a_wrong_token_key_is_named_and_costs_no_attempt(queue, sandbox, database):
    add(database, "boss", "钥匙一", "钥匙二")
    add_token(database, Cipher(make_key()), "boss", "geheim")
    run = queue("boss", **ONE_ATTEMPT, BOSS_MPT_TOKEN="", TOKEN_KEY=make_key())
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "wrong_setting"), run.err
    assert any("TOKEN_KEY: does not open" in problem["message"] for problem in run.report["judgement"]["problems"])
    assert set(states(database).values()) <= {"partial", "pending"}
    assert {one["kind"] for one in sandbox.log()} <= {"robots"}
    assert "Traceback" not in run.err


def test_a_page_that_a_killed_process_stored_and_never_reported_fails_no_round(
    queue, sandbox, database, three_pages, store, scrapy_command
):
    """On a living site: when another run reads the page anew, postings of the first reading are not on it any more."""
    word = three_pages("boss")
    add(database, "boss", word)
    pipelines = json.dumps({**ITEM_PIPELINES, "tests.crawl.broken_parts.KillingPipeline": 925})
    killed = queue("boss", ITEM_PIPELINES=pipelines, KEYWORD_LEASE_SECONDS="1", EXIT_LEASE_SECONDS="1")
    assert killed.code == -signal.SIGKILL, killed.err
    sandbox.control({"mutate": {"site": "boss", "keyword": word, "city": "上海", "remove": 20, "add": 20}})
    wait_for_leases(database)
    run = queue("boss")
    assert (run.code, run.round["state"], run.round["stop_reason"]) == (0, "done", "end"), run.err
    assert run.round["stored"] == run.round["distinct"] == 40
    verified = scrapy_command("warehouse", "verify", directory=store)
    assert verified.code == 0, verified.out + verified.err
    sql = f"SELECT uniqExact(job_id) AS n FROM job_sighting WHERE keyword = '{word}'"
    assert json.loads(scrapy_command("warehouse", "query", sql, "--format", "json", directory=store).out)["data"] == [{"n": 45}]


def test_a_keyword_that_lost_its_postings_becomes_believable(crawl, sandbox, database, store):
    """After rounds over a day that found none, beside another keyword that has some; else by the operator's word."""
    had_postings(database, "qcwy", "没了")
    had_postings(database, "qcwy", "也没了")
    remember(database, "qcwy", "没了", 1.1, state=RoundState.FAILED, stop_reason="empty_against_history")
    for word, total in (("没了", 0), ("也没了", 0), ("还在", 30)):
        sandbox.control({"total": {"site": "qcwy", "keyword": word, "city": "上海", "total": total}})

    def look(*words: str, rounds: str) -> dict[str, tuple[str, str]]:
        settings = {"KEYWORDS_IN_HAND": "1", "EMPTY_BELIEVED_AFTER": rounds}
        run = crawl("qcwy", keyword=",".join(words), city="上海", directory=store, settings=settings)
        assert run.report["run"]["finish_reason"] == "finished", run.err
        return {one["keyword"]: (one["state"], one["stop_reason"]) for one in run.report["rounds"]}

    found_empty, done = ("failed", "empty_against_history"), ("done", "end")
    assert look("没了", "还在", rounds="1") == {"没了": found_empty, "还在": done}  # when it was asked, nothing else was shown
    assert look("还在", "没了", "也没了", rounds="2") == {"没了": done, "还在": done, "也没了": found_empty}
    assert look("也没了", rounds="0") == {"也没了": done}


def test_a_keyword_of_the_queue_that_is_found_empty_rests_and_the_others_go_on(queue, sandbox, database):
    for word, total in (("队空", 0), ("队满", 30)):
        had_postings(database, "qcwy", word)
        sandbox.control({"total": {"site": "qcwy", "keyword": word, "city": "上海", "total": total}})
    add(database, "qcwy", "队空", "队满")
    run = queue("qcwy", **ONE_ATTEMPT)
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "finished"), run.err
    assert states(database) == {"队空": "failed", "队满": "done"}
    (row,) = list_keywords(database, KeywordFilter(keywords=["队空"]))
    assert timedelta(hours=7) < row.not_before - datetime.now(UTC) < timedelta(hours=8)


def test_several_keywords_that_turn_empty_in_a_row_are_a_block(crawl, sandbox, database, store):
    words = ("藏一", "藏二", "藏三")
    for word in words:
        had_postings(database, "zhilian", word)
    sandbox.control({"site": "zhilian", "kind": "search", "fault": "empty_silent"})
    settings = {"KEYWORDS_IN_HAND": "1", "EXIT_COOLDOWN_SECONDS": "0"}
    run = crawl("zhilian", keyword=",".join(words), city="上海", directory=store, settings=settings)
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "blocked"), run.err
    assert [one["stop_reason"] for one in run.report["rounds"]] == ["empty_against_history", "rate_limited"]


def test_a_signature_that_fails_at_a_detail_stops_the_run_in_order(crawl, sandbox, three_pages, tmp_path):
    script = tmp_path / "sign.js"
    script.write_text(
        "function sign(target, token, now) { if (target.indexOf('joblist') < 0) throw new Error('no way'); return 'x' }"
    )
    settings = {"BOSS_SIGN_JS": str(script)}
    run = crawl("boss", keyword=three_pages("boss"), city="上海", pages="1", details="true", settings=settings)
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "sign_rejected", "sign_failed"), (
        run.err
    )
    assert (run.round["state"], run.round["pages_ok"]) == ("partial", 1)
    assert "Traceback" not in run.err
    assert any("SignerError" in problem["message"] for problem in run.report["judgement"]["problems"])


def test_a_mistake_of_ours_at_a_detail_ends_its_search_at_once(crawl, sandbox, three_pages):
    words = [three_pages("zhilian"), three_pages("zhilian")]
    settings = {"SPIDER_MODULES": "tests.crawl.broken_parts", "KEYWORDS_IN_HAND": "1"}
    run = crawl("bad_detail", keyword=",".join(words), city="上海", pages="1", details="true", settings=settings)
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "finished"), run.err
    assert [(one["state"], one["stop_reason"]) for one in run.report["rounds"]] == [("partial", "page_failed")] * 2
    assert sum("KeyError" in problem["message"] for problem in run.report["judgement"]["problems"]) == 2


def test_several_searches_that_fail_at_the_same_moment_say_that_the_site_is_down(crawl, sandbox):
    sandbox.control({"site": "zhilian", "kind": "search", "fault": "server_error"})
    run = crawl("zhilian", keyword="同一,同二,同三", city="上海", settings={"KEYWORDS_IN_HAND": "3", "RETRY_TIMES": "0"})
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "site_down"), run.err
    assert [one["stop_reason"] for one in run.report["rounds"]] == ["server_error"] * 3


def test_robots_txt_that_could_not_be_fetched_is_asked_again(crawl, sandbox, three_pages):
    sandbox.control({"site": "zhilian", "kind": "robots", "fault": "dropped", "times": 3})
    words = [three_pages("zhilian"), three_pages("zhilian")]
    run = crawl("zhilian", keyword=",".join(words), city="上海", settings={"KEYWORDS_IN_HAND": "1"})
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "finished"), run.err
    ends = {one["keyword"]: (one["state"], one["stop_reason"]) for one in run.report["rounds"]}
    assert ends == {words[0]: ("failed", "server_error"), words[1]: ("done", "end")}
    assert [one["kind"] for one in sandbox.log()] == ["robots"] * 4 + ["search"] * 3


def test_a_run_whose_reader_has_gone_ends_all_the_same(sandbox, store):
    """As of `scrapy crawl ... 2>&1 | head -1`."""
    arguments = ("zhilian", "-a", "keyword=没人看", "-a", "city=上海", "-a", "pages=1")
    with crawling(sandbox, store, *arguments) as crawl:
        assert crawl.process.stderr.readline()
        for pipe in (crawl.process.stdout, crawl.process.stderr):
            pipe.close()
        assert crawl.process.wait(60) == 0
