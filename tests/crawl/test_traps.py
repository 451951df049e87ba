"""What once lost pages in silence: a part that fails on page 2 fails the run, stops its search there, and holds up no other."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow

PARTS = "tests.crawl.broken_parts"


@pytest.fixture
def with_pipeline():
    """Settings that put a pipeline between ours."""

    def make(name: str, order: int) -> dict[str, str]:
        from jobdata_scrapy.settings import ITEM_PIPELINES

        return {"ITEM_PIPELINES": json.dumps({**ITEM_PIPELINES, f"{PARTS}.{name}": order})}

    return make


def check_lost_page(run, sandbox, keywords: list[str], stop_reason: str) -> None:
    """Page 2 is not counted, page 3 never asked for; one is in hand: a search that is not let go would hold up the next."""
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "finished"), run.err
    ends = {one["keyword"]: (one["state"], one["stop_reason"], one["pages_ok"]) for one in run.report["rounds"]}
    assert ends == dict.fromkeys(keywords, ("partial", stop_reason, 1))
    assert max(one["page"] or 0 for one in sandbox.log()) <= 2
    assert run.report["stats"]["page/stored"] == len(keywords)


ONE_IN_HAND = {"KEYWORDS_IN_HAND": "1"}


@pytest.mark.parametrize(
    ("part", "order"), [("RaisingPipeline", 50), ("RaisingPipeline", 920), ("DroppingPipeline", 250), ("DroppingPipeline", 920)]
)
def test_a_failed_or_dropped_page_stops_its_search(crawl, sandbox, three_pages, with_pipeline, part, order):
    keywords = [three_pages("qcwy"), three_pages("qcwy")]
    run = crawl("qcwy", keyword=",".join(keywords), city="上海", settings=ONE_IN_HAND | with_pipeline(part, order))
    check_lost_page(run, sandbox, keywords, "page_failed")
    stats = run.report["stats"]
    assert (stats["page/yielded"], stats["page/failed"]) == (4, 2)
    codes = {one["code"] for one in run.report["judgement"]["problems"]}
    assert codes >= {"error", "pages_lost", "round_unfinished"}


@pytest.mark.parametrize(
    ("part", "order"), [("CancelledPipeline", 250), ("CancellingPipeline", 899), ("CancellingPipeline", 949)]
)
def test_a_cancelled_page_is_a_storage_error(crawl, sandbox, three_pages, with_pipeline, part, order):
    """Scrapy itself gives no signal for it and waits for ever."""
    run = crawl("qcwy", keyword=three_pages("qcwy"), city="上海", settings=with_pipeline(part, order))
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "storage_down", "storage_down"), (
        run.err
    )
    assert run.round["state"] == "partial"
    assert run.report["stats"]["page/stored"] == run.report["stats"]["page/yielded"] - 1 == 1
    assert max(one["page"] or 0 for one in sandbox.log()) == 2


def test_a_request_dropped_by_the_scheduler_fails_the_run(crawl, sandbox, three_pages):
    keywords = [three_pages("qcwy"), three_pages("qcwy")]
    settings = ONE_IN_HAND | {"SCHEDULER": f"{PARTS}.ForgetfulScheduler"}
    run = crawl("qcwy", keyword=",".join(keywords), city="上海", settings=settings)
    check_lost_page(run, sandbox, keywords, "lost")
    messages = [one["message"] for one in run.report["judgement"]["problems"] if one["code"] == "error"]
    assert messages == [f"page 2 of {keyword!r} was dropped by the scheduler" for keyword in keywords]


@pytest.mark.parametrize(("spider", "stop_reason"), [("bad_parser", "page_failed"), ("bad_signer", "request_failed")])
def test_a_bug_of_ours_fails_the_run(crawl, sandbox, three_pages, spider, stop_reason):
    keywords = [three_pages("qcwy"), three_pages("qcwy")]
    run = crawl(spider, keyword=",".join(keywords), city="上海", settings=ONE_IN_HAND | {"SPIDER_MODULES": PARTS})
    check_lost_page(run, sandbox, keywords, stop_reason)
    assert sum("KeyError" in one["message"] for one in run.report["judgement"]["problems"]) == 2


def test_a_signing_script_that_fails_stops_the_run_without_showing_the_token(crawl, sandbox, three_pages, tmp_path):
    script = tmp_path / "sign.js"
    script.write_text("function sign(target, token, now) { throw new Error('no way, ' + token + ' ' + target) }")
    run = crawl("boss", keyword=three_pages("boss"), city="上海", settings={"BOSS_SIGN_JS": str(script)})
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "sign_rejected", "sign_failed"), (
        run.err
    )
    assert {one["kind"] for one in sandbox.log()} == {"robots"}
    assert "sandbox-token" not in run.err + str(run.report)
