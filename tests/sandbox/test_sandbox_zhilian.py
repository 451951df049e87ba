"""The zhilian fake: docs/platforms.md 3.2 (list), 3.3 (detail), 3.5 (identifiers)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

DETAIL = "/zhilian/c/i/jobs/position-detail-new"


def number_of(row: dict[str, Any]) -> str:
    return row.get("number") or row["jobDetailData"]["position"]["base"]["positionNumber"]


async def all_rows(sandbox: Any, keyword: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(postings, advertisements) of all pages."""
    rows: list[dict[str, Any]] = []
    for page in range(1, 10):
        data = (await sandbox.zhilian(keyword, page))[1]["data"]
        rows += data["list"]
        if data["isEndPage"]:
            break
    return [row for row in rows if "adResponse" not in row], [row for row in rows if "adResponse" in row]


async def test_pages_together_are_the_truth(sandbox):
    rows, _ = await all_rows(sandbox, "数据分析")
    truth = await sandbox.truth("zhilian", "数据分析")
    assert [number_of(row) for row in rows] == truth["ids"]
    assert truth["total"] == len(rows)


async def test_count_stops_at_100_and_pages_at_five(sandbox):
    rows, _ = await all_rows(sandbox, "超限测试")
    truth = await sandbox.truth("zhilian", "超限测试")
    assert len(rows) == truth["reachable"] == 100 < truth["total"]
    beyond = (await sandbox.zhilian("超限测试", 6))[1]["data"]
    assert (beyond["count"], beyond["isEndPage"], beyond["list"]) == (100, 1, [])


async def test_rows_carry_the_dirt_that_real_rows_carry(sandbox):
    rows = [row for n in range(8) for row in (await all_rows(sandbox, f"超限{n}"))[0]]
    names = [set(row) for row in rows]
    assert any("positionURL" in row for row in names)
    assert any("positionUrl" in row for row in names)
    assert any("property" in row for row in names)
    assert any("propertyName" in row for row in names)
    assert all(any(skill in row for row in names) for skill in ("skillLabel", "showSkillTags", "jobSkillTags"))
    assert any("number" not in row for row in names)
    assert any(row["salary60"] == "面议" and "salaryReal" not in row for row in rows)
    assert any(row["salaryCount"].endswith("薪") for row in rows)
    assert any("元/天" in row["salary60"] for row in rows)
    assert any(row["cityDistrict"] == "" for row in rows)
    assert set(orjson.loads(rows[0]["cardCustomJson"])) == {"address", "companyName", "salary60"}
    assert all("沙盒" in row["staffCard"]["staffName"] for row in rows)


async def test_advertising_cards_sit_in_the_list_and_are_not_counted(sandbox):
    rows, cards = await all_rows(sandbox, "数据分析")
    assert cards
    assert all(set(card) == {"adResponse", "liveCard"} for card in cards)
    assert (await sandbox.zhilian("数据分析"))[1]["data"]["count"] == len(rows)


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-zp-page-request-id", "1-2-3"), ("x-zp-client-id", "me"), ("x-zp-page-request-id", ""), ("x-zp-action-id", "not a uuid")],
)
async def test_malformed_identifiers_are_refused(sandbox, name, value):
    answer = (await sandbox.zhilian(headers=sandbox.zhilian_headers() | {name: value}))[1]
    assert (answer["code"], name in answer["msg"]) == (400, True)


async def test_a_request_id_is_good_once(sandbox):
    headers = sandbox.zhilian_headers()
    assert [(await sandbox.zhilian(headers=headers))[1]["code"] for _ in range(2)] == [200, 400]
    assert (await sandbox.log())[1]["fault"] == "check:x-zp-page-request-id"


@pytest.mark.parametrize("more", [{"pageIndex": 0}, {"pageIndex": "x"}, {"pageSize": -1}])
async def test_bad_page_is_refused(sandbox, more):
    assert (await sandbox.zhilian(**more))[1]["code"] == 400


async def test_list_by_get_is_refused(sandbox):
    assert (await sandbox.get("/zhilian/c/i/search/positions"))[0] == 405


async def test_unknown_city_has_no_postings(sandbox):
    data = (await sandbox.zhilian(S_SOU_WORK_CITY="99999"))[1]["data"]
    assert (data["count"], data["list"], data["isEndPage"]) == (0, [], 1)


async def test_detail_tells_posting_and_company_in_html(sandbox):
    row = (await sandbox.zhilian())[1]["data"]["list"][0]
    answer = (await sandbox.get(f"{DETAIL}?number={number_of(row)}"))[1]
    position, company = answer["data"]["detailedPosition"], answer["data"]["detailedCompany"]
    assert (answer["code"], answer["apiCode"]) == (200, 200)
    assert (position["positionNumber"], position["salary60"]) == (number_of(row), row["salary60"])
    assert "<br>" in position["jobDesc"]
    assert company["companyNumber"] == row["companyNumber"]


async def test_detail_of_a_posting_that_is_gone_has_api_code_211(sandbox):
    number = number_of((await sandbox.zhilian())[1]["data"]["list"][0])
    await sandbox.control({"mutate": {"site": "zhilian", "keyword": "python", "city": "上海", "remove": 1}})
    for gone in (number, "CC0"):
        answer = (await sandbox.get(f"{DETAIL}?number={gone}"))[1]
        assert (answer["code"], answer["apiCode"], answer["data"]) == (200, 211, None)
