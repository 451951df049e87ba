"""The audit of the past: every difference is named, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import peewee as pw
import pytest

from jobdata_scrapy.commands._verify import read_since
from jobdata_scrapy.coverage import Coverage, RoundState, add_page, finish
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage import save_round
from jobdata_scrapy.db.ended_rounds import EndedRound
from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.items import StoredPage
from jobdata_scrapy.spool.folder import SpoolFolder
from jobdata_scrapy.warehouse import verify as verify_module
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.verify import Audit, RoundCheck, find_problems, verify
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.lifecycle_parts import set_pruned
from tests.warehouse.warehouse_parts import make_config, make_job, make_page

NOW = datetime.now(UTC)


def make_ended(**given: object) -> EndedRound:
    line = Coverage("boss", "数据分析", "上海", "round-1", "run-1", state=RoundState.DONE, stop_reason="end", pages_ok=1)
    line.seen = line.unchanged = line.distinct = line.stored = 30
    return EndedRound(1, replace(line, **given), NOW)


@pytest.mark.parametrize(
    ("given", "sighted", "stored", "codes"),
    [
        ({}, 30, 30, []),
        ({}, None, None, []),
        ({}, 29, 29, ["count_mismatch"]),
        ({}, 31, 31, ["count_mismatch"]),
        ({}, 30, 28, ["rows_missing"]),
        ({"unchanged": 29}, 30, 30, ["sums_differ"]),
        ({"state": RoundState.PARTIAL, "spooled": 10, "unchanged": 20}, 20, 20, ["spooled"]),
        ({"state": RoundState.PARTIAL, "spooled": 10, "unchanged": 20}, 19, 19, ["spooled", "count_mismatch"]),
        ({"state": RoundState.PARTIAL, "stop_reason": "blocked"}, 45, 45, []),  # a page that was never reported
        ({"state": RoundState.FAILED, "stop_reason": "storage_down"}, 29, 29, ["count_mismatch"]),
    ],
)
def test_what_differs_in_a_round_is_named(given: dict[str, object], sighted: int | None, stored: int | None, codes: list[str]):
    problems = find_problems(RoundCheck(make_ended(**given), sighted, stored))
    assert [one.code for one in problems] == codes
    assert all("boss 数据分析 / 上海, round round-1" in one.message and one.action for one in problems)


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("12H", NOW - timedelta(hours=12)),
        ("2026-11-01", datetime(2026, 10, 31, 16, tzinfo=UTC)),
        ("36500d", datetime(1970, 1, 2, tzinfo=UTC)),
    ],
)
def test_since_is_a_span_or_a_day_of_beijing(text: str, since: datetime):
    assert read_since(text, NOW) == since


@pytest.mark.parametrize("text", ["", "7", "yesterday", "2026-13-01", "-3d"])
def test_any_other_since_is_refused(text: str):
    with pytest.raises(ArgumentError, match=r"^since: .* is not allowed; allowed: "):
        read_since(text, NOW)


def test_a_since_that_lies_ahead_is_refused():
    """Nothing has ended since: an audit of nothing would be green."""
    with pytest.raises(ArgumentError, match=r"^since: '2999-01-01' lies ahead"):
        read_since("2999-01-01", NOW)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[pw.Database]:
    database = open_database(make_config(tmp_path))
    yield database
    database.close()


@pytest.fixture
def crawled(client: WarehouseClient, ledger: pw.Database) -> Callable[..., Coverage]:
    """`crawled(1, days_ago=3)`: a round of two pages with three postings each, stored and in the ledger."""
    apply_schema(client)
    writer = Writer(client)

    def make(number: int, *, days_ago: float = 1, platform: str = "boss") -> Coverage:
        at = NOW - timedelta(days=days_ago)
        line = Coverage(platform, "数据分析", "上海", f"round-{number}", "run-1", pages_asked=2)
        for page_number in range(2):
            jobs = [make_job(f"j{page_number}{one}") for one in range(3)]
            page = make_page(jobs, platform=platform, round=line.round, number=page_number + 1, fetched_at=at)
            page.stored = writer.store(page)
            add_page(line, page)
        finish(line, "end", capped=False, failed=False, stored=6)
        save_round(ledger, line, at=at)
        return line

    return make


@pytest.fixture
def audit(client: WarehouseClient, ledger: pw.Database, tmp_path: Path) -> Callable[..., Audit]:
    def run(*, days: float = 7, platform: str = "", **settings: object) -> Audit:
        config = client.config.model_copy(update={"jobdata_dir": tmp_path, **settings})
        return verify(client, ledger, config, since=NOW - timedelta(days=days), platform=platform)

    return run


@pytest.mark.slow
def test_a_healthy_past(crawled, audit, client):
    crawled(1)
    crawled(2, platform="zhilian")
    crawled(3, days_ago=30)
    found = audit()
    assert found.problems == []
    assert found.copied == 2
    assert [(one.platform, one.states.total(), one.expected, one.stored) for one in found.sites] == [
        ("boss", 1, 6, 6),
        ("zhilian", 1, 6, 6),
    ]
    assert audit(platform="zhilian").sites[0].platform == "zhilian"
    assert (audit().copied, audit(days=60).copied) == (0, 1)
    assert client.command("SELECT count() FROM crawl_round FINAL WHERE state = 'done' AND started_at IS NOT NULL") == 3


@pytest.mark.slow
def test_a_site_of_a_later_batch_has_its_tables_too(ledger, audit, client, monkeypatch):
    monkeypatch.setattr(verify_module, "BATCH", 2)
    for number, platform in enumerate(("boss", "boss", "newsite")):
        line = Coverage(platform, "数据分析", "上海", f"round-{number}", "run-1", pages_asked=1)
        finish(line, "blocked", capped=False, failed=True, stored=0)
        save_round(ledger, line, at=NOW - timedelta(hours=9 - number))
    found = audit()
    assert [(site.platform, site.states.total()) for site in found.sites] == [("boss", 2), ("newsite", 1)]
    assert found.copied == 3


@pytest.mark.slow
def test_what_was_lost_since_is_found(crawled, audit, client):
    crawled(1)
    crawled(2)
    client.command("ALTER TABLE job_sighting DELETE WHERE round = 'round-2' AND job_id = 'j00' SETTINGS mutations_sync = 2")
    client.command("ALTER TABLE boss_job DELETE WHERE job_id = 'j11' SETTINGS mutations_sync = 2")
    assert sorted(f"{one.code}: {one.message}" for one in audit().problems) == [
        "count_mismatch: boss 数据分析 / 上海, round round-2 (done): the ledger says 6 postings, the warehouse counts 5",
        "rows_missing: boss 数据分析 / 上海, round round-1 (done): 1 of its 6 sightings have no job row",
        "rows_missing: boss 数据分析 / 上海, round round-2 (done): 1 of its 5 sightings have no job row",
    ]


@pytest.mark.slow
def test_what_a_prune_has_taken_is_no_difference(crawled, audit, client):
    crawled(1, days_ago=40)
    client.command("ALTER TABLE job_sighting DELETE WHERE 1 SETTINGS mutations_sync = 2")
    assert len(audit(days=60).problems) == 1
    set_pruned(client, NOW - timedelta(days=30))
    found = audit(days=60)
    assert (found.problems, found.sites[0].pruned, found.sites[0].expected) == ([], 1, 0)


@pytest.mark.slow
def test_versions_that_two_processes_wrote_are_told_and_no_difference(crawled, audit, client):
    crawled(1)
    client.command(
        "INSERT INTO boss_job (job_id, page_kind, content_hash, crawled_at, run_id) "
        "SELECT job_id, page_kind, content_hash, crawled_at + 1, 'another' FROM boss_job WHERE job_id IN ('j00', 'j01')"
    )
    client.command("INSERT INTO boss_job (job_id, page_kind, content_hash, crawled_at) VALUES ('j02', 'search', 'new', now())")
    found = audit()
    assert (found.problems, found.sites[0].twice) == ([], (2, 2))


@pytest.mark.slow
def test_a_spool_that_is_not_empty_is_told(crawled, audit, tmp_path):
    folder = SpoolFolder(tmp_path / "spool", 10**9)
    folder.put(make_page([make_job("a")], stored=StoredPage()))
    name = folder.put(make_page([make_job("b")], number=2))
    folder.set_aside(name, "cut short")
    assert [one.code for one in audit().problems] == ["spooled", "spool_damaged"]
