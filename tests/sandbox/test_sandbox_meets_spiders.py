"""The spiders' own requests, signatures and parsers against the sandbox: what they read is the truth, row for row."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from yarl import URL

from jobdata_scrapy.platform import Answer, Platform, RequestSpec, SignContext, Verdict
from jobdata_scrapy.search_plan import SearchPlan
from spiders.registry import PLATFORMS


async def send(sandbox: Any, platform: Platform, spec: RequestSpec, secret: str = "") -> Answer:
    context = SignContext(now=sandbox.clock.now, nonce=uuid.uuid4().hex, token="sandbox-token", secret=secret)
    signed = platform.sign(spec, context)
    url = URL(f"/{platform.name}{signed.target}", encoded=True)
    async with sandbox.client.request(signed.method, url, data=signed.body or None, headers=dict(signed.headers)) as response:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, await response.read(), signed.page_kind, str(response.url))


async def read_all(sandbox: Any, platform: Platform, keyword: str, secret: str = "") -> tuple[list[Any], bool]:
    """(postings of all pages, whether the site's cap was met)."""
    jobs, page, capped = [], 1, False
    query = platform.query(keyword, "上海")
    while page:
        answer = await send(sandbox, platform, platform.search_request(query, page), secret)
        assert platform.verdict(answer) in (Verdict.OK, Verdict.EMPTY, Verdict.CAPPED)
        parsed = platform.parse_search(answer.body, page)
        assert parsed.rejected == []
        jobs += parsed.jobs
        page, capped = parsed.next_page, capped or parsed.capped
    return jobs, capped


@pytest.mark.parametrize("keyword", ["数据分析", "python", "超限测试", "空"])
@pytest.mark.parametrize("name", sorted(PLATFORMS))
async def test_what_a_site_is_read_as_is_the_truth(sandbox, name, keyword):
    jobs, capped = await read_all(sandbox, PLATFORMS[name], keyword)
    truth = await sandbox.truth(name, keyword)
    assert len(jobs) == truth["rows"]
    assert list(dict.fromkeys(job.job_id for job in jobs)) == truth["ids"][: truth["reachable"]]
    assert capped == (truth["reachable"] < truth["total"])


async def read_by_plan(sandbox: Any, platform: Platform, keyword: str) -> tuple[dict[str, Any], SearchPlan]:
    """(postings by id, the plan at its end)."""
    plan, found = SearchPlan.start(platform.query(keyword, "上海"), platform.splits), {}
    while step := plan.next_step():
        parsed = platform.parse_search(
            (await send(sandbox, platform, platform.search_request(step.query, step.page))).body, step.page
        )
        found |= {job.job_id: job for job in parsed.jobs}
        plan = plan.after_page(
            step,
            total=parsed.total,
            capped=parsed.capped,
            last=parsed.next_page is None,
            rows=len(parsed.jobs) + len(parsed.rejected),
        )
    return found, plan


@pytest.mark.parametrize("name", ["boss", "zhilian"])
async def test_a_capped_search_is_read_whole_by_its_parts(sandbox, name):
    found, plan = await read_by_plan(sandbox, PLATFORMS[name], "超限测试")
    truth = await sandbox.truth(name, "超限测试")
    assert set(found) == set(truth["ids"])
    assert truth["reachable"] < len(found)
    assert (plan.next_step(), plan.uncovered) == (None, ())
    assert plan.searches[1] == 1 + len(PLATFORMS[name].splits[0].codes)


async def test_what_no_filter_shows_is_stated(sandbox):
    """qcwy: postings without a salary, and beyond the first 1000 rows."""
    found, plan = await read_by_plan(sandbox, PLATFORMS["qcwy"], "超限测试")
    truth = await sandbox.truth("qcwy", "超限测试")
    assert set(found) < set(truth["ids"])
    assert len(found) > 0.99 * truth["total"] > truth["reachable"]
    assert (plan.next_step(), plan.describe_uncovered()) == (
        None,
        "the whole search: postings without a salary, beyond the first 1000",
    )


async def test_deeper_splits_when_the_parts_are_capped_too(sandbox):
    await sandbox.control({"total": {"site": "zhilian", "keyword": "k", "city": "上海", "total": 500}})
    found, plan = await read_by_plan(sandbox, PLATFORMS["zhilian"], "k")
    assert 400 < len(found) < 500
    assert "S_SOU_COMPANY_SCALE 20-99人: postings that ask for no degree, beyond the first 100" in plan.describe_uncovered()
    asked = {entry["filters"].count("=") for entry in await sandbox.log()}
    assert asked == {0, 1, 2}


async def test_signed_qcwy_is_the_same_list(sandbox):
    jobs, _ = await read_all(sandbox, PLATFORMS["qcwy"], "数据分析", secret="sandbox-key")
    assert list(dict.fromkeys(job.job_id for job in jobs)) == (await sandbox.truth("qcwy", "数据分析"))["ids"]
    assert {entry["path"] for entry in await sandbox.log()} == {"/open/noauth/search-pc"}


@pytest.mark.parametrize("name", ["boss", "zhilian"])
async def test_details_are_those_of_the_list(sandbox, name):
    platform = PLATFORMS[name]
    jobs, _ = await read_all(sandbox, platform, "数据分析")
    for job in jobs[:5]:
        detail = platform.parse_detail((await send(sandbox, platform, platform.detail_request(job))).body)
        assert (detail.job.job_id, detail.job.title) == (job.job_id, job.title)


async def test_boss_details_come_in_batches(sandbox):
    platform = PLATFORMS["boss"]
    jobs = (await read_all(sandbox, platform, "数据分析"))[0][: platform.detail_batch_size]
    answer = await send(sandbox, platform, platform.detail_batch_request(jobs))
    parts = platform.split_detail_batch(answer.body, len(jobs))
    assert [platform.parse_detail(part).job.job_id for part in parts] == [job.job_id for job in jobs]
