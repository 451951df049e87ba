"""What becomes of postings, seen from whole crawls: closed, reopened, gone; and the audit of it all."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow
SEARCH = {"site": "zhilian", "city": "上海"}


@pytest.fixture
def lifecycle(scrapy_command):
    """`lifecycle(job_id)`: what `scrapy lifecycle show --json` tells of a posting of zhilian."""

    def ask(job_id: str) -> dict:
        done = scrapy_command("lifecycle", "show", "zhilian", job_id, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)["lifecycle"]

    return ask


def test_postings_are_closed_by_complete_crawls_and_reopened(crawl, sandbox, scrapy_command, lifecycle):
    search = SEARCH | {"keyword": "生命周期"}
    sandbox.control({"total": search | {"total": 30}})
    first, second, *_ = sandbox.truth("zhilian", "生命周期", "上海")["ids"]

    def crawl_once(**arguments: str) -> None:
        run = crawl("zhilian", keyword="生命周期", city="上海", **arguments)
        assert run.code == 0, run.err

    crawl_once()
    sandbox.control({"mutate": search | {"remove": 2, "change_salary": 1}})
    crawl_once()
    crawl_once(pages="1")  # partial: says nothing
    assert [lifecycle(job_id)["closed_at"] for job_id in (first, second)] == [None, None]
    crawl_once()
    closed = lifecycle(first)
    assert closed["closed_at"] is not None
    assert closed["sightings"] == 1
    sandbox.control({"total": search | {"total": 30}})
    crawl_once()
    reopened = lifecycle(first)
    assert (reopened["closed_at"], reopened["reopened"], reopened["sightings"]) == (None, 1, 2)
    assert reopened["closures"][0]["closed_at"] == closed["closed_at"]
    rows = scrapy_command(
        "warehouse", "query", "SELECT job_id, reopened FROM job_lifecycle WHERE reopened > 0 ORDER BY 1", "--format", "csv"
    )
    assert set(rows.out.splitlines()[1:]) >= {f'"{job_id}",1' for job_id in (first, second)}
    audit = scrapy_command("warehouse", "verify", "--platform", "zhilian")
    assert audit.code == 0, audit.out + audit.err
    assert "all that the ledger says is stored is there" in audit.out


def test_a_posting_whose_page_is_gone_is_closed_at_once(crawl, sandbox, scrapy_command, lifecycle):
    sandbox.control({"total": SEARCH | {"keyword": "已下线", "total": 20}})
    gone, *_, there = sandbox.truth("zhilian", "已下线", "上海")["ids"]
    sandbox.control({"site": "zhilian", "kind": "detail", "fault": "gone", "times": 1})
    run = crawl("zhilian", keyword="已下线", city="上海", details="true")
    assert run.code == 0, run.err
    assert (run.report["stats"]["detail/gone"], run.report["stats"]["detail/stored"]) == (1, 19)
    assert lifecycle(gone)["closed_at"] is not None
    assert lifecycle(there)["closed_at"] is None
    shown = scrapy_command("lifecycle", "show", "zhilian", gone)
    assert "closed 20" in shown.out
    assert "(first version)" in shown.out
