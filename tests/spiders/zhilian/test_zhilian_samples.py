"""Captured answers, where they are at hand: JOBDATA_SAMPLES, or ../shared/samples beside the checkout."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.platform import Answer, PageKind, Verdict
from spiders.zhilian.detect import verdict
from spiders.zhilian.parse import parse_company, parse_detail, parse_search

FOLDER = Path(os.environ.get("JOBDATA_SAMPLES") or Path(__file__).parents[4] / "shared" / "samples")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder of captured answers")


def load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    if "positionList" in data:  # the state of a list page: its rows are those of the API
        rows = data["positionList"]
        return {"code": 200, "apiCode": 200, "data": {"count": len(rows), "isEndPage": 1, "list": rows}}
    return data


@pytest.mark.parametrize("name", ["zhilian_list_2", "zhilian_ssr_2"])
def test_every_posting_of_a_list_is_read_as_it_stands(name: str) -> None:
    data = load(name)
    rows = data["data"]["list"]
    bases = [row["jobDetailData"]["position"]["base"] for row in rows]
    body = json.dumps(data).encode()
    assert verdict(Answer(200, {}, body, PageKind.SEARCH)) is Verdict.OK
    page = parse_search(body, 1)
    assert (page.rejected, page.skipped, page.next_page) == ([], 0, None)
    assert [(job.job_id, job.title, job.company_name, job.salary_text) for job in page.jobs] == [
        (row.get("number") or base["positionNumber"], base["positionName"], row["companyName"], row["salary60"])
        for row, base in zip(rows, bases, strict=True)
    ]
    assert [job.company_id for job in page.jobs] == [row.get("companyNumber", "") for row in rows]
    assert all(job.description and job.skills and job.city_text for job in page.jobs)
    assert [job.raw for job in page.jobs] == rows


def test_a_detail_is_read_as_it_stands() -> None:
    body = (FOLDER / "zhilian_detail_1.json").read_bytes()
    told = json.loads(body)["data"]["detailedPosition"]
    assert verdict(Answer(200, {}, body, PageKind.DETAIL)) is Verdict.OK
    job = parse_detail(body).job
    assert (job.job_id, job.title, job.company_id, job.company_name, job.salary_text) == (
        *(told["positionNumber"], told["positionName"], told["companyNumber"]),
        *(told["companyName"], told["salary60"]),
    )
    assert job.skills == [label["value"] for label in told["skillLabel"]]
    assert (job.latitude, job.longitude) == (float(told["latitude"]), float(told["longitude"]))


def test_a_detail_noted_down_without_number_is_refused_by_name() -> None:
    with pytest.raises(ParseError, match=r"detailedPosition\.number"):
        parse_detail((FOLDER / "zhilian_detail_3.json").read_bytes())


def test_a_company_is_read_as_it_stands() -> None:
    told = load("zhilian_company_1")["detailedCompany"]
    company = parse_company(json.dumps({"code": 200, "data": {"detailedCompany": told}}).encode())
    assert (company.company_id, company.name, company.size_text, company.stage_text, company.industry_text) == (
        *(told["companyNumber"], told["companyName"], told["companySize"]),
        *(told["financingStageName"], told["industryNameLevel"]),
    )


def test_captured_failures_get_their_verdicts() -> None:
    cases = json.loads((FOLDER / "zhilian_error_1.json").read_text("utf-8"))["cases"]
    bodies = [json.dumps(case["body"]).encode() if isinstance(case["body"], dict) else case["body"].encode() for case in cases]
    kinds = [PageKind.SEARCH, PageKind.DETAIL, PageKind.SEARCH, PageKind.SEARCH]
    assert [verdict(Answer(200, {}, body, kind)) for body, kind in zip(bodies, kinds, strict=True)] == [
        *(Verdict.RATE_LIMITED, Verdict.GONE, Verdict.CAPTCHA, Verdict.EMPTY),
    ]
