"""Filters of a search: what they show, what they miss, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from jobdata_scrapy.sandbox.filters import TABLES, read_filters
from jobdata_scrapy.sandbox.postings import Posting, SearchKey, make_posting

KEY = {site: SearchKey(site, "超限测试", "上海") for site in TABLES}


SAYS = {
    "boss": {"experience": "experience", "degree": "degree", "scale": "size"},
    "qcwy": {"workYear": "experience", "degree": "degree", "companySize": "size"},
    "zhilian": {
        "S_SOU_WORK_EXPERIENCE": "experience",
        "S_SOU_EDUCATION_LOWESTLEVEL": "degree",
        "S_SOU_COMPANY_SCALE": "size",
    },
}


def shown(sandbox: Any, site: str, name: str, code: str) -> set[str]:
    """Ids under a filter, the cap left aside."""
    world, key = sandbox.state.world, KEY[site]
    world.window(key, None, ((name, code),))
    return set(world.ids(key, world._listing(key).rows[(name, code),]))


def postings(sandbox: Any, site: str) -> list[Posting]:
    slots = range(len(sandbox.state.world.all_ids(KEY[site])))
    return [make_posting(1, KEY[site], slot, 0) for slot in slots]


def what_it_says(posting: Posting, own: str) -> str:
    return posting.company.size if own == "size" else getattr(posting, own)


@pytest.mark.parametrize("site", sorted(TABLES))
async def test_each_code_shows_postings_that_say_so_and_no_others(sandbox, site):
    everything = postings(sandbox, site)
    for name, own in SAYS[site].items():
        table = TABLES[site][name]
        for code in {code for codes in table.values() for code in codes}:
            values = {value for value, codes in table.items() if code in codes}
            expected = {posting.job_id for posting in everything if what_it_says(posting, own) in values}
            assert shown(sandbox, site, name, code) == expected, (name, code)


@pytest.mark.parametrize("site", ["boss", "qcwy"])
async def test_salary_bands_part_all_postings_that_tell_a_salary(sandbox, site):
    bands = [shown(sandbox, site, "salary", codes[0]) for codes in TABLES[site]["salary"].values()]
    told = {posting.job_id for posting in postings(sandbox, site) if posting.pay.kind != "none"}
    assert sum(map(len, bands)) == len(told)
    assert set().union(*bands) == told


async def test_a_changed_salary_moves_to_another_band(sandbox):
    world, key = sandbox.state.world, KEY["boss"]
    first = world.all_ids(key)[0]
    assert first not in shown(sandbox, "boss", "salary", "407")
    for _ in range(50):
        world.mutate(key, change_salary=1)
    assert first in shown(sandbox, "boss", "salary", "407")


async def test_total_paging_and_cap_are_those_of_the_filtered_search(sandbox):
    status, answer = await sandbox.get("/qcwy/pc/open/noauth/search-h5?keyword=超限测试&jobArea=020000&salary=07&pageSize=100")
    job = answer["resultbody"]["job"]
    assert (status, job["totalcount"]) == (200, sandbox.state.world.window(KEY["qcwy"], None, (("salary", "07"),)).total)
    assert 100 == len(job["items"]) < job["totalcount"] < 1000
    assert (await sandbox.log())[0]["filters"] == "salary=07"
    await sandbox.control({"site": "zhilian", "fault": "capped", "cap": 7})
    data = (await sandbox.zhilian("超限测试", S_SOU_COMPANY_SCALE="2"))[1]["data"]
    assert (data["count"], data["isEndPage"]) == (7, 1)
    assert {row["companySize"] for row in data["list"] if "companySize" in row} == {"20-99人"}


async def test_several_codes_are_joined_by_commas_and_filters_add_up(sandbox):
    world, key = sandbox.state.world, KEY["boss"]
    both = world.window(key, None, (("experience", "104,105"),)).total
    assert both == sum(world.window(key, None, (("experience", code),)).total for code in ("104", "105"))
    assert world.window(key, None, (("experience", "104"), ("degree", "203"))).total < both


async def test_an_unknown_code_is_refused_and_any_is_no_filter(sandbox):
    assert (await sandbox.boss(experience="999"))[1]["code"] == 17
    assert (await sandbox.zhilian(S_SOU_COMPANY_SCALE="99"))[1]["code"] == 400
    refused = await sandbox.get("/qcwy/pc/open/noauth/search-h5?keyword=k&jobArea=020000&degree=77")
    assert refused[1]["status"] == "0"
    assert [entry["fault"] for entry in await sandbox.log()] == ["check:filter"] * 3
    assert (await sandbox.boss(experience="0"))[1]["zpData"] == (await sandbox.boss())[1]["zpData"]


def test_zhilians_experience_0_is_a_code_and_minus_1_is_none():
    assert read_filters("zhilian", {"S_SOU_WORK_EXPERIENCE": "0"}) == (("S_SOU_WORK_EXPERIENCE", "0"),)
    assert read_filters("zhilian", {"S_SOU_WORK_EXPERIENCE": -1, "S_SOU_SALARY": "1,2"}) == ()
