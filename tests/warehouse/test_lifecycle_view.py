"""The view says of all postings at once what the rule in Python says of each."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.crawl_rounds import write_rule
from jobdata_scrapy.warehouse.lifecycle import LifecycleRow, read_history, read_lifecycles
from jobdata_scrapy.warehouse.lifecycle_rule import LifecycleRule
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.lifecycle_parts import History, daily, insert_histories, set_pruned
from tests.warehouse.test_lifecycle_rule import RULE, SCENARIOS
from tests.warehouse.warehouse_parts import make_job, make_page

pytestmark = pytest.mark.slow
_examples = itertools.count()


def ago(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)


@pytest.fixture
def made(client: WarehouseClient) -> WarehouseClient:
    apply_schema(client, ["boss", "zhilian"])
    return client


def told(row: LifecycleRow) -> tuple[object, ...]:
    return row.first_seen, row.last_seen, row.sightings, row.closed_at, row.reopened_at, row.reopened


def expected(history: History, rule: LifecycleRule, pruned_until: datetime | None = None) -> tuple[object, ...]:
    one = history.judge(rule, pruned_until)
    return one.first_seen, one.last_seen, one.sightings, one.closed_at, one.reopened_at, one.reopened


def test_every_scenario_of_the_rule(made: WarehouseClient):
    histories = {name: history for name, (history, _) in SCENARIOS.items()}
    insert_histories(made, histories)
    for rule, pruned_until in ((RULE, None), (LifecycleRule(1, 3), None), (LifecycleRule(3, 60), ago(98))):
        write_rule(made, rule)
        set_pruned(made, pruned_until)
        rows = read_lifecycles(made, "boss", histories)
        assert {name: told(row) for name, row in rows.items()} == {
            name: expected(history, rule, pruned_until) for name, history in histories.items()
        }
        for name, history in histories.items():
            one = read_history(made, "boss", name, rule, history.now)
            assert one is not None
            assert one.lifecycle == history.judge(rule, pruned_until)


hours = st.integers(0, 40 * 24).map(lambda hour: hour / 24)
spans = st.tuples(hours, st.sampled_from([1 / 24, 6 / 24, 5.0, 20.0])).map(lambda pair: (pair[0], pair[0] + pair[1]))
rounds = st.sampled_from([f"r{number}" for number in range(6)])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to three searches whose complete rounds overlap, lie within one another, or never come."""
    names = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True))
    passes = {name: draw(st.lists(spans, max_size=7)) for name in names}
    shown: dict[str, list[tuple[float, str]]] = {}
    for name in names:
        own_rounds = rounds.map(lambda round, name=name: f"{name}{round}")
        shown[name] = draw(st.lists(st.tuples(hours, own_rounds), min_size=name == names[0], max_size=6))
    gone_rounds = st.tuples(st.sampled_from(names), rounds).map("".join)
    gone = draw(st.lists(st.tuples(hours, gone_rounds), max_size=2, unique_by=lambda one: one[1]))
    return History(passes, shown, gone, today=draw(st.sampled_from([21.0, 40.0, 60.0])))


rules = st.builds(LifecycleRule, st.integers(1, 4), st.sampled_from([1, 3, 10, 30]))
prunes = st.sampled_from([None, None, 30, 50]).map(lambda days: ago(days) if days else None)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(histories(), min_size=1, max_size=30), rules, prunes)
def test_any_history_is_judged_alike(
    made: WarehouseClient, given: list[History], rule: LifecycleRule, pruned_until: datetime | None
):
    prefix = f"{next(_examples)}:"
    named = {f"p{number}": history for number, history in enumerate(given)}
    insert_histories(made, named, prefix)
    write_rule(made, rule)
    set_pruned(made, pruned_until)
    rows = read_lifecycles(made, "boss", [f"{prefix}{name}" for name in named])
    assert {name.removeprefix(prefix): told(row) for name, row in rows.items()} == {
        name: expected(history, rule, pruned_until) for name, history in named.items()
    }


def test_it_says_the_same_before_and_after_parts_are_merged(made: WarehouseClient):
    passes, sightings = daily("a", range(9), [0, 1, 5])
    history = History({"a": passes}, {"a": sightings})
    insert_histories(made, {"p": history})
    history.sightings["a"] += [(1.07, "a1"), (1.09, "a1")]
    insert_histories(made, {"p": history})
    write_rule(made, RULE)
    before = read_lifecycles(made, "boss", ["p"])
    for table in ("job_sighting", "crawl_round"):
        made.command(f"OPTIMIZE TABLE {table} FINAL")
    assert read_lifecycles(made, "boss", ["p"]) == before
    assert told(before["p"]) == expected(history, RULE)


def test_a_look_up_reads_the_posting_not_the_table(made: WarehouseClient):
    """By the index of job_sighting, through the view as well."""
    made.command(
        "INSERT INTO job_sighting (platform, job_id, keyword, city, round, seen_at) "
        "SELECT 'boss', toString(number % 50000), 'k', '上海', toString(intDiv(number, 100)), now() - number "
        "FROM numbers(250000)"
    )
    made.command("OPTIMIZE TABLE job_sighting FINAL")
    plan = made.query("EXPLAIN indexes = 1 SELECT * FROM job_lifecycle WHERE platform = 'boss' AND job_id = '77'").result_rows
    lines = [line for (line,) in plan]
    start = next(place for place, line in enumerate(lines) if "by_posting" in line)
    granules = next(line for line in lines[start:] if "Granules:" in line)
    read, there = map(int, granules.split()[-1].split("/"))
    assert read <= 8 < there
    assert read_lifecycles(made, "boss", ["77"])["77"].sightings == 5


def test_versions_are_counted_by_kind_and_equal_ones_in_a_row_once(made: WarehouseClient):
    writer, start = Writer(made), datetime.fromisoformat("2026-11-01T00:00:00+00:00")
    for day, content in enumerate(["v1", "v1", "v2", "v1"]):
        page = make_page([make_job("p", content_hash=content)], round=f"r{day}", fetched_at=start.replace(day=day + 1))
        writer.store(page)
    writer.store(make_page([make_job("p", content_hash="d")], page_kind="detail", number=0, fetched_at=start))
    made.command(
        "INSERT INTO boss_job (job_id, page_kind, content_hash, crawled_at, run_id) "
        "SELECT job_id, page_kind, content_hash, crawled_at + 0.001, 'another process' FROM boss_job"
    )
    made.command("INSERT INTO boss_job (job_id, job_data) VALUES ('older', '{}')")  # as the older system writes
    row = read_lifecycles(made, "boss", ["p", "older"])["p"]
    assert (row.versions, row.detail_versions, row.sightings) == (3, 1, 4)
    assert row.first_seen == start
    assert made.command("SELECT count() FROM job_lifecycle") == 1
