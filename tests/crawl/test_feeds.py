"""`-o` with details: one row a posting, with the description of its own page; a second run adds rows, no heading."""

from __future__ import annotations

import csv
import json

import pytest

pytestmark = pytest.mark.slow


def test_details_are_in_the_row_of_their_posting(crawl, three_pages, tmp_path):
    path, keyword = tmp_path / "jobs.csv", three_pages("boss")
    settings = {"FEEDS": f'{{"{path}": {{"format": "csv"}}}}'}
    first = crawl("boss", keyword=keyword, city="上海", pages="2", details="true", settings=settings)
    assert path.exists(), first.err
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (first.code, len(rows)) == (0, first.round["distinct"]), first.err
    assert len({row["job_id"] for row in rows}) == len(rows)
    assert sum(bool(row["description"]) for row in rows) == first.report["stats"]["detail/stored"] > 0
    assert all(row["salary_text"] and row["city"] == "上海" for row in rows)
    assert {row["page_kind"] for row in rows} <= {"search", "detail"}

    path.unlink()
    alone = crawl(
        "boss", keyword=keyword, city="上海", pages="1", details="true", settings={**settings, "CLICKHOUSE_ENABLED": "0"}
    )
    assert (alone.code, alone.report["stats"]["detail/stored"]) == (0, 15), alone.err
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), all(row["description"] for row in rows)) == (15, True)

    crawl("boss", keyword=keyword, city="上海", pages="1", settings=settings)
    with path.open(encoding="utf-8-sig", newline="") as file:
        again = list(csv.DictReader(file))
    assert len(again) > len(rows)
    assert "job_id" not in {row["job_id"] for row in again}


def test_a_feed_that_ends_up_unwritten_fails_the_run_and_no_other_feed(crawl, three_pages, tmp_path):
    settings = {"FEEDS": f'{{"/dev/full": {{"format": "csv"}}, "{tmp_path}/good.json": {{}}}}'}
    run = crawl("zhilian", keyword=three_pages("zhilian"), city="上海", pages="1", settings=settings)
    assert (run.code, run.round["stored"]) == (1, 20), run.err
    (problem,) = run.report["judgement"]["problems"]
    assert "the feed /dev/full could not be written: No space left on device" in problem["message"]
    assert "Traceback" not in run.err
    assert len(json.loads((tmp_path / "good.json").read_text("utf-8"))) == 20


@pytest.mark.parametrize("name", ["%(nope)s.csv", "nowhere://x/jobs.csv"])
def test_a_feed_that_scrapy_does_not_take_fails_the_run(crawl, three_pages, name):
    settings = {"FEEDS": f'{{"{name}": {{"format": "csv"}}}}'}
    run = crawl("zhilian", keyword=three_pages("zhilian"), city="上海", pages="1", settings=settings)
    (problem,) = run.report["judgement"]["problems"]
    assert (run.code, "feed" in problem["message"]) == (1, True), run.err
