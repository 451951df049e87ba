"""Each fault on demand, in the wire shape of each site (docs/sandbox.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import orjson
import pytest

from jobdata_scrapy.sandbox.rules import FAULTS, read_control

SITES = ("boss", "qcwy", "zhilian")
Check = Callable[[int, Any], bool]


def code_is(code: int) -> Check:
    return lambda status, body: (status, body["code"]) == (200, code)


def is_page(*words: str) -> Check:
    return lambda status, body: status == 200 and body.startswith("<!DOCTYPE") and all(word in body for word in words)


def has_status(wanted: int) -> Check:
    return lambda status, body: status == wanted


def rows_of(site: str, body: Any) -> list[Any]:
    if site == "boss":
        return body["zpData"].get("list", body["zpData"].get("jobList"))
    return body["resultbody"]["job"]["items"] if site == "qcwy" else body["data"]["list"]


ANSWERS: dict[tuple[str, str], Check] = {
    ("boss", "block"): lambda status, body: body["code"] == 37 and set(body["zpData"]) == {"name", "seed", "ts"},
    ("qcwy", "block"): lambda status, body: status == 405 and body.startswith("<!DOCTYPE"),
    ("zhilian", "block"): lambda status, body: (status, body["code"], body["apiCode"]) == (403, 403, 403),
    ("boss", "captcha"): is_page("安全验证", "geetest"),
    ("qcwy", "captcha"): is_page("滑动验证页面", "waf-nc-title"),
    ("zhilian", "captcha"): is_page("Security Verification", "EdgeOne"),
    ("boss", "captcha_redirect"): has_status(302),
    ("qcwy", "captcha_redirect"): has_status(302),
    ("boss", "expired_token"): code_is(7),
    ("zhilian", "expired_token"): code_is(401),
    ("boss", "rejected_signature"): code_is(121),
    ("qcwy", "rejected_signature"): lambda status, body: body == {"status": "0", "message": "签名错误"},
    ("zhilian", "rejected_signature"): code_is(400),
    ("boss", "rate_limited"): has_status(429),
    ("qcwy", "rate_limited"): has_status(429),
    ("zhilian", "rate_limited"): has_status(429),
    ("boss", "freq_limit"): code_is(9),
    ("qcwy", "freq_limit"): lambda status, body: (body["status"], "繁忙" in body["message"]) == ("0", True),
    ("zhilian", "freq_limit"): lambda status, body: (body["code"], body["msg"]) == (500, "freq limit"),
    ("boss", "server_error"): has_status(503),
    ("qcwy", "server_error"): has_status(503),
    ("zhilian", "server_error"): has_status(503),
    ("boss", "ban_address"): code_is(35),
    ("qcwy", "ban_address"): has_status(405),
    ("zhilian", "ban_address"): has_status(403),
    ("boss", "ban_token"): code_is(36),
    ("boss", "empty"): lambda status, body: rows_of("boss", body) == [] and body["zpData"]["hasMore"] is True,
    ("qcwy", "empty"): lambda status, body: rows_of("qcwy", body) == [] and body["resultbody"]["job"]["totalcount"] > 0,
    ("zhilian", "empty"): lambda status, body: rows_of("zhilian", body) == [] and body["data"]["count"] > 0,
    ("boss", "empty_silent"): lambda status, body: rows_of("boss", body) == [] and body["zpData"]["hasMore"] is False,
    ("qcwy", "empty_silent"): lambda status, body: rows_of("qcwy", body) == [] and body["resultbody"]["job"]["totalcount"] == 0,
    ("zhilian", "empty_silent"): lambda status, body: (body["data"]["count"], body["data"]["isEndPage"]) == (0, 1),
    ("boss", "renamed"): lambda status, body: "encryptJobIdV2" in (row := rows_of("boss", body)[0]) and "jobName" not in row,
    ("qcwy", "renamed"): lambda status, body: "jobIdV2" in (row := rows_of("qcwy", body)[0]) and "jobName" not in row,
    ("zhilian", "renamed"): lambda status, body: (
        "positionNameV2" in rows_of("zhilian", body)[0]["jobDetailData"]["position"]["base"]
    ),
    ("boss", "retyped"): lambda status, body: all(isinstance(row["encryptJobId"], dict) for row in rows_of("boss", body)),
    ("qcwy", "retyped"): lambda status, body: all(isinstance(row["jobName"], dict) for row in rows_of("qcwy", body)),
    ("zhilian", "retyped"): lambda status, body: all(
        isinstance(row.get("number", {}), dict) for row in rows_of("zhilian", body) if "adResponse" not in row
    ),
    ("boss", "bad_rows"): lambda status, body: sum("encryptJobId" not in row for row in rows_of("boss", body)) == 1,
    ("qcwy", "bad_rows"): lambda status, body: sum("jobId" not in row for row in rows_of("qcwy", body)) == 1,
    ("zhilian", "bad_rows"): lambda status, body: (
        sum(
            "positionNumber" not in row["jobDetailData"]["position"]["base"]
            for row in rows_of("zhilian", body)
            if "adResponse" not in row
        )
        == 1
    ),
}


@pytest.mark.parametrize(("site", "fault"), ANSWERS, ids=lambda value: value)
async def test_fault_hits_once_and_is_logged(sandbox, site, fault):
    status, answer = await sandbox.control({"site": site, "fault": fault, "times": 1})
    assert status == 200, answer
    assert ANSWERS[site, fault](*await sandbox.list_page(site, "数据分析"))
    entry = (await sandbox.log())[-1]
    assert (entry["site"], entry["kind"], entry["fault"], entry["page"], entry["keyword"]) == (
        site,
        "search",
        fault,
        1,
        "数据分析",
    )
    if not fault.startswith("ban_"):
        status, body = await sandbox.list_page(site, "数据分析")
        assert status == 200
        assert len(rows_of(site, body)) > 10


async def test_rate_limit_carries_retry_after(sandbox):
    await sandbox.control({"site": "qcwy", "fault": "rate_limited", "retry_after": 7})
    async with sandbox.client.get("/qcwy/pc/open/noauth/search-h5?keyword=k") as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize("site", SITES)
async def test_redirect_leads_to_a_verification_page(sandbox, site):
    await sandbox.control({"site": site, "fault": "captcha_redirect", "times": 1})
    body = orjson.dumps({}) if site == "zhilian" else None
    target = {"boss": "/boss/wapi/zpgeek/miniapp/search/joblist.json", "qcwy": "/qcwy/pc/open/noauth/search-h5"}
    method, path = ("POST", "/zhilian/c/i/search/positions") if site == "zhilian" else ("GET", target[site])
    async with sandbox.client.request(method, path, data=body) as response:
        assert [one.status for one in response.history] == [302]
        assert (await response.text()).startswith("<!DOCTYPE html>")


async def test_slow_waits_and_leaves_room_for_another_fault(sandbox):
    await sandbox.control([{"site": "boss", "fault": "slow", "seconds": 0.01}, {"site": "boss", "fault": "freq_limit"}])
    assert (await sandbox.boss())[1]["code"] == 9
    assert (await sandbox.log())[0]["fault"] == "slow+freq_limit"


@pytest.mark.parametrize("amid", [False, True])
async def test_dropped_closes_the_connection(sandbox, amid):
    await sandbox.control({"site": "qcwy", "fault": "dropped", "amid": amid, "times": 2})
    with pytest.raises(aiohttp.ClientError):
        await sandbox.qcwy()
    entry = (await sandbox.log())[0]
    assert (entry["status"], entry["fault"]) == (0, "dropped")


@pytest.mark.parametrize("site", SITES)
async def test_truncated_is_half_a_json(sandbox, site):
    await sandbox.control({"site": site, "fault": "truncated", "times": 1})
    with pytest.raises(orjson.JSONDecodeError):
        await sandbox.list_page(site, "数据分析")


@pytest.mark.parametrize(("site", "pages"), [("boss", 2), ("qcwy", 2), ("zhilian", 2)])
async def test_cap_makes_the_window_smaller_and_truth_tells_so(sandbox, site, pages):
    await sandbox.control({"site": site, "fault": "capped", "cap": 25})
    rows = [row for page in range(1, pages + 2) for row in rows_of(site, (await sandbox.list_page(site, "数据分析", page))[1])]
    truth = await sandbox.truth(site, "数据分析")
    assert len([row for row in rows if "adResponse" not in row]) == truth["rows"] == truth["reachable"] == 25
    assert truth["total"] > 25


async def test_pages_after_times_and_keyword_choose_the_requests(sandbox):
    rule = {"site": "qcwy", "fault": "server_error", "status": 500, "pages": [2], "after": 1, "times": 1, "keyword": "数据分析"}
    await sandbox.control(rule)
    asked = [("数据分析", 1), ("数据分析", 2), ("other", 2), ("数据分析", 2), ("数据分析", 2)]
    assert [(await sandbox.qcwy(keyword, page))[0] for keyword, page in asked] == [200, 200, 200, 500, 200]


async def test_address_ban_starts_after_n_requests_and_ends_after_its_seconds(sandbox):
    await sandbox.control({"site": "qcwy", "fault": "ban_address", "after": 2, "seconds": 60})
    assert [(await sandbox.qcwy())[0] for _ in range(4)] == [200, 200, 405, 405]
    assert (await sandbox.boss())[0] == 200
    sandbox.clock.now += 61
    assert [(await sandbox.qcwy())[0] for _ in range(3)] == [200, 200, 405]


@pytest.mark.parametrize("address", ["127.0.0.9", "127.0.0.1"])
async def test_a_ban_can_be_for_one_address(sandbox, address):
    await sandbox.control({"site": "qcwy", "fault": "ban_address", "address": address})
    assert (await sandbox.qcwy())[0] == (405 if address == "127.0.0.1" else 200)


async def test_token_ban_counts_each_token_alone(sandbox):
    sandbox.state.boss_tokens |= {"second-token"}
    await sandbox.control({"fault": "ban_token", "after": 2, "code": 7})
    codes = [(await sandbox.boss(token=token))[1]["code"] for token in ("sandbox-token",) * 3 + ("second-token",) * 3]
    assert codes == [0, 0, 7, 0, 0, 7]
    assert [entry["token"] for entry in await sandbox.log()] == ["oken"] * 6


async def test_one_token_expires(sandbox):
    sandbox.state.boss_tokens |= {"second-token"}
    answer = (await sandbox.control({"fault": "expired_token", "token": "sandbox-token"}))[1]
    assert answer["rules"][0]["token"] == "oken"
    assert [(await sandbox.boss(token=token))[1]["code"] for token in ("sandbox-token", "second-token")] == [7, 0]


async def test_block_may_tell_another_code(sandbox):
    await sandbox.control({"site": "boss", "fault": "block", "code": 31, "times": 1})
    assert (await sandbox.boss())[1] == {"code": 31, "message": "访问频繁", "zpData": {}}


async def test_bad_rows_alternate_between_missing_and_wrong_type(sandbox):
    await sandbox.control({"site": "qcwy", "fault": "bad_rows", "rows": 4})
    ids = [row.get("jobId") for row in rows_of("qcwy", (await sandbox.qcwy("数据分析"))[1])]
    assert [type(one) for one in ids[:5]] == [type(None), list, type(None), list, str]
    await sandbox.control({"reset": True})
    assert all(type(row["jobId"]) in (str, int) for row in rows_of("qcwy", (await sandbox.qcwy("数据分析"))[1]))


async def test_gone_hits_details(sandbox):
    await sandbox.control({"fault": "gone"})
    number = rows_of("zhilian", (await sandbox.zhilian("数据分析"))[1])[0]["jobDetailData"]["position"]["base"]["positionNumber"]
    assert (await sandbox.get(f"/zhilian/c/i/jobs/position-detail-new?number={number}"))[1]["apiCode"] == 211
    brand = (await sandbox.get("/boss/wapi/zpgeek/miniapp/brand/detail.json?brandId=x", mpt="sandbox-token"))[1]
    assert (brand["code"], brand["message"]) == (1, "该职位已关闭")


@pytest.mark.parametrize("site", SITES)
async def test_robots_allows_by_default_and_fails_on_demand(sandbox, site):
    target = f"/{site}/robots.txt"
    assert await sandbox.get(target) == (200, "User-agent: *\nAllow: /\n")
    rules = [{"site": site, "fault": f"robots_{name}", "times": 1} for name in ("refuse", "error", "captcha")]
    answers = []
    for rule in rules:
        await sandbox.control(rule)
        answers.append(await sandbox.get(target))
    assert answers[0] == (200, "User-agent: *\nDisallow: /\n")
    assert answers[1][0] == 503
    assert answers[2][1].startswith("<!DOCTYPE html>")
    await sandbox.control({"site": site, "fault": "robots_error", "status": 403})
    assert (await sandbox.get(target))[0] == 403


async def test_robots_of_the_host_joins_those_of_the_sites(sandbox):
    assert await sandbox.get("/robots.txt") == (200, "User-agent: *\nAllow: /\n")
    await sandbox.control({"site": "qcwy", "fault": "robots_refuse"})
    assert (await sandbox.get("/robots.txt"))[1] == "User-agent: *\nDisallow: /qcwy/\nAllow: /\n"
    await sandbox.control({"site": "boss", "fault": "robots_error"})
    assert (await sandbox.get("/robots.txt"))[0] == 503


async def test_kind_star_leaves_robots_alone_and_a_named_kind_does_not(sandbox):
    await sandbox.control({"site": "boss", "fault": "server_error"})
    assert (await sandbox.get("/boss/robots.txt"))[0] == 200
    await sandbox.control({"site": "boss", "kind": "robots", "fault": "server_error"})
    assert (await sandbox.get("/boss/robots.txt"))[0] == 503


def test_every_fault_of_the_table_can_be_asked_for():
    for fault in FAULTS:
        more = {"seconds": 1} if fault == "slow" else {}
        assert read_control(orjson.dumps({"fault": fault} | more)).rules[0].fault == fault
