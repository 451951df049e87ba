"""Which postings of a page are asked for their own pages."""

from __future__ import annotations

from spiders.base import select_jobs
from tests.warehouse.warehouse_parts import make_job, make_page


def test_each_posting_that_lacks_its_details_is_asked_once_in_the_page_s_order():
    page = make_page([make_job(job_id) for job_id in "abcad"])
    chosen = select_jobs(page, ("d", "a", "c"))
    assert [job.job_id for job in chosen] == ["a", "c", "d"]
    assert chosen[0] is page.jobs[0]
