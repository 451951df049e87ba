"""Captured answers, where they are at hand: JOBDATA_SAMPLES, or ../shared/samples beside the checkout."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.platform import Answer, PageKind, Verdict
from spiders.boss.detect import verdict
from spiders.boss.parse import parse_company, parse_detail, parse_search
from tests.spiders.boss.boss_parts import make_envelope

FOLDER = Path(os.environ.get("JOBDATA_SAMPLES") or Path(__file__).parents[4] / "shared" / "samples")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder of captured answers")


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def rows_of(name: str) -> list[dict[str, Any]]:
    data = load(name)
    if "zpData" in data:
        return list(data["zpData"]["jobList"])
    return list(data.get("list") or data.get("items") or [data])


@pytest.mark.parametrize("name", ["boss_list_1", "boss_list_3", "boss_minilist_1", "boss_item_1", "boss_rows_1"])
def test_every_posting_of_a_list_is_read_as_it_stands(name: str) -> None:
    rows, data = rows_of(name), load(name)
    body = json.dumps(data).encode() if "zpData" in data else make_envelope({"list": rows, "hasMore": True})
    assert verdict(Answer(200, {}, body, PageKind.SEARCH)) is Verdict.OK
    page = parse_search(body, 1)
    assert page.rejected == []
    assert [(job.job_id, job.title, job.company_name, job.salary_text) for job in page.jobs] == [
        (row["encryptJobId"], row["jobName"], row["brandName"], row["salaryDesc"]) for row in rows
    ]
    assert [job.company_id for job in page.jobs] == [row.get("encryptBrandId", "") for row in rows]
    assert [(job.city_text, job.experience_text, job.degree_text) for job in page.jobs] == [
        (row["cityName"], row["jobExperience"], row["jobDegree"]) for row in rows
    ]


def test_the_web_list_tells_its_total_and_its_cap() -> None:
    page = parse_search((FOLDER / "boss_list_1.json").read_bytes(), 1)
    assert (page.total, page.capped, page.next_page) == (450, True, 2)


def test_a_visitors_posting_noted_down_without_id_is_rejected_alone() -> None:
    page = parse_search((FOLDER / "boss_list_4.json").read_bytes(), 1)
    assert [(row.field, row.reason) for row in page.rejected] == [("encryptJobId", "missing")]


@pytest.mark.parametrize("name", ["boss_detail_1", "boss_detail_2"])
def test_every_detail_is_read_as_it_stands(name: str) -> None:
    body = (FOLDER / f"{name}.json").read_bytes()
    data = json.loads(body)["zpData"]
    job, brand = data["jobBaseInfoVO"], data["brandComInfoVO"]
    assert verdict(Answer(200, {}, body, PageKind.DETAIL)) is Verdict.OK
    detail = parse_detail(body)
    assert (detail.job.job_id, detail.job.title, detail.job.salary_text) == (
        job["encryptJobId"],
        job["positionName"],
        job["salaryDesc"],
    )
    assert detail.job.monthly_hint == (job["lowSalary"] * 1000, job["highSalary"] * 1000)
    assert detail.job.description == job["jobDesc"]
    assert detail.company is not None
    assert (detail.company.company_id, detail.company.name, detail.company.full_name) == (
        brand["encryptBrandId"],
        brand["brandName"],
        brand["comName"],
    )


def test_every_company_is_read_as_it_stands() -> None:
    for brand in load("boss_company_1")["items"]:
        company = parse_company(make_envelope(brand))
        assert (company.company_id, company.name, company.full_name) == (
            brand["encryptBrandId"],
            brand["brandName"],
            brand["comName"],
        )
        assert "legalPerson" not in company.raw


def test_captured_failures_get_their_verdicts() -> None:
    bodies = [json.dumps(one).encode() for one in load("boss_error_1")["responses"]]
    assert [verdict(Answer(200, {}, body, PageKind.SEARCH)) for body in bodies] == [
        Verdict.TOKEN_EXPIRED,
        Verdict.IP_BANNED,
        Verdict.CAPTCHA,
        Verdict.CAPTCHA,
        Verdict.CAPTCHA,
    ]
