"""Pages, rounds and reports to make tests of. Session-wide, so that hypothesis may use them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.coverage import Coverage, RoundState, add_page, finish
from jobdata_scrapy.items import Job, Page, RejectedRow, RowState, StoredPage
from jobdata_scrapy.report.build import build_report
from jobdata_scrapy.report.judge import judge_run
from jobdata_scrapy.report.tally import Tally

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)


def build_page(number: int = 1, *, jobs: list[Job] | None = None, rejected: int = 0, **fields: Any) -> Page:
    """A stored page; every posting that is no repeat counts as new unless `stored` says otherwise."""
    jobs = [Job(f"{number}-{index}", "title") for index in range(3)] if jobs is None else jobs
    rows = [RejectedRow("job_id", "missing") for _ in range(rejected)]
    known: dict[str, Any] = {"platform": "boss", "page_kind": "search", "keyword": "数据分析", "city": "上海", "round": "r1"}
    page = Page(**(known | {"run_id": "run-1", "number": number, "fetched_at": NOW, "parser_version": 1} | fields))
    page.jobs, page.rejected = jobs, rows
    if page.stored is None:
        page.stored = StoredPage(new=sum(job.state is not RowState.REPEATED for job in jobs))
    return page


def build_coverage(**fields: Any) -> Coverage:
    """A round that was read to its end; `fields` change it."""
    good = {"total": 30, "pages_asked": 1, "pages_ok": 1, "seen": 30, "new": 28, "repeated": 1, "rejected": 1}
    good |= {"distinct": 28, "stored": 28, "state": RoundState.DONE, "stop_reason": "end"}
    return Coverage("boss", "数据分析", "上海", "r1", "run-1", **(good | fields))


def count_pages(pages: list[Page]) -> tuple[Tally, list[Coverage]]:
    """What the ledger and the tally make of pages, one finished round for each (keyword, city)."""
    tally, rounds = Tally(), {}
    for page in pages:
        tally.add_page(page)
        key = (page.keyword, page.city)
        line = rounds.setdefault(key, Coverage(page.platform, *key, f"r-{len(rounds)}", page.run_id))
        line.pages_asked += 1
        add_page(line, page)
    for line in rounds.values():
        finish(line, "end", capped=False, failed=False, stored=line.distinct)
    return tally, list(rounds.values())


def build_whole_report(pages: list[Page], *, run_id: str = "20261122T010203-boss-ab12", **changes: Any) -> dict[str, Any]:
    """The report of a run that stored `pages`; `changes`: arguments, errors, finish_reason, prepare(tally)."""
    tally, rounds = count_pages(pages)
    changes.get("prepare", lambda tally: None)(tally)
    reason, stats = changes.get("finish_reason", "finished"), {"page/yielded": len(pages), "page/stored": len(pages)}
    counts = {"pages_yielded": len(pages), "pages_stored": len(pages)}
    judgement = judge_run(rounds, finish_reason=reason, errors=changes.get("errors", []), **counts)
    arguments = changes.get("arguments", {"keyword": "数据分析"})
    run = RunRecord(run_id, "boss", arguments, NOW, NOW + timedelta(seconds=93), reason)
    return build_report(run, rounds, tally, judgement, stats)


@pytest.fixture(scope="session")
def make_page() -> Callable[..., Page]:
    return build_page


@pytest.fixture(scope="session")
def make_coverage() -> Callable[..., Coverage]:
    return build_coverage


@pytest.fixture(scope="session")
def make_report() -> Callable[..., dict[str, Any]]:
    return build_whole_report
