"""A run that ends in order and yet is not what it should be is red, with the reason in its report."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.coverage import save_round
from tests.crawl.crawlers import open_queue

pytestmark = pytest.mark.slow


def codes(run) -> list[str]:
    return [problem["code"] for problem in run.report["judgement"]["problems"]]


def test_a_keyword_that_shows_a_tenth_of_what_it_showed_is_red(crawl, sandbox):
    search = {"site": "zhilian", "keyword": "变少", "city": "上海"}
    sandbox.control({"total": {**search, "total": 40}})
    healthy = [crawl("zhilian", keyword="变少", city="上海") for _ in range(2)]
    assert [run.code for run in healthy] == [0, 0], healthy[0].err
    assert {one["name"]: one["passed"] for one in healthy[1].report["monitors"]} == {
        "finish reason": True,
        "items": True,
        "fields": True,
        "blocks": True,
        "history": True,
    }
    sandbox.control({"total": {**search, "total": 4}})
    run = crawl("zhilian", keyword="变少", city="上海")
    assert (run.code, run.round["state"]) == (1, "done")
    assert codes(run) == ["unlike_history"]
    assert "变少 / 上海: 4 postings, 40 are usual" in run.err
    assert crawl("zhilian", keyword="变少", city="上海", settings={"MONITORS_ENABLED": "false"}).code == 0


def test_rounds_that_were_red_are_no_history(crawl, sandbox, tmp_path):
    """Three of the last five showed a tenth: the median would be that tenth. A capped round counts as one that was read."""
    with closing(open_queue(tmp_path)) as database:
        for days, seen in enumerate((4, 4, 40, 4, 40), 1):
            line = Coverage("zhilian", "藏了又藏", "上海", f"r{days}", "earlier", total=seen, seen=seen, new=seen, distinct=seen)
            line.state = RoundState.CAPPED if days == 3 else RoundState.DONE
            save_round(database, line, at=datetime.now(UTC) - timedelta(days=days))
    sandbox.control({"total": {"site": "zhilian", "keyword": "藏了又藏", "city": "上海", "total": 4}})
    run = crawl("zhilian", keyword="藏了又藏", city="上海", directory=tmp_path)
    assert (run.code, codes(run)) == (1, ["unlike_history"]), run.err
    assert "4 postings, 40 are usual" in run.err


def test_neither_waiting_nor_details_make_a_keyword_slow(crawl, three_pages, ledger, store_dir):
    pace = {"SLEEP_MIN_SECONDS": "0.3", "SLEEP_MAX_SECONDS": "0.3"}
    run = crawl("zhilian", keyword=three_pages("zhilian"), city="上海", pages="1", details="true", settings=pace)
    assert (run.code, run.report["stats"]["detail/stored"]) == (0, 20), run.err
    (line,) = ledger(store_dir, run.report["run"]["run_id"])
    assert 0 < line["seconds"] < run.report["run"]["duration_seconds"] - 20 * 0.3


def test_green_but_empty_is_red_even_beside_a_healthy_keyword(crawl, sandbox):
    for keyword, total in (("变空", 30), ("照旧", 30)):
        sandbox.control({"total": {"site": "qcwy", "keyword": keyword, "city": "上海", "total": total}})
    assert crawl("qcwy", keyword="变空,照旧", city="上海").code == 0
    sandbox.control({"total": {"site": "qcwy", "keyword": "变空", "city": "上海", "total": 0}})
    run = crawl("qcwy", keyword="变空,照旧", city="上海")
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "finished"), run.err
    ends = {one["keyword"]: (one["state"], one["stop_reason"]) for one in run.report["rounds"]}
    assert ends == {"变空": ("failed", "empty_against_history"), "照旧": ("done", "end")}


def test_a_field_that_is_too_often_empty_is_red(crawl, sandbox):
    run = crawl("qcwy", keyword="缺薪资", city="上海", settings={"MONITOR_FIELD_COVERAGE": "salary_text=1"})
    assert (run.code, codes(run)) == (1, ["fields_missing"]), run.err
    assert "salary_text is filled in" in run.err


def test_many_blocks_are_red_though_each_was_overcome(crawl, sandbox):
    sandbox.control({"total": {"site": "zhilian", "keyword": "常拒", "city": "上海", "total": 95}})
    sandbox.control({"site": "zhilian", "kind": "detail", "fault": "rate_limited", "retry_after": 0, "times": 3})
    settings = {"MONITOR_BLOCK_RATIO": "0.05"}
    run = crawl("zhilian", keyword="常拒", city="上海", pages="1", details="true", settings=settings)
    assert (run.code, codes(run)) == (1, ["blocked_often"]), run.err
