"""Rows a second of the writer, against the engine's own limit: the same bytes, inserted raw into a table of the same DDL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

from jobdata_scrapy.items import Job, Page
from jobdata_scrapy.warehouse.writer import Writer
from parts.warehouse_store import Cost, Store, show_load

BATCH, ROWS_A_PAGE = 5_000, 30
TO_REACH = 0.5
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
DESCRIPTION = (
    "负责业务数据的采集、清洗与分析，搭建指标体系和报表，推动数据驱动的决策；熟练使用 SQL 与 Python，有良好的沟通能力。" * 4
)


def compare_ingest(store: Store, rows: int) -> None:
    """Prints both sides, in turn, and their ratio."""
    writer, client = Writer(store.client), store.client
    client.command("CREATE TABLE raw_job AS boss_job")
    ours: list[Cost] = []
    engine: list[Cost] = []
    for number in range(max(1, rows // BATCH)):
        pages = list(make_pages(number))
        ours.append(store.cost(lambda pages=pages: writer.store_pages(pages)))
        block = read_block(store, number)
        raw = lambda driver, block=block: driver.raw_insert("raw_job", insert_block=block, fmt="Native")  # noqa: E731
        engine.append(store.cost(lambda raw=raw: client.run(raw)))
    stored = client.query("SELECT (SELECT uniqExact(job_id) FROM boss_job), (SELECT count() FROM raw_job)").result_rows[0]
    assert stored == (len(ours) * BATCH, len(ours) * BATCH), stored
    print(f"ingest, {BATCH:,} rows a batch, {len(ours)} batches (to reach: ratio {TO_REACH}); {show_load()}")
    for unit in ("wall", "cpu"):
        mine, limit = (BATCH / median(getattr(cost, unit) for cost in costs) for costs in (ours, engine))
        print(
            f"  rows a {unit + ' second':12} writer {mine:8,.0f}   engine alone {limit:8,.0f}   ratio {mine / limit:.2f}",
            flush=True,
        )


def read_block(store: Store, number: int) -> bytes:
    """The rows that the writer has just stored, as the bytes of a Native block."""
    sql = f"SELECT * FROM boss_job WHERE run_id = 'bench-{number}'"
    return bytes(store.client.run(lambda driver: driver.raw_query(sql, fmt="Native")))


def make_pages(number: int) -> Iterator[Page]:
    """The pages of one batch, with postings that no other has."""
    for page in range(-(-BATCH // ROWS_A_PAGE)):
        places = range(page * ROWS_A_PAGE, min((page + 1) * ROWS_A_PAGE, BATCH))
        moment = BEGIN + timedelta(seconds=number * 1000 + page)
        origin = {
            "round": f"r{number}",
            "run_id": f"bench-{number}",
            "number": page + 1,
            "fetched_at": moment,
            "parser_version": 1,
        }
        jobs = [make_job(number * BATCH + place) for place in places]
        yield Page(platform="boss", page_kind="search", keyword="数据分析", city="上海", jobs=jobs, **origin)


def make_job(number: int) -> Job:
    """A posting of about 1.5 KB of JSON."""
    raw = {
        "encryptJobId": f"job-{number:024x}",
        "jobName": f"数据分析师{number % 500}",
        "postDescription": DESCRIPTION,
        "lid": str(number),
    }
    job = Job(
        job_id=raw["encryptJobId"],
        title=raw["jobName"],
        company_id=f"c{number % 2000}",
        company_name=f"公司{number % 2000}",
        raw=raw,
    )
    job.salary_text, job.monthly_low, job.monthly_high = "15-25K", 15000.0, 25000.0
    job.city, job.city_text, job.degree, job.degree_text = "上海", "上海", "本科", "本科"
    job.skills, job.welfare, job.content_hash = ["Python", "SQL", "Tableau"], ["五险一金"], f"{number:032x}"
    return job
