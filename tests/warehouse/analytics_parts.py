"""Crawls made up for the analytics: pages of postings that share employers, titles and cities, with gaps and changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from jobdata_scrapy.items import Job, Page
from jobdata_scrapy.warehouse.analytics import ask
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import NO_FILTERS
from tests.warehouse.analytics_model import COMPANIES, PLATFORMS, TITLES
from tests.warehouse.warehouse_parts import make_job, make_page

BEGIN = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
KEYWORDS = ("数据分析", "开发", "银行")
BANDS = ((None, None), (8000, 12000), (9000, 15000), (20000, 30000), (20000, None), (None, 6000))
EXPERIENCES = {"": (None, None), "经验不限": (None, None), "1-3年": (1, 3), "10年以上": (10, None), "应届": (0, 0)}
SIZES = {"": (None, None), "少于50人": (None, 50), "100-499人": (100, 499), "10000人以上": (10000, None)}


def draw_job(draw: random.Random, job_id: str) -> Job:
    """A posting; some fields are not told."""
    low, high = draw.choice(BANDS)
    experience, size = draw.choice(list(EXPERIENCES)), draw.choice(list(SIZES))
    degree, stage = draw.choice(["", "本科", "大专"]), draw.choice(["", "A轮", "已上市"])
    least, most = EXPERIENCES[experience]
    values: dict[str, Any] = {
        "company_name": draw.choice(list(COMPANIES)),
        "title": draw.choice(list(TITLES)),
        "salary_text": f"{low}-{high}" if (low or high) else draw.choice(["", "面议"]),
        "monthly_low": low,
        "monthly_high": high,
        "experience_text": experience,
        "experience_min": least,
        "experience_max": most,
        "degree_text": degree,
        "degree": degree,
        "company_size_text": size,
        "company_size_min": SIZES[size][0],
        "company_size_max": SIZES[size][1],
        "company_stage_text": stage,
        "company_stage": stage,
        "industry_text": draw.choice(["", "电商", "金融"]),
        "city": draw.choice(["上海", "北京", ""]),
        "district": draw.choice(["", "徐汇区"]),
        "skills": draw.sample(["Python", "SQL", "Excel"], draw.randint(0, 3)),
        "welfare": draw.choice([[], ["五险一金"]]),
        "description": draw.choice(["", "做数据"]),
        "longitude": draw.choice([None, 121.4]),
        "published_at": draw.choice([None, BEGIN]),
        "content_hash": f"{draw.getrandbits(64):x}",
    }
    job = Job(job_id=job_id, title=values.pop("title"), raw={"id": job_id})
    for name, value in values.items():
        setattr(job, name, value)
    return job


def draw_page(draw: random.Random, ids: int = 12) -> Page:
    """A list page (seldom a detail) of a site, at some moment of two months: pages need not come in order."""
    moment = BEGIN + timedelta(hours=draw.randint(0, 24 * 60), minutes=draw.randint(0, 59))
    keyword = draw.choice(KEYWORDS)
    names = draw.sample(range(ids), draw.randint(1, 4))
    return make_page(
        [draw_job(draw, f"j{number}") for number in names],
        platform=draw.choice(PLATFORMS),
        page_kind="detail" if draw.random() < 0.15 else "search",
        keyword=keyword,
        round=f"{keyword} {draw.getrandbits(40):x}",
        run_id=f"run-{draw.getrandbits(40):x}",
        fetched_at=moment,
    )


ROUND_COLUMNS = ["platform", "keyword", "city", "round", "state", "healthy", "started_at", "finished_at", "ledger_at"]


def insert_round(
    client: WarehouseClient,
    search: tuple[str, str],
    began: datetime,
    ended: datetime,
    *,
    state: str = "done",
    healthy: bool = True,
) -> None:
    """A round of boss that has ended, as the ledger's copy tells it."""
    row = ["boss", *search, f"{began:%m%d%H%M%S}", state, healthy, began, ended, ended]
    client.run(lambda driver: driver.insert("crawl_round", [row], column_names=ROUND_COLUMNS))


def update(client: WarehouseClient, table: str, change: str, condition: str = "1") -> None:
    """Changes rows that are there: what the tests cannot wait for, lies back."""
    client.command(f"ALTER TABLE {table} UPDATE {change} WHERE {condition} SETTINGS mutations_sync = 2")


class Killed(BaseException):
    """As a signal would: nothing handles it."""


def kill_at(step: str) -> Callable[[str], None]:
    """A checkpoint that ends the refresh there."""

    def checkpoint(name: str) -> None:
        if name == step:
            raise Killed(step)

    return checkpoint


def sum_postings(client: WarehouseClient) -> int:
    """As the question `postings` counts them."""
    return sum(row[2] for row in ask(client, "postings", NO_FILTERS).rows)


def number_page(number: int = 1, count: int = 2, **given: Any) -> Page:
    """A page of postings that no other number has."""
    jobs = [make_job(f"p{number}-{place}", company_name="字节跳动", city="上海") for place in range(count)]
    return make_page(jobs, **{"number": number, "fetched_at": BEGIN, **given})


KEPT_SQL = """
SELECT * EXCEPT (sign, generation, in_doubt), sum(sign) AS n FROM job_latest WHERE generation = {generation:UInt32}
GROUP BY ALL HAVING n != 0 ORDER BY ALL"""
COUNTED_SQL = """
SELECT topic, name, platform, day, value, sum(n) AS total FROM job_cube
WHERE generation = {generation:UInt32} AND topic != 'batch'
GROUP BY ALL HAVING total != 0 ORDER BY ALL"""


def read_everything(client: WarehouseClient, generation: int) -> tuple[list[Any], list[Any]]:
    """All images with their count, and all cubes."""
    parameters = {"generation": generation}
    return client.query(KEPT_SQL, parameters).result_rows, client.query(COUNTED_SQL, parameters).result_rows
