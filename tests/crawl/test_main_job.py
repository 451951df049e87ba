"""The main job as a user runs it: one keyword, from the site to the warehouse."""

import csv
import io
import json

import pytest

pytestmark = pytest.mark.slow
SITES = ("boss", "qcwy", "zhilian")


def query(scrapy_command, sql, **options) -> list[dict]:
    done = scrapy_command("warehouse", "query", sql, "--format", "json", **options)
    assert done.code == 0, done.err
    return json.loads(done.out)["data"]


@pytest.mark.parametrize("site", SITES)
def test_three_crawls_of_an_unchanged_search(crawl, scrapy_command, sandbox, site):
    keyword = f"三次{site}"
    truth = sandbox.truth(site, keyword, "上海")
    runs = [crawl(site, keyword=keyword, city="上海") for _ in range(3)]
    assert [run.code for run in runs] == [0, 0, 0], runs[0].err
    assert [run.round["new"] for run in runs] == [len(truth["ids"]), 0, 0]
    assert [run.round["unchanged"] for run in runs[1:]] == [len(truth["ids"])] * 2
    assert {run.round["stored"] for run in runs} == {len(truth["ids"])}
    rows = query(scrapy_command, f"SELECT job_id FROM {site}_job WHERE keyword = '{keyword}' ORDER BY job_id")
    assert [row["job_id"] for row in rows] == sorted(truth["ids"])
    sightings = query(scrapy_command, f"SELECT count() AS n FROM job_sighting WHERE keyword = '{keyword}'")
    assert int(sightings[0]["n"]) == 3 * len(truth["ids"])


@pytest.mark.parametrize("site", SITES)
def test_no_personal_data_is_stored_or_exported(crawl, scrapy_command, tmp_path, site):
    feed = tmp_path / "jobs.jsonl"
    run = crawl(site, keyword=f"隐私{site}", city="北京", settings={"FEEDS": json.dumps({str(feed): {"format": "jsonl"}})})
    assert run.code == 0, run.err
    rows = query(scrapy_command, f"SELECT * FROM {site}_job WHERE keyword = '隐私{site}'")
    assert rows
    stored = json.dumps(rows, ensure_ascii=False) + feed.read_text("utf-8") + run.err
    for name in ("bossName", "bossAvatar", "encryptBossId", "hrName", "hrUid", "staffName", "staffCard", "securityId"):
        assert name not in stored


def test_changed_postings_become_new_versions_and_new_ones_are_found(crawl, scrapy_command, sandbox):
    first = crawl("boss", keyword="改薪", city="上海")
    sandbox.control({"mutate": {"site": "boss", "keyword": "改薪", "city": "上海", "change_salary": 3, "add": 2, "remove": 1}})
    second = crawl("boss", keyword="改薪", city="上海")
    assert (first.code, second.code) == (0, 0), second.err
    assert (second.round["changed"], second.round["new"]) == (3, 2)
    assert second.round["unchanged"] == first.round["new"] - 4
    versions = query(scrapy_command, "SELECT count() AS n, uniqExact(job_id) AS ids FROM boss_job WHERE keyword = '改薪'")
    assert int(versions[0]["n"]) == int(versions[0]["ids"]) + 3


def test_a_feed_has_one_row_a_posting_also_at_the_second_crawl(crawl, sandbox, tmp_path):
    for name in ("one.csv", "two.csv"):
        run = crawl(
            "qcwy", keyword="导出", city="上海", settings={"FEEDS": json.dumps({str(tmp_path / name): {"format": "csv"}})}
        )
        assert run.code == 0, run.err
        rows = list(csv.DictReader(io.StringIO((tmp_path / name).read_text("utf-8-sig"))))
        assert sorted(row["job_id"] for row in rows) == sorted(sandbox.truth("qcwy", "导出", "上海")["ids"])


