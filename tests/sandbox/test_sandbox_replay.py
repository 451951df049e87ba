"""`--replay DIR`: captured answers become the pages of one search."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from jobdata_scrapy.sandbox.options import SandboxOptions
from jobdata_scrapy.sandbox.replay import Replay

SAMPLES = Path(os.environ.get("JOBDATA_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples")


def boss_row(name: str) -> dict[str, Any]:
    return {"encryptJobId": name, "jobName": f"title {name}", "securityId": "<SECURITY_ID>"}


def qcwy_row(name: Any) -> dict[str, Any]:
    return {"jobId": name, "jobName": f"title {name}"}


FILES: dict[str, Any] = {
    "boss_list_1.json": {
        "code": 0,
        "message": "Success",
        "zpData": {"jobList": [boss_row("a"), boss_row("b")], "hasMore": True, "resCount": 9},
    },
    "boss_minilist_1.json": {"_note": "rows only", "list": [boss_row("c"), {"jobName": "a row without an id"}]},
    "boss_item_1.json": boss_row("d"),
    "boss_rows_1.json": {"items": [{"jobName": "a table's row"}]},
    "boss_detail_1.json": {"code": 0, "zpData": {"jobBaseInfoVO": {"encryptJobId": "a", "positionName": "title a"}}},
    "boss_company_1.json": {"items": [{"encryptBrandId": "brand~", "comName": "公司"}]},
    "boss_error_1.json": {"responses": [{"code": 7}]},
    "51job_list_1.json": {"engine_search_result": [{"jobid": "1", "job_name": "legacy"}]},
    "51job_list_5.json": {"status": "1", "resultbody": {"job": {"items": [qcwy_row("1"), qcwy_row(2)], "totalcount": 19}}},
    "qcwy_item_1.json": qcwy_row("3"),
    "51job_rows_3.json": {"items": [{"jobId": "9", "title": "column names of a tool"}]},
    "zhilian_list_1.json": {"results": [{"number": "old", "jobName": "legacy"}]},
    "zhilian_list_2.json": {
        "code": 200,
        "data": {"count": 1, "list": [{"jobDetailData": {"position": {"base": {"positionNumber": "x"}}}}]},
    },
    "zhilian_ssr_2.json": {"positionList": [{"number": "y", "name": "title y"}]},
    "zhilian_detail_1.json": {"_note": "n", "code": 200, "apiCode": 200, "data": {"detailedPosition": {"positionNumber": "x"}}},
    "zhilian_broken_1.json": b"{",
    "liepin_list_1.json": {"list": []},
}


@pytest.fixture
def options(tmp_path: Path) -> SandboxOptions:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
    return SandboxOptions(replay=tmp_path)


async def test_each_list_file_of_boss_is_a_page_whatever_is_asked(sandbox):
    pages = [(await sandbox.boss(keyword, page))[1] for keyword, page in (("x", 1), ("y", 2), ("z", 3), ("z", 4))]
    rows = [page["zpData"].get("jobList") or page["zpData"].get("list") for page in pages]
    assert [[row.get("encryptJobId") for row in page] for page in rows] == [["d"], ["a", "b"], ["c", None], []]
    assert [page["zpData"]["hasMore"] for page in pages] == [True, True, False, False]
    assert pages[1]["zpData"]["resCount"] == 9


async def test_rows_of_all_qcwy_files_are_one_window(sandbox):
    job = (await sandbox.qcwy(size=2))[1]["resultbody"]["job"]
    assert ([row["jobId"] for row in job["items"]], job["totalCount"]) == (["1", 2], 3)
    assert [row["jobId"] for row in (await sandbox.qcwy(page=2, size=2))[1]["resultbody"]["job"]["items"]] == ["3"]


async def test_zhilian_pages_end_with_the_last_file(sandbox):
    pages = [(await sandbox.zhilian(page=page))[1]["data"] for page in (1, 2)]
    assert [(page["isEndPage"], page["count"], len(page["list"])) for page in pages] == [(0, 2, 1), (1, 2, 1)]


async def test_truth_is_every_id_in_the_files(sandbox):
    truths = {site: (await sandbox.truth(site, "whatever"))["ids"] for site in ("boss", "qcwy", "zhilian")}
    assert truths == {"boss": ["d", "a", "b", "c"], "qcwy": ["1", "2", "3"], "zhilian": ["x", "y"]}


async def test_details_and_companies_are_found_by_id(sandbox):
    path = "/boss/wapi/zpgeek/miniapp"
    found = (await sandbox.get(f"{path}/job/detail.json?jobId=a&securityId=x", mpt="sandbox-token"))[1]
    assert found["zpData"]["jobBaseInfoVO"]["positionName"] == "title a"
    assert (await sandbox.get(f"{path}/job/detail.json?jobId=b&securityId=x", mpt="sandbox-token"))[1]["code"] == 1
    brand = (await sandbox.get(f"{path}/brand/detail.json?brandId=brand~", mpt="sandbox-token"))[1]
    assert brand["zpData"]["comName"] == "公司"
    zhilian = "/zhilian/c/i/jobs/position-detail-new?number="
    assert (await sandbox.get(zhilian + "x"))[1]["data"] == {"detailedPosition": {"positionNumber": "x"}}
    assert (await sandbox.get(zhilian + "y"))[1]["apiCode"] == 211


async def test_faults_and_checks_work_on_captured_answers_too(sandbox):
    assert (await sandbox.boss(token="wrong"))[1]["code"] == 7
    await sandbox.control({"site": "qcwy", "fault": "renamed"})
    assert "jobIdV2" in (await sandbox.qcwy())[1]["resultbody"]["job"]["items"][0]


def test_what_is_no_answer_of_today_is_left_out_by_name(options):
    left_out = dict(Replay.load(options.replay).left_out)
    assert set(left_out) == {
        "boss_rows_1.json",
        "boss_error_1.json",
        "51job_list_1.json",
        "51job_rows_3.json",
        "zhilian_list_1.json",
        "zhilian_broken_1.json",
        "liepin_list_1.json",
    }
    assert left_out["zhilian_broken_1.json"] == "not JSON"
    assert left_out["liepin_list_1.json"] == "its name tells no site"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no folder of captured answers")
def test_samples_serve_every_posting_of_todays_shapes():
    replay = Replay.load(SAMPLES)
    assert {site: replay.count_rows(site) > 0 for site in replay.lists} == {"boss": True, "qcwy": True, "zhilian": True}
    assert all(replay.ids(site) for site in replay.lists)
    assert {"51job_list_1.json", "51job_list_2.json", "zhilian_list_1.json"} <= dict(replay.left_out).keys()
