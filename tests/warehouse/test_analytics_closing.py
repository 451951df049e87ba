"""Closed postings in the analytics: what it keeps is what `job_lifecycle` says, whatever comes in and in whichever order."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobdata_scrapy.warehouse.analytics import ask, refresh
from jobdata_scrapy.warehouse.analytics.refresh import refresh as run_refresh
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.crawl_rounds import write_rule
from jobdata_scrapy.warehouse.filters import NO_FILTERS
from jobdata_scrapy.warehouse.lifecycle_rule import LifecycleRule
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.analytics_parts import insert_round, read_everything, update
from tests.warehouse.warehouse_parts import make_job, make_page

pytestmark = pytest.mark.slow
NOW = datetime.now(UTC).replace(microsecond=0)
SHANGHAI, BEIJING, OTHER = ("开发", "上海"), ("开发", "北京"), ("银行", "上海")
SEARCHES = (SHANGHAI, BEIJING, OTHER)
KEPT_SQL = """
SELECT platform, job_id, any(days_open) FROM job_latest WHERE generation = {generation:UInt32}
GROUP BY platform, job_id, days_open HAVING sum(sign) > 0 ORDER BY platform, job_id"""
JUDGED_SQL = """
SELECT platform, job_id, if(isNull(closed_at), NULL, dateDiff('day', first_seen, assumeNotNull(closed_at), 'Asia/Shanghai'))
FROM job_lifecycle ORDER BY platform, job_id"""


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where more than a minute passes between two refreshes: nothing is read again only because it is of the last minute."""
    monkeypatch.setattr(refresh, "OVERLAP", timedelta(0))


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def show(writer: Writer, search: tuple[str, str], days: float, *ids: str) -> None:
    """A list page of the search, so many days ago."""
    keyword, city = search
    name = f"{keyword}{city}{days}"
    jobs = [make_job(job_id) for job_id in ids]
    writer.store(make_page(jobs, keyword=keyword, city=city, round=name, run_id=name, fetched_at=ago(days)))


def end_round(client: WarehouseClient, search: tuple[str, str], days: float, **given: Any) -> None:
    insert_round(client, search, ago(days), ago(days - 0.1), **given)


def call_gone(client: WarehouseClient, days: float, job_id: str) -> None:
    """The posting's own page, so many days ago."""
    row = f"('boss', '{job_id}', 'r{days}', '{ago(days):%Y-%m-%d %H:%M:%S}')"
    client.command(f"INSERT INTO job_gone (platform, job_id, round, gone_at) VALUES {row}")


def agree(client: WarehouseClient) -> list[tuple[Any, ...]]:
    """What the analytics keeps once it is up to date, which is what the lifecycle says."""
    state, _ = run_refresh(client)
    kept = client.query(KEPT_SQL, {"generation": state.generation}).result_rows
    assert kept == client.query(JUDGED_SQL).result_rows
    return [tuple(row) for row in kept]


def count_closed(client: WarehouseClient) -> int:
    return sum(row[2] for row in ask(client, "closing", NO_FILTERS).rows)


def do_something(draw: random.Random, writer: Writer, client: WarehouseClient) -> None:
    """A page (late ones, too), the end of a round, a page that says gone, or another rule."""
    search, days = draw.choice(SEARCHES), draw.randint(1, 50) + draw.choice([0.45, 0.5, 0.55])
    what = draw.random()
    if what < 0.45:
        show(writer, search, days, *draw.sample("abcdef", draw.randint(1, 3)))
    elif what < 0.85:
        end_round(client, search, days, healthy=draw.random() < 0.9, state=draw.choice(["done", "done", "done", "partial"]))
    elif what < 0.92:
        call_gone(client, days, draw.choice("abcdef"))
    else:
        write_rule(client, LifecycleRule(draw.randint(1, 3), draw.choice([10, 30])))