def test_several_keywords_and_cities_in_one_run(crawl, sandbox):
    run = crawl("zhilian", keyword="会计,出纳", city="上海,北京")
    assert run.code == 0, run.err
    rounds = {(r["keyword"], r["city"]): r for r in run.report["rounds"]}
    for keyword in ("会计", "出纳"):
        for city in ("上海", "北京"):
            assert rounds[keyword, city]["stored"] == len(sandbox.truth("zhilian", keyword, city)["ids"])


def test_pages_limit_is_kept_and_said(crawl, sandbox):
    run = crawl("boss", keyword="两页", city="上海", pages="2")
    assert run.code == 0, run.err
    assert (run.round["state"], run.round["stop_reason"], run.round["pages_ok"]) == ("partial", "pages_limit", 2)
    assert sum(one["kind"] == "search" for one in sandbox.log()) == 2


def test_details_of_a_batch_and_their_companies_are_stored(crawl, scrapy_command, sandbox):
    run = crawl("boss", keyword="详情", city="上海", pages="1", details="true")
    assert run.code == 0, run.err
    kinds = query(scrapy_command, "SELECT page_kind, count() AS n FROM boss_job WHERE keyword = '详情' GROUP BY 1 ORDER BY 1")
    assert {row["page_kind"]: int(row["n"]) for row in kinds} == {"detail": 15, "search": 15}
    assert sum(one["kind"] == "detail_batch" for one in sandbox.log()) == 3
    assert (run.report["details"]["seen"], run.report["details"]["new"], run.report["this_run"]["seen"]) == (15, 15, 15)
    assert run.report["companies_seen"] > 0
    assert "details: 15 postings, 0 changed" in run.out + run.err
    answers = run.report["traffic"]["requests"] - 1  # but that for robots.txt
    assert (run.report["verdicts"], run.report["stats"]["anomaly/verdict_count/OK"]) == ({"OK": answers}, answers + 15)
    merged = query(
        scrapy_command,
        "SELECT count() AS n, countIf(description != '') AS described FROM job_analytics WHERE keyword = '详情'",
    )
    assert {name: int(value) for name, value in merged[0].items()} == {"n": 15, "described": 15}
    again = crawl("boss", keyword="详情", city="上海", pages="1", details="true")
    assert again.code == 0, again.err
    assert again.round["unchanged"] == 15
    assert sum(one["kind"] in ("detail", "detail_batch") for one in sandbox.log()) == 3


def test_details_one_by_one_where_a_batch_part_fails(crawl, scrapy_command, sandbox):
    sandbox.control({"site": "boss", "kind": "detail_batch", "fault": "block", "subcalls": [2], "times": 1})
    run = crawl("boss", keyword="单个", city="上海", pages="1", details="true")
    assert run.code == 0, run.err
    kinds = query(scrapy_command, "SELECT count() AS n FROM boss_job WHERE keyword = '单个' AND page_kind = 'detail'")
    assert int(kinds[0]["n"]) == 15
    assert sum(one["kind"] == "detail" for one in sandbox.log()) == 1


def test_zhilian_details(crawl, scrapy_command):
    run = crawl("zhilian", keyword="智联详情", city="上海", pages="1", details="true")
    assert run.code == 0, run.err
    kinds = query(scrapy_command, "SELECT page_kind, count() AS n FROM zhilian_job WHERE keyword = '智联详情' GROUP BY 1")
    counts = {row["page_kind"]: int(row["n"]) for row in kinds}
    assert counts["detail"] == counts["search"]
    companies = query(scrapy_command, "SELECT count() AS n FROM zhilian_company")
    assert int(companies[0]["n"]) > 0


def test_qcwy_signed_endpoint_with_a_key(crawl, sandbox):
    run = crawl("qcwy", keyword="签名", city="上海", settings={"QCWY_SIGN_KEY": "sandbox-key"})
    assert run.code == 0, run.err
    paths = {one["path"] for one in sandbox.log() if one["kind"] == "search"}
    assert len(paths) == 1
    assert "search-pc" in paths.pop()
