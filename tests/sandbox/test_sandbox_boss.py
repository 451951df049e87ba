"""The boss fake: docs/platforms.md 1.3 (list), 1.4 (detail), 1.1 (batch), 1.6 (codes)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest

BOSS = "/boss/wapi/zpgeek/miniapp"
DETAIL_PATH = "/wapi/zpgeek/miniapp/job/detail.json"
SEEN = orjson.loads(Path(__file__).with_name("fields_seen.json").read_bytes())
LIST_FIELDS = set(SEEN["boss list"].split())
JOB_FIELDS = set(SEEN["boss detail"].split())
BRAND_FIELDS = set(SEEN["boss brand"].split())


def rows_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    data = answer["zpData"]
    return data.get("list", data.get("jobList"))


async def all_rows(sandbox: Any, keyword: str, pages: int = 30) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for page in range(1, pages):
        answer = (await sandbox.boss(keyword, page))[1]
        rows += rows_of(answer)
        if not answer["zpData"]["hasMore"]:
            break
    return rows


async def test_list_has_the_fields_of_the_mini_program(sandbox):
    status, answer = await sandbox.boss()
    assert (status, answer["code"], answer["message"]) == (200, 0, "Success")
    assert set(answer["zpData"]) in ({"list", "hasMore"}, {"jobList", "hasMore"})
    assert all(set(row) == LIST_FIELDS for row in rows_of(answer))
    assert len(rows_of(answer)) == 15


async def test_both_names_of_the_list_occur(sandbox):
    names = {name for n in range(20) for name in (await sandbox.boss(f"k{n}"))[1]["zpData"]}
    assert names == {"list", "jobList", "hasMore"}


async def test_pages_together_are_the_truth(sandbox):
    rows = await all_rows(sandbox, "数据分析")
    truth = await sandbox.truth("boss", "数据分析")
    assert [row["encryptJobId"] for row in rows] == truth["ids"]
    assert truth["total"] == truth["reachable"] == truth["rows"] == len(rows) > 15


async def test_the_cap_is_300_and_truth_tells_what_is_reachable(sandbox):
    rows = await all_rows(sandbox, "超限测试")
    truth = await sandbox.truth("boss", "超限测试")
    assert len(rows) == truth["reachable"] == 300 < truth["total"]
    assert [row["encryptJobId"] for row in rows] == truth["ids"][:300]
    beyond = (await sandbox.boss("超限测试", 21))[1]
    assert (rows_of(beyond), beyond["zpData"]["hasMore"]) == ([], False)


async def test_page_size_stops_at_30(sandbox):
    await sandbox.control({"total": {"site": "boss", "keyword": "k", "city": "上海", "total": 90}})
    assert len(rows_of((await sandbox.boss("k", pageSize=50))[1])) == 30


async def test_list_carries_the_dirt_that_real_lists_carry(sandbox):
    rows = await all_rows(sandbox, "超限脏数据")
    assert any(row["proxyJob"] == 1 and row["brandName"].startswith("某") for row in rows)
    assert any(row["brandName"].endswith("...") for row in rows)
    assert any(row["salaryDesc"] == "面议" for row in rows)
    assert any("元/天" in row["salaryDesc"] and row["jobType"] == 4 for row in rows)
    assert any("薪" in row["salaryDesc"] for row in rows)
    assert any(row["businessName"] == "" for row in rows)
    assert all("沙盒" in row["bossName"] for row in rows)


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_unknown_token_gets_code_7(sandbox, token):
    assert (await sandbox.boss(token=token))[1] == {"code": 7, "message": "当前登录状态已失效", "zpData": {}}
    assert (await sandbox.log())[0]["fault"] == "check:token"


@pytest.mark.parametrize(("name", "value", "code"), [("page", 0, 17), ("pageSize", "x", 17), ("city", "1", 19)])
async def test_bad_parameters_get_a_code(sandbox, name, value, code):
    assert (await sandbox.boss(**{name: value}))[1]["code"] == code


async def test_stoken_is_the_md5_of_target_and_token(sandbox):
    await sandbox.control({"require_stoken": True})
    target = f"{DETAIL_PATH.replace('job/detail', 'search/joblist')}?query=%E6%95%B0&city=101020100&page=1"
    refused = (await sandbox.get(f"/boss{target}", mpt="sandbox-token"))[1]
    assert refused["code"] == 37
    assert set(refused["zpData"]) == {"name", "seed", "ts"}
    value = hashlib.md5(f"{target}|sandbox-token".encode(), usedforsecurity=False).hexdigest()
    good = (await sandbox.get(f"/boss{target}", mpt="sandbox-token", Cookie=f"__zp_stoken__={quote(value)}"))[1]
    assert good["code"] == 0


def detail_target(row: dict[str, Any], **more: str) -> str:
    params = {
        "securityId": row["securityId"],
        "jobId": row["encryptJobId"],
        "lid": row["lid"],
        "source": "10",
        "appId": "10002",
    } | more
    return f"{DETAIL_PATH}?{urlencode(params)}"


async def test_detail_needs_the_ticket_of_the_list(sandbox):
    row = rows_of((await sandbox.boss())[1])[0]
    answer = (await sandbox.get("/boss" + detail_target(row), mpt="sandbox-token"))[1]
    data = answer["zpData"]
    assert answer["code"] == 0
    assert set(data["jobBaseInfoVO"]) >= JOB_FIELDS
    assert set(data["brandComInfoVO"]) >= BRAND_FIELDS
    assert (data["jobBaseInfoVO"]["encryptJobId"], data["jobBaseInfoVO"]["salaryDesc"]) == (
        row["encryptJobId"],
        row["salaryDesc"],
    )
    assert data["jobBaseInfoVO"]["salaryMonth"] == 0
    assert (await sandbox.get("/boss" + detail_target(row, securityId="no"), mpt="sandbox-token"))[1]["code"] == 1


async def test_headhunter_detail_names_no_company(sandbox):
    row = next(row for row in await all_rows(sandbox, "超限猎头") if row["proxyJob"] == 1)
    data = (await sandbox.get("/boss" + detail_target(row), mpt="sandbox-token"))[1]["zpData"]
    assert (data["brandComInfoVO"]["encryptBrandId"], data["brandComInfoVO"]["comName"]) == ("", "")
    assert (data["jobBaseInfoVO"]["proxyType"], data["jobBaseInfoVO"]["anonymous"]) == (1, 101)


async def test_removed_posting_is_closed(sandbox):
    row = rows_of((await sandbox.boss())[1])[0]
    await sandbox.control({"mutate": {"site": "boss", "keyword": "python", "city": "上海", "remove": 1}})
    answer = (await sandbox.get("/boss" + detail_target(row), mpt="sandbox-token"))[1]
    assert (answer["code"], answer["message"]) == (1, "该职位已关闭")


async def test_company_is_found_by_the_id_of_a_detail(sandbox):
    row = next(row for row in rows_of((await sandbox.boss())[1]) if not row["proxyJob"])
    brand = (await sandbox.get("/boss" + detail_target(row), mpt="sandbox-token"))[1]["zpData"]["brandComInfoVO"]
    answer = (
        await sandbox.get(f"{BOSS}/brand/detail.json?{urlencode({'brandId': brand['encryptBrandId']})}", mpt="sandbox-token")
    )[1]
    assert answer["zpData"] == brand
    assert (await sandbox.get(f"{BOSS}/brand/detail.json?brandId=nobody", mpt="sandbox-token"))[1]["code"] == 1


async def run_batch(sandbox: Any, calls: list[str]) -> dict[str, Any]:
    params = urlencode({"batch_method_feed": orjson.dumps(calls).decode(), "appId": "10002"})
    return (await sandbox.get(f"/boss/wapi/batch/batchRunV3?{params}", mpt="sandbox-token"))[1]


async def test_batch_answers_each_call_under_its_path(sandbox):
    rows = rows_of((await sandbox.boss())[1])[:3]
    rows[1]["securityId"] = "wrong"
    answer = await run_batch(sandbox, ["method=" + detail_target(row).replace("?", "&", 1) for row in rows])
    assert answer["code"] == 0
    assert list(answer["zpData"]) == [DETAIL_PATH, f"{DETAIL_PATH}#1", f"{DETAIL_PATH}#2"]
    assert [one["code"] for one in answer["zpData"].values()] == [0, 1, 0]
    assert answer["zpData"][f"{DETAIL_PATH}#2"]["zpData"]["jobBaseInfoVO"]["encryptJobId"] == rows[2]["encryptJobId"]


async def test_one_sub_call_can_be_blocked_inside_a_good_batch(sandbox):
    rows = rows_of((await sandbox.boss())[1])[:2]
    await sandbox.control({"site": "boss", "kind": "detail_batch", "fault": "block", "subcalls": [1]})
    answer = await run_batch(sandbox, ["method=" + detail_target(row).replace("?", "&", 1) for row in rows])
    assert (answer["code"], [one["code"] for one in answer["zpData"].values()]) == (0, [0, 37])


@pytest.mark.parametrize("feed", ["", "{", "[]", '["x"]', "[1]"])
async def test_malformed_batch_gets_code_17(sandbox, feed):
    answer = await sandbox.get(f"/boss/wapi/batch/batchRunV3?{urlencode({'batch_method_feed': feed})}", mpt="sandbox-token")
    assert answer[1]["code"] == 17
