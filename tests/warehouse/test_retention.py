"""What RETENTION_DAYS lets go, goes; what other rows hang on, stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobdata_scrapy.config_values import MOST_DAYS
from jobdata_scrapy.exceptions import ConfigError, StorageError
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.crawl_rounds import write_rule
from jobdata_scrapy.warehouse.lifecycle_rule import LifecycleRule
from jobdata_scrapy.warehouse.retention import SHOWN, Expired, measure_expired, prune, read_pruned_until
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.ttl import apply_ttl, plan_ttl, read_ttl
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.analytics_parts import insert_round
from tests.warehouse.older_parts import OLDER_COMPANY, OLDER_JOB, write_as_older_system
from tests.warehouse.warehouse_parts import make_job, make_page

TODAY = datetime(2026, 11, 22, tzinfo=UTC)
# What a posting tells, in the order in which it stops to: the column that says whether -> all that goes with it.
TELLING: dict[str, dict[str, Any]] = {
    "salary_text": {
        "salary_text": "1-2万", "salary_low": 1.0, "salary_high": 2.0, "salary_unit": "万", "salary_months": 13,
        "monthly_low": 10000.0, "monthly_high": 20000.0,
    },
    "skills": {"skills": ["SQL"]}, "city": {"city": "上海", "district": "徐汇区", "area_code": "310104"},
    "company_id": {"company_id": "c1"}, "company_name": {"company_name": "字节"}, "url": {"url": "https://a.example/1"},
    "longitude": {"longitude": 121.4, "latitude": 31.2},
    "experience_text": {"experience_text": "1-3年", "experience_min": 1.0, "experience_max": 3.0},
    "degree_text": {"degree_text": "本科", "degree": "本科"},
    "company_size_text": {"company_size_text": "50-99人", "company_size_min": 50, "company_size_max": 99},
    "company_stage_text": {"company_stage_text": "A轮", "company_stage": "A轮"},
    "company_type_text": {"company_type_text": "民营"},
    "industry_text": {"industry_text": "电商"}, "job_type": {"job_type": "全职"}, "welfare": {"welfare": ["五险"]},
    "description": {"description": "做数据"}, "published_at": {"published_at": TODAY},
}  # fmt: skip


def ago(days: float) -> datetime:
    return TODAY - timedelta(days=days)


@pytest.fixture
def keep(client: WarehouseClient) -> Callable[..., WarehouseClient]:
    """`keep(boss_job=30)`: the client with this RETENTION_DAYS, its tables made."""

    def set_days(**days: int) -> WarehouseClient:
        client.config.retention_days.clear()
        client.config.retention_days.update(days)
        apply_schema(client, ["boss"])
        return client

    return set_days


def counts(expired: list[Expired]) -> dict[str, int]:
    return {one.name: one.count for one in expired}


@pytest.mark.slow
def test_up_to_when_sightings_were_pruned_is_kept_whatever_the_settings_say_later(keep: Callable[..., WarehouseClient]):
    client = keep(job_sighting=400)
    writer = Writer(client)
    assert (counts(prune(client, TODAY)), read_pruned_until(client)) == ({"job_sighting": 0}, None)
    for days in (500, 450, 420, 1):
        writer.store(make_page([make_job("seen")], fetched_at=ago(days), round=f"r{days}", run_id=f"r{days}"))
    assert (counts(measure_expired(client, TODAY)), read_pruned_until(client)) == ({"job_sighting": 2}, None)
    prune(client, TODAY)
    assert read_pruned_until(client) == ago(400)
    assert prune(keep(), TODAY) == []
    for days in (499, 498):
        writer.store(make_page([make_job("late")], fetched_at=ago(days), round=f"r{days}", run_id=f"r{days}"))
    writer.store(make_page([make_job("late")], fetched_at=ago(1), round="r1", run_id="late"))
    assert counts(prune(keep(job_sighting=430), TODAY)) == {"job_sighting": 1}
    assert read_pruned_until(client) == ago(400)


@pytest.mark.slow
def test_a_store_that_could_not_note_the_prune_is_left_alone(keep: Callable[..., WarehouseClient]):
    client = keep(boss_job=30, job_sighting=30)
    client.command("DROP TABLE sighting_prune")
    with pytest.raises(StorageError, match=r"the schema is behind \(sighting_prune\): run `scrapy warehouse migrate`"):
        prune(client, TODAY)


@pytest.mark.slow
def test_old_versions_go_but_never_the_latest_of_a_kind(keep: Callable[..., WarehouseClient]):
    client = keep(boss_job=30)
    writer = Writer(client)
    for days, content in ((90, "a"), (60, "b"), (40, "c"), (10, "d")):
        writer.store(make_page([make_job("changing", content_hash=content)], fetched_at=ago(days), run_id=content))
    writer.store(make_page([make_job("old")], fetched_at=ago(300)))
    writer.store(make_page([make_job("old", content_hash="x")], page_kind="detail", fetched_at=ago(200), run_id="x"))
    writer.store(make_page([make_job("old", content_hash="y")], page_kind="detail", fetched_at=ago(100), run_id="y"))

    (told,) = measure_expired(client, TODAY)
    assert (told.count, told.oldest, told.days) == (4, ago(200), 30)
    assert told.size is not None and told.size > 0  # noqa: PT018
    assert client.command("SELECT count() FROM boss_job") == 7, "asking deletes nothing"

    heard: list[Expired] = []
    assert counts(prune(client, TODAY, told=heard.append)) == {"boss_job": 4}
    assert [one.count for one in heard] == [4]
    left = client.query("SELECT job_id, page_kind, content_hash FROM boss_job ORDER BY ALL").result_rows
    assert left == [("changing", "search", "d"), ("old", "detail", "y"), ("old", "search", "hash of old")]
    assert counts(prune(client, TODAY)) == {"boss_job": 0}
    assert writer.store(make_page([make_job("old")], fetched_at=ago(0), run_id="again")).unchanged == 1


@pytest.mark.slow
def test_what_is_shown_of_a_posting_is_the_same_afterwards(keep: Callable[..., WarehouseClient]):
    """List rows and detail rows in turn, two alike, each pair telling less: the view takes a value from almost every pair."""
    client = keep(boss_job=30)
    writer, told = Writer(client), list(TELLING.values())
    for place in range(len(told) + 1):
        values = {"company_id": ""} | {name: value for one in told[place:] for name, value in one.items()}
        for half in (0.0, 0.5):
            job = make_job("j1", content_hash=f"{place + half}", **values)
            kind, moment = ("search", "detail")[place % 2], ago(100 - place - half)
            writer.store(make_page([job], page_kind=kind, fetched_at=moment, run_id=job.content_hash, round=job.content_hash))
    sql = "SELECT * EXCEPT first_crawled_at FROM job_analytics"
    shown = client.query(sql).first_row
    assert not {None, "", ()} & {tuple(value) if isinstance(value, list) else value for value in shown}

    assert counts(prune(client, TODAY)) == {"boss_job": len(told) + 1}
    assert client.query(sql).first_row == shown
    assert counts(prune(client, TODAY)) == {"boss_job": 0}


def test_every_value_that_the_view_takes_from_an_older_row_is_kept():
    view = (files("jobdata_scrapy.warehouse") / "schema" / "005_job_analytics.platform.sql").read_text()
    taken = re.findall(r",\s+\(([^,]+), row\.crawled_at\)", view)
    assert sorted(one.replace("row.", "") for one in taken) == sorted(SHOWN)
    assert len(TELLING) == len(SHOWN)


@pytest.mark.slow
def test_first_and_last_sighting_of_a_search_stay(keep: Callable[..., WarehouseClient]):
    client = keep(job_sighting=30)
    writer = Writer(client)
    for number, days in enumerate((400, 300, 200, 100, 1)):
        shown = [make_job("always"), *([make_job("gone")] if days >= 200 else [])]
        writer.store(make_page(shown, fetched_at=ago(days), round=f"r{number}", run_id=f"r{number}"))
        if days == 200:
            writer.store(make_page([make_job("gone")], fetched_at=ago(days), round="other", keyword="Java", run_id="other"))
    assert counts(measure_expired(client, TODAY)) == {"job_sighting": 4}
    prune(client, TODAY)
    left = client.query("SELECT job_id, keyword, seen_at FROM job_sighting ORDER BY job_id, seen_at, keyword").result_rows
    assert left == [
        ("always", "数据分析", ago(400)),
        ("always", "数据分析", ago(1)),
        ("gone", "数据分析", ago(400)),
        ("gone", "Java", ago(200)),
        ("gone", "数据分析", ago(200)),
    ]


@pytest.mark.slow
def test_what_is_told_of_a_posting_s_closing_is_the_same_afterwards(keep: Callable[..., WarehouseClient]):
    """Seen in every round; the page of one said that it was gone, of another that it was, and it came back."""
    client = keep(job_sighting=400)
    writer = Writer(client)
    for days in range(500, 460, -1):
        seen = {"always": True, "gone": days >= 480, "back": not 470 < days < 489}
        shown = [make_job(job_id) for job_id, is_shown in seen.items() if is_shown]
        writer.store(make_page(shown, fetched_at=ago(days), round=f"r{days}", run_id=f"r{days}"))
        insert_round(client, ("数据分析", "上海"), ago(days), ago(days - 0.1))
    rows = f"('boss', 'gone', 'r480', '{ago(479.9):%F %T}'), ('boss', 'back', 'r489', '{ago(488.9):%F %T}')"
    client.command(f"INSERT INTO job_gone (platform, job_id, round, gone_at) VALUES {rows}")
    sql = "SELECT job_id, first_seen, last_seen, closed_at, reopened_at, reopened FROM job_lifecycle ORDER BY job_id"
    before = client.query(sql).result_rows
    assert [(row[0], row[3] is None, row[5]) for row in before] == [("always", True, 0), ("back", True, 1), ("gone", False, 0)]
    assert counts(prune(client, TODAY)) == {"job_sighting": 38}
    write_rule(client, LifecycleRule.from_config(keep().config))  # as a crawl without RETENTION_DAYS does
    after = client.query(sql).result_rows
    assert [row[:4] for row in after] == [row[:4] for row in before]
    assert [row[5] for row in after] == [0, 1, 0]


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ages=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["search", "detail"]), st.integers(0, 60)), max_size=30))
def test_every_posting_keeps_the_latest_row_of_each_kind(keep: Callable[..., WarehouseClient], ages: list[tuple[str, str, int]]):
    client = keep(boss_job=30)
    client.command("TRUNCATE TABLE boss_job")
    rows: list[list[Any]] = [[job_id, kind, ago(days)] for job_id, kind, days in ages]
    if rows:
        client.run(lambda driver: driver.insert("boss_job", rows, column_names=["job_id", "page_kind", "crawled_at"]))
    latest = {key: min(days for *other, days in ages if tuple(other) == key) for key in {age[:2] for age in ages}}
    expected = sorted((*age[:2], ago(age[2])) for age in ages if age[2] <= 30 or age[2] == latest[age[:2]])
    told = counts(measure_expired(client, TODAY))
    prune(client, TODAY)
    left = client.query("SELECT job_id, page_kind, crawled_at FROM boss_job ORDER BY ALL").result_rows
    assert left == expected
    assert told == {"boss_job": len(ages) - len(left)}


@pytest.mark.slow
def test_rows_of_the_older_system_are_never_touched(client: WarehouseClient, keep: Callable[..., WarehouseClient]):
    client.command(OLDER_JOB)
    client.command(OLDER_COMPANY)
    write_as_older_system(client)
    keep(boss_job=1, boss_company=1)
    writer = Writer(client)
    for days, content in ((90, "a"), (60, "b")):
        writer.store(make_page([make_job("o1", content_hash=content)], fetched_at=ago(days), run_id=content))
    assert counts(prune(client, TODAY)) == {"boss_company": 0, "boss_job": 1}
    assert client.command("SELECT count() FROM boss_job WHERE page_kind = ''") == 5
    assert client.command("SELECT count() FROM boss_company") == 1


@pytest.mark.slow
def test_a_table_that_is_not_there_is_told(client: WarehouseClient):
    client.config.retention_days["bos_job"] = 5
    with pytest.raises(ConfigError, match="RETENTION_DAYS: there is no table 'bos_job' in database t"):
        measure_expired(client, TODAY)
    client.config.retention_days.clear()
    client.config.retention_days["boss_job"] = 5
    client.command(OLDER_JOB)
    with pytest.raises(StorageError, match="table boss_job is still the older system's: run `scrapy warehouse migrate`"):
        prune(client, TODAY)


@pytest.mark.slow
def test_what_is_kept_as_long_as_may_be_stays(keep: Callable[..., WarehouseClient]):
    client = keep(rejected_row=MOST_DAYS, job_sighting=MOST_DAYS)
    client.command("INSERT INTO rejected_row (platform, rejected_at) VALUES ('boss', now64(3))")
    client.command("OPTIMIZE TABLE rejected_row FINAL")
    assert client.command("SELECT count() FROM rejected_row") == 1
    oldest = "SELECT 'boss', 'j', toString(number), toDateTime(number) FROM numbers(3)"
    client.command(f"INSERT INTO job_sighting (platform, job_id, round, seen_at) {oldest}")
    assert counts(prune(client, TODAY)) == {"job_sighting": 1, "rejected_row": 0}
    assert read_pruned_until(client) == ago(MOST_DAYS)


@pytest.mark.slow
def test_the_ttl_follows_the_setting_and_is_left_alone_where_there_is_none(keep: Callable[..., WarehouseClient]):
    client = keep(rejected_row=90)
    engine = "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'rejected_row'"
    assert read_ttl(client.command(engine)) == "toDateTime(rejected_at) + toIntervalDay(90)"
    assert apply_ttl(client) == []
    client.config.retention_days["rejected_row"] = 30
    assert [what for what, _ in plan_ttl(client)] == ["retention: rejected_row is kept 30 days"]
    assert apply_schema(client, ["boss"]) == ["retention: rejected_row is kept 30 days"]
    client.config.retention_days.clear()
    assert apply_schema(client, ["boss"]) == []
    assert "toIntervalDay(30)" in client.command(engine)
    client.config.retention_days["rejected_row"] = 0
    assert apply_ttl(client) == ["retention: rejected_row is kept for ever"]
    assert read_ttl(client.command(engine)) == ""


@pytest.mark.slow
def test_rejected_rows_go_at_once_when_pruned(keep: Callable[..., WarehouseClient]):
    client = keep()
    rows = [["boss", "r1", ago(100)], ["boss", "r2", ago(1)]]
    client.run(lambda driver: driver.insert("rejected_row", rows, column_names=["platform", "row_id", "rejected_at"]))
    client.config.retention_days["rejected_row"] = 90
    assert counts(prune(client, TODAY)) == {"rejected_row": 1}
    assert client.query("SELECT row_id FROM rejected_row").result_rows == [("r2",)]


@pytest.mark.slow
def test_a_deletion_that_cannot_be_done_is_told(keep: Callable[..., WarehouseClient]):
    client = keep(boss_job=30)
    rows = [["a", "search", ago(90)], ["a", "search", ago(60)]]
    client.run(lambda driver: driver.insert("boss_job", rows, column_names=["job_id", "page_kind", "crawled_at"]))
    client.command("ALTER TABLE boss_job DELETE WHERE throwIf(1) SETTINGS mutations_sync = 0, validate_mutation_query = 0")
    with pytest.raises(StorageError, match=r"the deletion from boss_job fails: .*; see system.mutations"):
        prune(client, TODAY)
