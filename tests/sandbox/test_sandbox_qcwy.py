"""The qcwy fake: docs/platforms.md 2.2 (answers), 2.3 (signature), 2.4 (failures)."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

FIELDS = set(orjson.loads(Path(__file__).with_name("fields_seen.json").read_bytes())["qcwy list"].split())


async def all_pages(sandbox: Any, keyword: str, size: int = 20) -> tuple[list[dict[str, Any]], int]:
    rows: list[dict[str, Any]] = []
    page = 0
    while True:
        page += 1
        job = (await sandbox.qcwy(keyword, page, size=size))[1]["resultbody"]["job"]
        if not job["items"]:
            return rows, job["totalcount"]
        rows += job["items"]


async def test_list_has_every_column_of_a_capture(sandbox):
    status, answer = await sandbox.qcwy("数据分析")
    assert (status, answer["status"], answer["message"]) == (200, "1", "成功")
    assert len(answer["resultbody"]["job"]["items"]) == 20
    assert all(set(row) == FIELDS for row in answer["resultbody"]["job"]["items"])
    row = answer["resultbody"]["job"]["items"][0]
    assert orjson.loads(row["property"])["pageNum"] == "1"
    assert isinstance(row["lon"], str)


async def test_pages_repeat_some_ids_and_together_are_the_truth(sandbox):
    await sandbox.control({"total": {"site": "qcwy", "keyword": "k", "city": "上海", "total": 95}})
    rows, total = await all_pages(sandbox, "k")
    truth = await sandbox.truth("qcwy", "k")
    ids = [str(row["jobId"]) for row in rows]
    assert len(ids) == total == truth["rows"] == 98  # one row in 30 is an earlier posting again
    assert list(dict.fromkeys(ids)) == truth["ids"]
    assert truth["total"] == truth["reachable"] == 95


async def test_window_ends_at_1000_rows(sandbox):
    rows, total = await all_pages(sandbox, "超限测试", size=100)
    truth = await sandbox.truth("qcwy", "超限测试")
    distinct = list(dict.fromkeys(str(row["jobId"]) for row in rows))
    assert len(rows) == total == truth["rows"] == 1000
    assert len(distinct) == truth["reachable"] < truth["total"]
    assert distinct == truth["ids"][: truth["reachable"]]


async def test_page_size_stops_at_100(sandbox):
    await sandbox.control({"total": {"site": "qcwy", "keyword": "k", "city": "上海", "total": 300}})
    assert len((await sandbox.qcwy("k", size=200))[1]["resultbody"]["job"]["items"]) == 100


async def test_rows_carry_the_dirt_that_real_rows_carry(sandbox):
    rows, _ = await all_pages(sandbox, "超限脏数据", size=100)
    assert {str, int} == {type(row["jobId"]) for row in rows}
    assert any(row["provideSalaryString"] == "" and row["jobSalaryMin"] == "" for row in rows)
    assert any("districtString" not in row["jobAreaLevelDetail"] for row in rows)
    assert any("\\n" in row["jobDescribe"] for row in rows)
    assert any(row["degreeString"] == "" for row in rows)
    assert any(row["companySizeString"] == "" for row in rows)
    assert any("1390000" in row["jobDescribe"] and "@sandbox.invalid" in row["jobDescribe"] for row in rows)
    for form in ("万/年", "元/天", "千/天", "千及以下", "薪"):
        assert any(form in row["provideSalaryString"] for row in rows), form
    assert all("沙盒" in row["hrName"] for row in rows)


async def test_shares_are_near_those_of_captures(sandbox):
    rows, _ = await all_pages(sandbox, "超限份额", size=100)
    share = {degree: sum(row["degreeString"] == degree for row in rows) / len(rows) for degree in ("本科", "大专", "硕士")}
    assert abs(share["本科"] - 0.47) < 0.06
    assert abs(share["大专"] - 0.38) < 0.06
    assert abs(share["硕士"] - 0.028) < 0.03


async def test_both_spellings_of_the_total_occur(sandbox):
    jobs = [(await sandbox.qcwy(f"k{n}"))[1]["resultbody"]["job"] for n in range(20)]
    assert {"totalCount" in job for job in jobs} == {True, False}
    assert all("totalcount" in job for job in jobs)


async def test_unknown_area_is_searched_as_the_whole_country(sandbox):
    rows = (await sandbox.qcwy(area="999999"))[1]["resultbody"]["job"]["items"]
    assert len({row["jobAreaLevelDetail"]["cityString"] for row in rows}) > 3


async def test_bad_page_is_a_parameter_error(sandbox):
    assert (await sandbox.qcwy(page=0))[1] == {"status": "0", "message": "参数错误"}


async def test_volatile_columns_differ_between_two_answers_and_nothing_else(sandbox):
    first, second = [(await sandbox.qcwy())[1]["resultbody"]["job"]["items"] for _ in range(2)]
    changed = {name for one, other in zip(first, second, strict=True) for name in one if one[name] != other[name]}
    assert changed == {"property", "jobHref", "jobScheme"}


def signed(sandbox: Any, *, key: str = "sandbox-key", age: float = 0, more: str = "") -> tuple[str, str]:
    stamp = int(sandbox.clock.now - age)
    query = urlencode(
        {"api_key": "51job", "timestamp": stamp, "keyword": "数据", "jobArea": "020000", "pageNum": 1, "pageSize": 20}
    )
    target = f"/open/noauth/search-pc?{query}"
    return f"/qcwy{target}{more}", hmac.new(key.encode(), target.encode(), hashlib.sha256).hexdigest()


async def test_signed_list_verifies_the_signature_over_the_target_as_sent(sandbox):
    target, sign = signed(sandbox)
    assert (await sandbox.get(target, sign=sign))[1]["status"] == "1"


async def test_signed_list_refuses_what_is_not_signed_right(sandbox):
    refused = {"status": "0", "message": "签名错误"}
    target, sign = signed(sandbox)
    assert (await sandbox.get(target))[1] == refused
    assert (await sandbox.get(target + "&pageNum=2", sign=sign))[1] == refused
    target, sign = signed(sandbox, key="another key")
    assert (await sandbox.get(target, sign=sign))[1] == refused
    target, sign = signed(sandbox, age=61)
    assert (await sandbox.get(target, sign=sign))[1] == refused
    assert {entry["fault"] for entry in await sandbox.log()} == {"check:sign"}


async def test_company_is_found_by_the_encrypted_id_of_a_row(sandbox):
    row = (await sandbox.qcwy())[1]["resultbody"]["job"]["items"][0]
    body = (await sandbox.get(f"/qcwy/pc/open/noauth/company-info/pc-info?encCoId={row['encCoId']}"))[1]["resultbody"]
    assert (body["coinfo"]["coname"], body["coinfo"]["coid"]) == (row["fullCompanyName"], row["coId"])
    assert set(body["license"]) == {"businessName", "operName", "startAt", "manageState", "registCapi"}
    assert (await sandbox.get("/qcwy/pc/open/noauth/company-info/pc-info?encCoId=x"))[1] == {
        "status": "0",
        "message": "公司不存在",
    }
