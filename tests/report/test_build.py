"""The numbers of a report add up, whatever the pages were; no secret gets into it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from jobdata_scrapy.items import Job, RowState, StoredPage

amounts = st.none() | st.integers(0, 200_000).map(float)
jobs = st.builds(
    Job,
    job_id=st.just("j"),
    title=st.just("t"),
    skills=st.lists(st.sampled_from(["SQL", "Python", "数据挖掘", "<b>", "\x00\ud800"]), max_size=4),
    monthly_low=amounts,
    monthly_high=amounts,
    company_name=st.text(max_size=5),
    state=st.sampled_from([None, RowState.REPEATED]),
)


@st.composite
def stored_pages(draw: Any, make_page: Any) -> Any:
    rows = draw(st.lists(jobs, max_size=8))
    distinct = sum(job.state is None for job in rows)
    new = draw(st.integers(0, distinct))
    changed = draw(st.integers(0, distinct - new))
    stored = StoredPage(new=new, changed=changed, unchanged=distinct - new - changed)
    words = {
        "keyword": draw(st.sampled_from(["数据分析", "[red]x", "<script>"])),
        "city": draw(st.sampled_from(["上海", "全国"])),
    }
    total = draw(st.none() | st.integers(0, 500))
    return make_page(draw(st.integers(1, 9)), jobs=rows, rejected=draw(st.integers(0, 3)), stored=stored, total=total, **words)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_totals_are_the_sums_of_their_parts(make_page, make_report, data):
    pages = data.draw(st.lists(stored_pages(make_page), max_size=6))
    report = make_report(pages)
    json.dumps(report, allow_nan=False, ensure_ascii=False).encode("utf-8")
    totals, this_run = report["totals"], report["this_run"]
    for name in ("seen", "new", "changed", "unchanged", "repeated", "rejected"):
        assert totals[name] == sum(line[name] for line in report["rounds"]) == this_run[name]
    assert totals["seen"] == sum(totals[name] for name in ("new", "changed", "unchanged", "repeated", "rejected"))
    assert totals["pages_ok"] == this_run["pages"] == len(pages)
    assert all(check["holds"] for check in report["checks"])
    salary = report["salary"]
    counted = sum(band["count"] for band in salary["bands"]) + salary["open_ended"] + salary["undisclosed"]
    assert counted == totals["distinct"] == totals["stored"]
    assert sum(row["count"] for row in report["rejected"]) == totals["rejected"]


def test_a_check_that_does_not_hold_shows_both_sides(make_report, make_page):
    page = make_page()
    page.stored.new = 2
    seen = next(check for check in make_report([page])["checks"] if check["name"] == "seen")
    assert seen == {"name": "seen", "left": 3, "right": 2, "holds": False}


def test_what_one_line_does_not_know_the_total_does_not_know(make_report, make_page):
    report = make_report([make_page(total=50), make_page(total=None, keyword="b")])
    assert report["totals"]["total"] is None
    assert [line["uncovered"] for line in report["rounds"]] == [47, None]


def test_secrets_in_arguments_are_hidden_and_a_keyword_is_not(make_report):
    given_arguments = {
        "keyword": "token",
        "boss_mpt_token": "geheim",
        "QCWY_SIGN_KEY": "geheim",
        "clickhouse_pass": "geheim",
        "anything": SecretStr("geheim"),
        "proxy": "http://me:geheim@10.0.0.1:80/x",
        "pages": 3,
    }
    report = make_report([], arguments=given_arguments)
    assert "geheim" not in json.dumps(report)
    shown = report["run"]["arguments"]
    assert shown["keyword"] == "token"
    assert shown["pages"] == "3"
    assert shown["proxy"] == "http://***@10.0.0.1:80/x"


def test_problems_and_times_are_plain_data(make_report):
    report = make_report([], errors=["x"], finish_reason="blocked")
    assert report["judgement"]["exit_code"] == 1
    assert [problem["code"] for problem in report["judgement"]["problems"]] == ["stopped_early", "error", "no_rounds"]
    assert report["run"]["started_at"] == "2026-11-22T01:02:03+00:00"
    assert report["run"]["duration_seconds"] == 93