@pytest.mark.parametrize("seed", [0, 2])
def test_the_analytics_says_what_the_lifecycle_says(writer: Writer, client: WarehouseClient, seed: int):
    draw = random.Random(seed)
    show(writer, SHANGHAI, 30.5, *"abcdef")
    seen: set[tuple[Any, ...]] = set()
    for _ in range(12):
        for _ in range(draw.randint(1, 3)):
            do_something(draw, writer, client)
        seen |= set(agree(client))
    assert any(days is None for *_, days in seen)
    assert any(days is not None for *_, days in seen)
    kept = read_everything(client, run_refresh(client)[0].generation)
    assert kept == read_everything(client, run_refresh(client, rebuild=True)[0].generation)


def test_two_rounds_without_a_posting_close_it(writer: Writer, client: WarehouseClient):
    show(writer, SHANGHAI, 20.5, "a", "b")
    assert agree(client) == [("boss", "a", None), ("boss", "b", None)]
    show(writer, SHANGHAI, 10.5, "b")
    end_round(client, SHANGHAI, 10.55)
    assert agree(client) == [("boss", "a", None), ("boss", "b", None)]
    end_round(client, SHANGHAI, 5.5)
    assert [(job_id, days is None) for _, job_id, days in agree(client)] == [("a", False), ("b", True)]
    ((_, postings, closed, mean, *_),) = ask(client, "closing", NO_FILTERS).rows
    assert (postings, closed, mean) == (2, 1, 10)
    show(writer, SHANGHAI, 1.5, "a")
    assert [days for *_, days in agree(client)] == [None, None], "it is open again"


def test_a_page_that_says_gone_closes_a_posting(writer: Writer, client: WarehouseClient):
    show(writer, SHANGHAI, 20.5, "a", "b")
    run_refresh(client)
    call_gone(client, 10.5, "b")
    assert agree(client) == [("boss", "a", None), ("boss", "b", 10)]


def test_a_late_page_of_another_city_may_close_a_posting(writer: Writer, client: WarehouseClient):
    show(writer, SHANGHAI, 60.5, "a")
    for days in (9.5, 6.5, 3.5):
        end_round(client, BEIJING, days)
    assert agree(client) == [("boss", "a", None)]
    show(writer, BEIJING, 55.5, "a")
    assert agree(client) == [("boss", "a", 51)]


def test_another_rule_judges_the_closed_and_the_doubtful_again(writer: Writer, client: WarehouseClient):
    show(writer, SHANGHAI, 20.5, "a")
    for days in (10.5, 5.5):
        end_round(client, SHANGHAI, days)
    for closed_after, closed in ((2, 1), (3, 0), (1, 1)):
        write_rule(client, LifecycleRule(closed_after))
        agree(client)
        assert count_closed(client) == closed


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_posting_in_doubt_is_asked_about_on_a_day_that_began_amid_the_refresh(
    writer: Writer, client: WarehouseClient, open_client: Callable[[], WarehouseClient], is_killed: bool
):
    """Time does not pass for the test: a shorter wait is written as one that was long known, and closes what waits."""
    client.command(f"INSERT INTO lifecycle_rule (closed_after, wait_days, set_at) VALUES (2, 30, '{ago(9):%Y-%m-%d %H:%M:%S}')")
    show(writer, SHANGHAI, 20.5, "a")
    show(writer, OTHER, 20.45, "a")
    for days in (10.5, 5.5):
        end_round(client, SHANGHAI, days)
    for table in ("boss_job", "job_sighting", "crawl_round"):
        update(client, table, "stored_at = stored_at - INTERVAL 5 DAY")
    run_refresh(client)
    client.command(f"INSERT INTO lifecycle_rule (closed_after, wait_days, set_at) VALUES (2, 1, '{ago(8):%Y-%m-%d %H:%M:%S}')")
    assert count_closed(client) == 0
    # it has begun to read the day before, and committed today
    update(client, "job_change", "read_until = read_until - INTERVAL 1 DAY", "is_marker = 1 AND batch > 0")
    if is_killed:  # of the next one a first batch is there, which has read nothing to its end
        client.command(
            "INSERT INTO job_change (generation, batch, is_marker, rules, attempt, read_until, seen_after) "
            "SELECT generation, batch + 1, 1, rules, 1, read_until, seen_after FROM job_change WHERE is_marker = 1 AND batch = 1"
        )
    assert count_closed(open_client()) == 1
