"""A fault that passes costs a request or some seconds, never a posting; what a site hides for good is never called a success."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

PASSING = [
    ("boss", "rejected_signature", 1, "SIGN_REJECTED"),
    ("qcwy", "server_error", 2, "SERVER_ERROR"),
    ("zhilian", "dropped", 3, "SERVER_ERROR"),
    ("zhilian", "truncated", 1, "LAYOUT_CHANGED"),
    ("boss", "renamed", 2, "LAYOUT_CHANGED"),
    ("qcwy", "empty", 1, "RATE_LIMITED"),
    ("boss", "empty", 3, "RATE_LIMITED"),
    ("zhilian", "empty_silent", 1, "EMPTY"),
    ("boss", "empty_silent", 2, "EMPTY"),
]


def rule(site: str, fault: str, page: int, **parameters) -> dict:
    return {"site": site, "kind": "search", "fault": fault, "pages": [page], **parameters}


@pytest.mark.parametrize(("site", "fault", "page", "verdict"), PASSING)
def test_a_fault_that_passes(crawl, sandbox, three_pages, stored_ids, site, fault, page, verdict):
    keyword = three_pages(site)
    sandbox.control(rule(site, fault, page, times=1))
    run = crawl(site, keyword=keyword, city="上海")
    assert run.code == 0, run.err
    assert (run.round["state"], run.round["pages_ok"], run.round["pages_asked"]) == ("done", 3, 3)
    stats = run.report["stats"]
    assert stats[f"anomaly/verdict_count/{verdict}"] == 1
    assert f"anomaly/giveup_count/{verdict}" not in stats
    assert stored_ids(site, keyword) == sorted(sandbox.truth(site, keyword, "上海")["ids"])
    assert sum(one["kind"] == "search" for one in sandbox.log()) == 4


def test_retry_after_is_honoured(crawl, sandbox, three_pages):
    keyword = three_pages("boss")
    sandbox.control(rule("boss", "rate_limited", 2, times=1, retry_after=2))
    run = crawl("boss", keyword=keyword, city="上海")
    assert (run.code, run.round["stored"]) == (0, 40), run.err
    refused, again = (one for one in sandbox.log() if one["page"] == 2)
    assert (refused["status"], again["status"]) == (429, 200)
    assert 2 <= again["time"] - refused["ended"] < 10
    assert run.report["stats"]["anomaly/retry_count/RATE_LIMITED"] == 1


def test_bad_rows_are_rejected_alone_with_field_and_reason(crawl, sandbox, three_pages, scrapy_command, store_dir):
    """Every posting is accounted for, so the run kept its promises; its report shows what was rejected."""
    keyword = three_pages("qcwy")
    truth = sandbox.truth("qcwy", keyword, "上海")["ids"]
    sandbox.control(rule("qcwy", "bad_rows", 2, rows=2))
    run = crawl("qcwy", keyword=keyword, city="上海")
    assert (run.code, run.report["judgement"]["state"]) == (0, "kept"), run.err
    line = run.round
    assert (line["seen"], line["rejected"], line["stored"]) == (line["new"] + line["repeated"] + 2, 2, line["new"])
    assert line["adds_up"]
    assert len(truth) - 2 <= line["stored"] <= len(truth)
    assert {one["field"] for one in run.report["rejected"]} == {"jobId"}
    assert sum(one["count"] for one in run.report["rejected"]) == 2
    sql = f"SELECT field, reason FROM rejected_row WHERE run_id = '{run.report['run']['run_id']}'"
    kept = scrapy_command("warehouse", "query", sql, "--format", "tsv")
    assert kept.code == 0, kept.err
    assert [line.split("\t")[0] for line in kept.out.splitlines()[1:]] == ["jobId"] * 2


@pytest.mark.parametrize("site", ["boss", "qcwy", "zhilian"])
def test_a_run_that_saw_no_posting_is_never_green(crawl, sandbox, three_pages, site):
    keyword = three_pages(site)
    sandbox.control(rule(site, "empty_silent", 1))
    run = crawl(site, keyword=keyword, city="上海")
    assert run.code == 1, run.err
    assert (run.round["state"], run.round["seen"]) == ("done", 0)
    assert [one["code"] for one in run.report["judgement"]["problems"]] == ["no_items"]
    assert run.report["stats"]["anomaly/verdict_count/EMPTY"] == 2


@pytest.mark.parametrize(("site", "page"), [("boss", 2), ("qcwy", 3), ("zhilian", 3)])
def test_a_promised_page_that_stays_empty_is_no_end(crawl, sandbox, three_pages, site, page):
    keyword = three_pages(site)
    sandbox.control(rule(site, "empty_silent", page))
    run = crawl(site, keyword=keyword, city="上海")
    assert run.code == 1, run.err
    assert (run.round["state"], run.round["stop_reason"], run.round["pages_ok"]) == ("partial", "empty_page", page)
    assert run.round["stored"] == run.round["distinct"] < len(sandbox.truth(site, keyword, "上海")["ids"])


@pytest.mark.parametrize(("site", "total"), [("boss", 320), ("zhilian", 150)])
def test_a_capped_search_is_split_and_covered(crawl, sandbox, stored_ids, site, total):
    keyword = f"上限{site}"
    sandbox.control({"total": {"site": site, "keyword": keyword, "city": "上海", "total": total}})
    run = crawl(site, keyword=keyword, city="上海")
    assert (run.code, run.report["judgement"]["state"], run.round["state"]) == (0, "kept", "done"), run.err
    assert run.report["stats"]["anomaly/verdict_count/CAPPED"] >= 1
    assert stored_ids(site, keyword) == sorted(sandbox.truth(site, keyword, "上海")["ids"])
