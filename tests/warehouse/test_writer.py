"""store(): once is enough, twice is the same, nothing is swallowed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.items import Company, Job, Page, RejectedRow, RowState
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.rows import job_block
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.sightings import count_rounds
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import NOW, make_ids, make_job, make_page

pytestmark = pytest.mark.slow


def job_rows(client: WarehouseClient) -> list[tuple[str, str, str]]:
    return client.query("SELECT job_id, page_kind, content_hash FROM boss_job ORDER BY job_id, page_kind, crawled_at").result_rows


def again(page: Page, **given: object) -> Page:
    """The page as a later run fetches it."""
    jobs = [make_job(job.job_id, content_hash=job.content_hash) for job in page.jobs]
    return replace(page, **({"jobs": jobs, "run_id": "run-2", "fetched_at": page.fetched_at + timedelta(days=1)} | given))


def test_a_page_is_stored_and_counted(writer: Writer, client: WarehouseClient):
    ids = make_ids(30)
    page = make_page([make_job(job_id, salary_low=15000.0, skills=["Python"], published_at=NOW) for job_id in ids])
    stored = writer.store(page)
    assert (stored.new, stored.changed, stored.unchanged, stored.spooled) == (30, 0, 0, 0)
    assert stored.missing_details == (), "it asks for none"
    assert {job.state for job in page.jobs} == {RowState.NEW}
    assert sorted(ids) == [job_id for job_id, _, _ in job_rows(client)]
    columns = "keyword, search_city, salary_low, skills, job_data, page, round, crawled_at, published_at, longitude"
    (row,) = client.query(f"SELECT {columns} FROM boss_job WHERE job_id = '{ids[0]}'").result_rows
    moment = NOW.replace(microsecond=678000)
    raw = f'{{"encryptJobId":"{ids[0]}","jobName":"数据分析师"}}'
    assert row == ("数据分析", "上海", 15000.0, ["Python"], raw, 1, "round-1", moment, moment, None)
    assert count_rounds(client, "boss", ["round-1"]) == [30]


def test_storing_a_page_twice_doubles_nothing(writer: Writer, client: WarehouseClient):
    page = make_page(
        [make_job("a"), make_job("b")],
        companies=[Company("c1", "公司", content_hash="h")],
        rejected=[RejectedRow("title", "missing", "r1", {"x": 1})],
    )
    first = writer.store(page)
    assert writer.store(page) == first
    counts = [client.command(f"SELECT count() FROM {table} FINAL") for table in ("job_sighting", "rejected_row")]
    counts += [client.command(f"SELECT count() FROM {table}") for table in ("boss_job", "boss_company")]
    assert counts == [2, 1, 2, 1]


def test_an_unchanged_posting_is_not_written_again_but_seen_again(writer: Writer, client: WarehouseClient):
    page = make_page([make_job("a"), make_job("b")])
    writer.store(page)
    later = again(page, round="round-2")
    stored = writer.store(later)
    assert (stored.new, stored.changed, stored.unchanged) == (0, 0, 2)
    assert {job.state for job in later.jobs} == {RowState.UNCHANGED}
    assert len(job_rows(client)) == 2
    assert count_rounds(client, "boss", ["round-2"]) == [2]


def test_changed_content_is_a_new_version(writer: Writer, client: WarehouseClient):
    page = make_page([make_job("a"), make_job("b")])
    writer.store(page)
    stored = writer.store(again(page, jobs=[make_job("a", content_hash="other"), make_job("b")]))
    assert (stored.changed, stored.unchanged) == (1, 1)
    back = writer.store(again(page, fetched_at=NOW + timedelta(days=2)))
    assert (back.changed, back.unchanged) == (1, 1)
    assert [content for job_id, _, content in job_rows(client) if job_id == "a"] == ["hash of a", "other", "hash of a"]


def test_repeated_postings_are_left_alone(writer: Writer, client: WarehouseClient):
    page = make_page([make_job("a"), make_job("b", state=RowState.REPEATED)])
    assert writer.store(page).new == 1
    assert [job.state for job in page.jobs] == [RowState.NEW, RowState.REPEATED]
    assert [job_id for job_id, _, _ in job_rows(client)] == ["a"]


def test_details_are_asked_for_until_they_are_there(writer: Writer, client: WarehouseClient):
    page = make_page([make_job("a"), make_job("b")], asks_details=True)
    assert writer.store(page).missing_details == ("a", "b")
    detail = make_page([make_job("a", content_hash="detail")], page_kind="detail_batch", number=0)
    assert writer.store(detail).new == 1
    assert writer.store(detail).missing_details == ()
    assert writer.store(again(page)).missing_details == ("b",)
    changed = again(page, jobs=[make_job("a", content_hash="new"), make_job("b")], fetched_at=NOW + timedelta(days=2))
    assert writer.store(changed).missing_details == ("a", "b")
    assert ("a", "detail", "detail") in job_rows(client)
    assert count_rounds(client, "boss", ["round-1"]) == [2]


def test_of_a_page_read_again_amid_its_details_the_others_are_asked(writer: Writer):
    """Whoever goes on with a round has seen all postings of that page already; one of them stands on it twice."""
    writer.store(make_page([make_job("a"), make_job("b"), make_job("c")], asks_details=True))
    writer.store(make_page([make_job("a", content_hash="detail")], page_kind="detail", number=0))
    jobs = [make_job(job_id, state=RowState.REPEATED) for job_id in "abcb"]
    assert writer.store(make_page(jobs, number=2, run_id="run-2", asks_details=True)).missing_details == ("b", "c")


def test_companies_are_versioned_like_postings(writer: Writer, client: WarehouseClient):
    def store(content: str, day: int) -> RowState | None:
        company = Company("c1", "公司", size_min=100, content_hash=content, raw={"brandId": "c1"})
        nameless = Company("", "某公司", content_hash="x")
        page = make_page(page_kind="company", number=0, companies=[company, nameless], fetched_at=NOW + timedelta(days=day))
        writer.store(page)
        return company.state

    assert [store("h1", 0), store("h1", 1), store("h2", 2)] == [RowState.NEW, RowState.UNCHANGED, RowState.CHANGED]
    assert (
        client.query("SELECT company_id, size_min, company_data FROM boss_company").result_rows
        == [("c1", 100, '{"brandId":"c1"}')] * 2
    )


def test_two_halves_of_a_page_are_both_stored(writer: Writer, client: WarehouseClient):
    ids = make_ids(30)
    for half in (ids[:15], ids[15:]):
        assert writer.store(make_page([make_job(job_id) for job_id in half])).new == 15
    assert len(job_rows(client)) == 30
    assert count_rounds(client, "boss", ["round-1"]) == [30]


def test_a_redo_whose_look_up_finds_other_rows_is_not_swallowed(writer: Writer, client: WarehouseClient):
    writer.store(make_page([make_job("a"), make_job("b")]))
    redo = make_page([make_job("a"), make_job("b"), make_job("c")], run_id="run-2")
    stored = writer.store(redo)
    assert (stored.new, stored.unchanged) == (1, 2)
    assert [job_id for job_id, _, _ in job_rows(client)] == ["a", "b", "c"]


def test_the_same_insert_sent_again_is_harmless(writer: Writer, client: WarehouseClient):
    page = make_page([make_job("a")])
    block = job_block("boss", [(page, page.jobs[0])])
    for _ in range(3):
        client.run(lambda driver: writer._insert_block(driver, "r", block))
    assert len(job_rows(client)) == 1


def test_what_was_broken_off_between_two_inserts_is_finished_by_the_redo(writer: Writer, client: WarehouseClient):
    page = make_page([make_job("a"), make_job("b")])
    client.command("RENAME TABLE job_sighting TO away")
    with pytest.raises(StorageError, match="job_sighting"):
        writer.store(page)
    assert len(job_rows(client)) == 2
    client.command("RENAME TABLE away TO job_sighting")
    assert writer.store(page).new == 2
    assert len(job_rows(client)) == 2
    assert count_rounds(client, "boss", ["round-1"]) == [2]


def test_a_sighting_without_its_job_row_does_not_count(writer: Writer, client: WarehouseClient):
    writer.store(make_page([make_job("a"), make_job("b")]))
    client.command("INSERT INTO job_sighting (platform, job_id, round) VALUES ('boss', 'ghost', 'round-1')")
    assert count_rounds(client, "boss", ["round-1"]) == [2]
    assert count_rounds(client, "boss", ["round-9"]) == [0]
    writer.make_tables("qcwy")
    assert count_rounds(client, "qcwy", ["round-1"]) == [0]


def test_several_pages_are_one_unit(writer: Writer, client: WarehouseClient):
    pages = [make_page([make_job("a"), make_job("b")]), make_page([make_job("b"), make_job("c")], number=2)]
    stored = writer.store_pages(pages)
    assert [(one.new, one.unchanged) for one in stored] == [(2, 0), (1, 1)]
    assert writer.store_pages(pages) == stored
    assert [job_id for job_id, _, _ in job_rows(client)] == ["a", "b", "c"]
    assert writer.store_pages([]) == []
    with pytest.raises(ValueError, match="one platform"):
        writer.store_pages([make_page(), make_page(platform="qcwy")])


def test_a_new_site_gets_its_tables_at_its_first_page(writer: Writer, client: WarehouseClient):
    assert writer.store(make_page([make_job("a")], platform="newsite")).new == 1
    assert client.query("SELECT platform, job_id FROM job_analytics").result_rows == [("newsite", "a")]


def test_two_processes_meeting_the_same_posting_agree(open_client: Callable[[], WarehouseClient]):
    clients = [open_client(), open_client()]
    apply_schema(clients[0])
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []

    def store(client: WarehouseClient, run_id: str) -> None:
        try:
            writer = Writer(client)
            for number in range(5):
                page = make_page([make_job(job_id) for job_id in make_ids(30, f"{number}-")], run_id=run_id, number=number + 1)
                barrier.wait(30)
                writer.store(page)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=store, args=(client, f"run-{index}")) for index, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(set(job_rows(clients[0]))) == 150
    assert clients[0].command("SELECT count() FROM job_analytics") == 150
    assert count_rounds(clients[1], "boss", ["round-1"]) == [150]


def test_the_view_shows_the_latest_of_list_and_detail(writer: Writer, client: WarehouseClient):
    def store(job: Job, day: int, kind: str = "search") -> None:
        writer.store(make_page([job], page_kind=kind, fetched_at=NOW + timedelta(days=day), keyword=f"k{day}"))

    first = {"salary_text": "15-25K", "salary_low": 15000.0, "salary_high": 25000.0, "city": "上海", "district": "浦东新区"}
    store(make_job("a", content_hash="1", **first, skills=["Python"], degree="本科", degree_text="本科"), 0)
    store(make_job("a", content_hash="2", description="负责数据分析", welfare=["五险一金"]), 1, "detail")
    store(make_job("a", content_hash="3", title="高级数据分析师", salary_text="20K以上", salary_low=20000.0), 2)
    store(make_job("b", content_hash="4"), 2)
    columns = "platform, title, keyword, salary_low, salary_high, city, district, skills, welfare, description, degree"
    rows = client.query(f"SELECT {columns} FROM job_analytics WHERE job_id = 'a'").result_rows
    salary, place = (20000.0, None), ("上海", "浦东新区")
    assert rows == [("boss", "高级数据分析师", "k2", *salary, *place, ["Python"], ["五险一金"], "负责数据分析", "本科")]
    times = client.query("SELECT first_crawled_at, last_crawled_at FROM job_analytics WHERE job_id = 'a'").result_rows
    assert times == [(NOW.replace(microsecond=678000), NOW.replace(microsecond=678000) + timedelta(days=2))]
    assert client.command("SELECT count() FROM job_analytics") == 2
