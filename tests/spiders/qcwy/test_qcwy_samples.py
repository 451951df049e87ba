"""Captured answers, where they are at hand: JOBDATA_SAMPLES, or ../shared/samples beside the checkout."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.platform import Answer, PageKind, Verdict
from spiders.qcwy.detect import verdict
from spiders.qcwy.parse import parse_search

FOLDER = Path(os.environ.get("JOBDATA_SAMPLES") or Path(__file__).parents[4] / "shared" / "samples")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder of captured answers")


def load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    if "jobId" in data:  # a single row
        return {"status": "1", "resultbody": {"job": {"items": [data], "totalCount": 1}}}
    return data


@pytest.mark.parametrize("name", ["51job_list_4", "51job_list_5", "51job_item_1"])
def test_every_posting_of_a_list_is_read_as_it_stands(name: str) -> None:
    data = load(name)
    rows = data["resultbody"]["job"]["items"]
    body = json.dumps(data).encode()
    assert verdict(Answer(200, {}, body, PageKind.SEARCH)) is Verdict.OK
    page = parse_search(body, 1)
    assert page.rejected == []
    assert [(job.job_id, job.title, job.salary_text) for job in page.jobs] == [
        (row["jobId"], row["jobName"], row["provideSalaryString"]) for row in rows
    ]
    assert [job.company_name for job in page.jobs] == [row.get("companyName") or row.get("fullCompanyName", "") for row in rows]
    assert [job.company_id for job in page.jobs] == [row.get("encCoId", "") for row in rows]
    assert [job.monthly_hint for job in page.jobs] == [(float(row["jobSalaryMin"]), float(row["jobSalaryMax"])) for row in rows]
    assert ["·".join(filter(None, (job.city_text, job.district_text))) for job in page.jobs] == [
        row["jobAreaString"] for row in rows
    ]
    assert [job.raw for job in page.jobs] == rows
    assert all("?" not in job.url for job in page.jobs)


def test_skills_are_the_tags_without_experience_degree_and_welfare() -> None:
    page = parse_search((FOLDER / "51job_list_5.json").read_bytes(), 1)
    for job in page.jobs:
        assert not {job.experience_text, job.degree_text, *job.welfare} & set(job.skills)
        assert set(job.skills) <= set(job.raw["jobTags"])


def test_captured_failures_get_their_verdicts() -> None:
    cases = json.loads((FOLDER / "51job_error_1.json").read_text("utf-8"))["cases"]
    bodies = [json.dumps(case["body"]).encode() if isinstance(case["body"], dict) else case["body"].encode() for case in cases]
    assert [verdict(Answer(case["http"], {}, body, PageKind.SEARCH)) for case, body in zip(cases, bodies, strict=True)] == [
        *(Verdict.SIGN_REJECTED, Verdict.CAPTCHA, Verdict.RATE_LIMITED),
        *(Verdict.IP_BANNED, Verdict.CAPTCHA, Verdict.CAPTCHA),
    ]
