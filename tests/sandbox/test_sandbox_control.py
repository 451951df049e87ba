"""`/_control`, `/_truth`, `/_log`, and what stays the same from one sandbox to the next."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.sandbox.options import SandboxOptions
from jobdata_scrapy.sandbox.postings import SearchKey, make_posting
from jobdata_scrapy.sandbox.rules import ControlError, read_control
from jobdata_scrapy.sandbox.state import SandboxState
from jobdata_scrapy.sandbox.world import CAPS, World, draw_total


def ids_of(answer: dict) -> list[str]:
    data = answer["zpData"]
    return [row["encryptJobId"] for row in data.get("list", data.get("jobList"))]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"fault": "explode"}, ["fault", "'explode'", "'block'", "'gone'"]),
        ({"fault": "block", "site": "liepin"}, ["site", "'liepin'", "'boss'"]),
        ({"fault": "block", "colour": 1}, ["colour", "unknown field", "after", "times"]),
        ({"rulez": []}, ["rulez", "unknown field", "mutate", "reset"]),
        ({"fault": "block", "seconds": 3}, ["'block'", "'seconds'", "code"]),
        ({"fault": "captcha", "cap": 3}, ["'captcha'", "'cap'", "no parameter"]),
        ({"fault": "slow"}, ["'slow'", "needs 'seconds'"]),
        ({"fault": "empty", "kind": "detail"}, ["'empty'", "'detail'", "search"]),
        ({"fault": "block", "code": 99}, ["99", "37"]),
        ({"fault": "ban_token", "site": "qcwy"}, ["ban_token", "boss"]),
        ({"fault": "expired_token", "site": "qcwy"}, ["expired_token", "qcwy", "zhilian"]),
        ({"fault": "block", "subcalls": [0]}, ["subcalls", "detail_batch"]),
        ({"fault": "block", "times": 0}, ["times", "greater than or equal to 1"]),
        ({"fault": "block", "after": "2"}, ["after", "integer"]),
        ({"total": {"site": "boss", "keyword": "k", "total": -1}}, ["total", "greater than or equal to 0"]),
        ({"mutate": {"site": "boss", "keyword": "k", "city": "Atlantis"}}, ["city", "Atlantis", "上海"]),
        (b"{", ["not JSON"]),
        (b"3", ["must be a rule"]),
    ],
)
async def test_wrong_input_gets_one_line_that_names_field_and_choice(sandbox, document, words):
    status, line = await sandbox.control(document)
    assert status == 400
    assert line.count("\n") == 1
    assert all(word in line for word in words), line
    assert sandbox.state.describe()["rules"] == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_is_sent_is_read_or_refused(document):
    assert len(refusal(document).splitlines()) <= 1


def refusal(document: object) -> str:
    try:
        read_control(json.dumps(document).encode())
    except ControlError as error:
        return str(error)
    return ""


async def test_control_shows_what_is_in_force(sandbox):
    await sandbox.control({"rules": [{"fault": "block", "site": "boss", "times": 1}], "require_stoken": False})
    await sandbox.boss()
    assert (await sandbox.get("/_control"))[1] == {
        "rules": [{"fault": "block", "site": "boss", "times": 1, "seen": 1, "fired": 1}],
        "require_stoken": False,
    }


async def test_reset_ends_rules_and_takes_changes_back(sandbox):
    before = await sandbox.truth("boss")
    await sandbox.control(
        {
            "require_stoken": True,
            "rules": [{"fault": "block"}],
            "mutate": {"site": "boss", "keyword": "python", "city": "上海", "add": 3, "remove": 1},
        }
    )
    assert await sandbox.truth("boss") != before
    await sandbox.control({"reset": True})
    assert await sandbox.truth("boss") == before
    assert (await sandbox.boss())[1]["code"] == 0


async def test_mutation_changes_adds_and_removes(sandbox):
    search = {"site": "boss", "keyword": "数据分析", "city": "上海"}
    before = await sandbox.truth("boss", "数据分析")
    old = (await sandbox.boss("数据分析"))[1]["zpData"]
    await sandbox.control({"mutate": search | {"change_salary": 2, "add": 3, "remove": 4}})
    after = await sandbox.truth("boss", "数据分析")
    assert after["ids"][3:] == before["ids"][4:]
    assert not set(after["ids"][:3]) & set(before["ids"])
    new = (await sandbox.boss("数据分析"))[1]["zpData"]
    old_pay = {row["encryptJobId"]: row["salaryDesc"] for row in old.get("list", old.get("jobList"))}
    new_pay = {row["encryptJobId"]: row["salaryDesc"] for row in new.get("list", new.get("jobList"))}
    assert [one for one in old_pay if one in new_pay and old_pay[one] != new_pay[one]] == before["ids"][4:6]


async def test_total_is_exact(sandbox):
    for total in (0, 1, 17):
        await sandbox.control({"total": {"site": "boss", "keyword": "k", "city": "上海", "total": total}})
        assert (await sandbox.truth("boss", "k"))["total"] == total
        assert len(ids_of((await sandbox.boss("k"))[1])) == min(total, 15)


async def test_truth_takes_city_names_and_codes_and_refuses_others(sandbox):
    assert await sandbox.truth("boss", city="上海") == await sandbox.truth("boss", city="101020100")
    assert await sandbox.truth("boss", city="") == await sandbox.truth("boss", city="全国")
    assert (await sandbox.get("/_truth?site=boss&keyword=k&city=Atlantis"))[0] == 400
    status, line = await sandbox.get("/_truth?site=liepin")
    assert (status, line) == (400, "site: 'liepin' is unknown; allowed: boss, qcwy, zhilian\n")


async def test_log_tells_who_asked_what_and_when(sandbox):
    await sandbox.boss("数据分析", 2)
    entry = (await sandbox.log())[0]
    assert entry == {
        "time": sandbox.clock.now,
        "wall": sandbox.clock.now,
        "ended": sandbox.clock.now,
        "site": "boss",
        "kind": "search",
        "path": "/wapi/zpgeek/miniapp/search/joblist.json",
        "page": 2,
        "filters": "",
        "keyword": "数据分析",
        "city": "101020100",
        "address": "127.0.0.1",
        "token": "oken",
        "status": 200,
        "fault": "",
    }
    async with sandbox.client.delete("/_log") as response:
        assert response.status == 200
    assert await sandbox.log() == []


async def test_unknown_path_is_not_found(sandbox):
    assert (await sandbox.get("/boss/wapi/nothing"))[0] == 404
    assert (await sandbox.get("/liepin/robots.txt"))[0] == 404


async def test_tickets_belong_to_a_session_and_postings_do_not(sandbox):
    sandbox.state.boss_tokens |= {"second-token"}
    first, second = [(await sandbox.boss(token=token))[1]["zpData"] for token in ("sandbox-token", "second-token")]
    rows = [data.get("list", data.get("jobList"))[0] for data in (first, second)]
    assert {name for name in rows[0] if rows[0][name] != rows[1][name]} == {"securityId", "lid"}


def test_scenario_is_applied_at_the_start():
    state = SandboxState(SandboxOptions(scenario=read_control(b'[{"fault": "block"}]')))
    assert [rule["fault"] for rule in state.describe()["rules"]] == ["block"]


@given(st.sampled_from(sorted(CAPS)), st.text(max_size=8), st.sampled_from(["上海", "全国", "东莞"]), st.integers(0, 2**40))
def test_a_search_depends_on_its_question_and_the_seed_alone(site, keyword, city, seed):
    key = SearchKey(site, keyword, city)
    total = draw_total(seed, key)
    assert total == draw_total(seed, key)
    first, second = World(seed), World(seed)
    assert first.all_ids(key)[:20] == second.all_ids(key)[:20]
    assert make_posting(seed, key, 3, 0) == make_posting(seed, key, 3, 0)
    assert len(set(first.all_ids(key))) == total


def test_another_seed_gives_other_postings():
    key = SearchKey("boss", "python", "上海")
    assert not set(World(1).all_ids(key)) & set(World(2).all_ids(key))


def test_most_searches_have_25_to_90_postings_and_some_fewer_or_more():
    totals = [draw_total(1, SearchKey(site, f"k{n}", "上海")) for site in CAPS for n in range(200)]
    usual = sum(25 <= total <= 90 for total in totals)
    assert 0.7 < usual / len(totals) < 0.9
    assert min(totals) < 25
    assert max(totals) > 90


@pytest.mark.parametrize("site", sorted(CAPS))
def test_prefixes_give_none_a_few_or_more_than_the_cap(site):
    assert draw_total(1, SearchKey(site, "空关键词", "上海")) == 0
    assert 1 <= draw_total(1, SearchKey(site, "少量", "上海")) <= 9
    assert draw_total(1, SearchKey(site, "超限", "上海")) > CAPS[site]
