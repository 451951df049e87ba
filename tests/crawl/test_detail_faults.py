"""Posting pages that fail: each is accounted for, a block or a changed layout stops the run, no loss is called a success."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def crawl_details(crawl, three_pages):
    """One list page of a new search with the details of its postings, after `control` was given its rule."""

    def run(site: str, **settings: str):
        return crawl(site, keyword=three_pages(site), city="上海", pages="1", details="true", settings=settings)

    return run


def test_one_detail_that_cannot_be_had_fails_the_run_and_no_other(crawl_details, sandbox):
    sandbox.control({"site": "zhilian", "kind": "detail", "fault": "server_error", "after": 3, "times": 3})
    run = crawl_details("zhilian")
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "finished"), run.err
    stats = run.report["stats"]
    assert (stats["detail/asked"], stats["detail/stored"], stats["detail/failed"]) == (20, 19, 1)
    assert (stats["anomaly/verdict_count/SERVER_ERROR"], stats["anomaly/giveup_count/SERVER_ERROR"]) == (3, 1)
    assert [one["code"] for one in run.report["judgement"]["problems"]] == ["error"]


def test_postings_that_are_gone_are_counted_and_no_failure(crawl_details, sandbox):
    sandbox.control({"site": "zhilian", "kind": "detail", "fault": "gone", "times": 2})
    run = crawl_details("zhilian")
    assert run.code == 0, run.err
    stats = run.report["stats"]
    assert (stats["detail/gone"], stats["detail/stored"]) == (2, 18)


def test_a_changed_layout_of_details_stops_the_run_and_is_kept(crawl_details, sandbox, store_dir):
    sandbox.control({"site": "zhilian", "kind": "detail", "fault": "renamed"})
    run = crawl_details("zhilian")
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "layout_changed", "layout_changed"), (
        run.err
    )
    assert sum(one["kind"] == "detail" for one in sandbox.log()) == 3
    assert run.report["stats"]["anomaly/verdict_count/LAYOUT_CHANGED"] == 3
    kept = list((store_dir / "answers" / run.report["run"]["run_id"]).iterdir())
    assert len(kept) == 3
    assert not any("staffName" in one.read_text("utf-8") for one in kept)


@pytest.mark.parametrize(("site", "kind", "verdict"), [("boss", "detail_batch", "CAPTCHA"), ("zhilian", "detail", "IP_BANNED")])
def test_a_block_at_the_details_stops_the_run(crawl_details, sandbox, site, kind, verdict):
    sandbox.control({"site": site, "kind": kind, "fault": "block", "after": 1})
    run = crawl_details(site)
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "blocked", verdict.lower()), run.err
    assert (run.round["state"], run.round["pages_ok"]) == ("partial", 1)
    assert sandbox.log()[-1]["fault"] == "block"
    assert run.report["stats"][f"anomaly/giveup_count/{verdict}"] == 1


def test_parts_of_a_batch_that_fail_are_asked_alone(crawl_details, sandbox):
    sandbox.control({"site": "boss", "kind": "detail_batch", "fault": "freq_limit", "subcalls": [1, 3], "times": 1})
    run = crawl_details("boss")
    assert run.code == 0, run.err
    assert run.report["stats"]["detail/stored"] == 15
    assert run.report["stats"]["anomaly/verdict_count/RATE_LIMITED"] == 2
    assert sum(one["kind"] == "detail" for one in sandbox.log()) == 2


def test_a_batch_that_cannot_be_had_is_asked_one_by_one(crawl_details, sandbox):
    sandbox.control({"site": "boss", "kind": "detail_batch", "fault": "dropped"})
    run = crawl_details("boss", RETRY_TIMES="0")
    assert run.code == 0, run.err
    assert run.report["stats"]["detail/stored"] == 15
    assert sum(one["kind"] == "detail" for one in sandbox.log()) == 15
