"""Bad rows: each alone goes to rejected_row with field and reason, the others are written. What is no row's fault is an error."""

from __future__ import annotations

import json

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.exceptions import StorageError, WarehouseUnavailable
from jobdata_scrapy.items import Company, Page, RowState
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.refused import ALWAYS_ALLOWED, MAX_REFUSED, Refusal, check_share, is_about_data
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import NOW, make_ids, make_job, make_page

pytestmark = pytest.mark.slow
THOUSAND = make_ids(1000)


def rejected(client: WarehouseClient) -> list[tuple[str, ...]]:
    return client.query("SELECT row_id, field, reason FROM rejected_row FINAL ORDER BY field").result_rows


def count(client: WarehouseClient, table: str = "boss_job") -> int:
    return client.command(f"SELECT count() FROM {table}")


def counts_hold(page: Page, seen: int) -> bool:
    written = {RowState.NEW, RowState.CHANGED, RowState.UNCHANGED}
    return page.seen == seen and all(job.state in written for job in page.jobs)


def test_three_bad_rows_of_a_thousand(writer: Writer, client: WarehouseClient, caplog: pytest.LogCaptureFixture):
    page = make_page([make_job(job_id) for job_id in THOUSAND])
    page.jobs[17].longitude = "121.47 degrees"
    page.jobs[500].company_size_min = -1
    page.jobs[999].title = "half a pair \ud83d"
    stored = writer.store(page)
    assert (stored.new, len(page.rejected), counts_hold(page, 1000)) == (997, 3, True)
    assert count(client) == count(client, "job_sighting") == 997
    assert rejected(client) == [
        (THOUSAND[500], "company_size_min", "cannot be written as Nullable(UInt32)"),
        (THOUSAND[17], "longitude", "cannot be written as Nullable(Float64)"),
        (THOUSAND[999], "title", "cannot be written as String: it is no Unicode text"),
    ]
    assert "3 of 1000 rows of boss_job were refused, the first for " in caplog.text
    assert "degrees" not in caplog.text


def test_three_rows_of_a_thousand_that_the_engine_itself_refuses(writer: Writer, client: WarehouseClient):
    client.command("ALTER TABLE boss_job ADD CONSTRAINT sound CHECK (salary_low IS NULL) OR (salary_low < 1000000)")
    page = make_page(
        [make_job(job_id, salary_low=2e6 if place in (3, 500, 501) else 5e3) for place, job_id in enumerate(THOUSAND)]
    )
    stored = writer.store(page)
    assert (stored.new, counts_hold(page, 1000), count(client)) == (997, True, 997)
    assert [(row_id, field) for row_id, field, _ in rejected(client)] == [(THOUSAND[one], "salary_low") for one in (3, 500, 501)]
    assert all("`sound`" in reason and "2000000" not in reason for _, _, reason in rejected(client))
    assert writer.store(page) == stored
    assert (count(client), count(client, "rejected_row FINAL")) == (997, 3)


def test_what_a_refused_row_was_thought_to_be_is_forgotten(writer: Writer, client: WarehouseClient):
    """The second page has the same posting, whole: it is new, not unchanged."""
    bad, good = make_page([make_job("a", longitude="x"), make_job("b")]), make_page([make_job("a")], number=2)
    stored = writer.store_pages([bad, good])
    assert [(one.new, one.unchanged) for one in stored] == [(1, 0), (1, 0)]
    assert sorted(client.query("SELECT job_id, page FROM boss_job").result_rows) == [("a", 2), ("b", 1)]


def test_a_bad_company_costs_no_posting(writer: Writer, client: WarehouseClient):
    page = make_page([make_job("a")], companies=[Company("c1", "公司", size_min=-5), Company("c2", "公司")])
    assert writer.store(page).new == 1
    assert (page.seen, len(page.companies), count(client, "boss_company")) == (1, 1, 1)
    assert [(row_id, field) for row_id, field, _ in rejected(client)] == [("c1", "company.size_min")]


def test_an_id_or_raw_answer_that_is_no_utf8(writer: Writer, client: WarehouseClient):
    """Raw JSON can tell half a surrogate pair and any integer; an id cannot be looked up."""
    raw = {"note": "\ud83d", "number": 2**80}
    page = make_page([make_job("\ud83d", raw=raw), make_job("b", raw=raw), make_job("a\x1fb", raw=raw)])
    assert writer.store(page).new == 1
    ((job_id, data),) = client.query("SELECT job_id, job_data FROM boss_job").result_rows
    assert (job_id, json.loads(data)) == ("b", raw)
    assert sorted(rejected(client)) == [(name, "job_id", "is no text that can be looked up") for name in ("?", "a\x1fb")]


def test_rows_that_are_all_refused_are_no_rows_fault(writer: Writer, client: WarehouseClient):
    page = make_page([make_job(job_id, longitude="x") for job_id in make_ids(30)])
    with pytest.raises(StorageError, match=r"refuses .* of 30 rows of boss_job, the first for longitude: cannot be written as"):
        writer.store(page)
    assert (page.seen, len(page.rejected), count(client, "rejected_row")) == (30, 0, 0)


def test_the_cost_of_splitting_is_bounded(client: WarehouseClient, writer: Writer):
    client.command("ALTER TABLE boss_job ADD CONSTRAINT none CHECK title = ''")
    with pytest.raises(StorageError, match=rf"refuses {MAX_REFUSED + 1} or more of 300 rows of boss_job, the first for title: "):
        writer.store(make_page([make_job(job_id) for job_id in make_ids(300)]))
    check_share("t", [Refusal("f", "r")] * ALWAYS_ALLOWED, ALWAYS_ALLOWED)
    check_share("t", [Refusal("f", "r")] * MAX_REFUSED, 10_000)
    with pytest.raises(StorageError, match="refuses 6 or more of 9 rows of t, the first for f: r"):
        check_share("t", [Refusal("f", "r")] * 6, 9)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(469, True), (321, True), (349, True), (60, False), (164, False), (201, False), (516, False), (16, False), (243, False)],
    ids=["constraint", "range", "null", "no such table", "readonly", "quota", "password", "no such column", "no space"],
)
def test_only_errors_about_data_are_rows_faults(code: int, expected: bool):
    assert is_about_data(DatabaseError("Code: 1. DB::Exception: text", code=code)) is expected


def test_other_errors_cost_no_row(writer: Writer, client: WarehouseClient):
    page = make_page([make_job("a"), make_job("b", longitude="x")])
    client.command("RENAME TABLE boss_job TO away")
    with pytest.raises(StorageError, match="boss_job"):
        writer.store(page)
    client.command("RENAME TABLE away TO boss_job")
    assert page.rejected == []
    client.command("ALTER TABLE boss_job DROP COLUMN welfare")
    with pytest.raises(StorageError, match=r"the table boss_job has no column 'welfare': run `scrapy warehouse migrate`"):
        Writer(client).store(page)
    assert (page.rejected, len(page.jobs)) == ([], 2)


def test_a_full_disk_is_a_warehouse_that_is_away(writer: Writer, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise DatabaseError("Code: 243. DB::Exception: Cannot reserve 1.00 MiB", code=243)

    monkeypatch.setattr(Writer, "_insert_block", refuse)
    with pytest.raises(WarehouseUnavailable, match="its disk is full"):
        writer.store(make_page([make_job("a")], fetched_at=NOW))
