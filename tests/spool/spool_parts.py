"""Pages as they come to the spool."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from jobdata_scrapy.items import Company, Job, Page, RejectedRow, RowState

T0 = datetime(2026, 11, 22, 6, 0, 0, 123456, tzinfo=UTC)


def make_job(job_id: str, **given: Any) -> Job:
    job = Job(
        job_id,
        f"数据分析师 {job_id}",
        company_id="c1",
        skills=["SQL"],
        raw={"id": job_id, "名": "👩‍💻"},
        ticket={"lid": "secret"},
    )
    for name, value in ({"content_hash": f"h-{job_id}", "salary_low": 15000.0, "published_at": T0} | given).items():
        setattr(job, name, value)
    return job


def make_page(number: int = 1, ids: tuple[str, ...] = ("a", "b"), **given: Any) -> Page:
    values: dict[str, Any] = {
        "platform": "boss",
        "page_kind": "search",
        "keyword": "数据分析",
        "city": "上海",
        "round": "r1.1",
        "run_id": "r1",
        "number": number,
        "fetched_at": T0 + timedelta(seconds=number),
        "parser_version": 3,
        "jobs": [make_job(job_id) for job_id in ids],
        "companies": [Company("c1", "公司", size_min=100, raw={"brand": 1})],
        "rejected": [RejectedRow("title", "is empty", "x", {"y": 2})],
        "total": 40,
    }
    return Page(**(values | given))


def as_repeat(job: Job) -> Job:
    job.state = RowState.REPEATED
    return job
