"""The warehouse's copy of the ledger: which rounds may close postings, and that none is forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import peewee as pw
import pytest

from jobdata_scrapy.backend import round_copies
from jobdata_scrapy.backend.round_copies import RoundCopies
from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage import save_round
from jobdata_scrapy.db.ended_rounds import list_ended, list_places, read_ended
from jobdata_scrapy.report.health import make_limits
from jobdata_scrapy.warehouse.access import Warehouse
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.crawl_rounds import copied_until, find_missing, is_healthy, judge_rounds, write_rounds, write_rule
from jobdata_scrapy.warehouse.lifecycle_rule import LifecycleRule
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import make_config, make_job, make_page

LIMITS = make_limits(Config(_env_file=None))
DAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)


def make_line(number: int = 0, distinct: int = 30, **given: object) -> Coverage:
    line = Coverage("boss", "数据分析", "上海", f"round-{number}", f"run-{number}", total=distinct, pages_asked=1, pages_ok=1)
    line.seen = line.unchanged = line.distinct = line.stored = distinct
    line.state, line.stop_reason = RoundState.DONE, "end"
    return replace(line, **given)


@pytest.mark.parametrize(
    ("given", "healthy"),
    [
        ({}, True),
        ({"state": RoundState.CAPPED, "uncovered_parts": "the rest"}, False),
        ({"state": RoundState.PARTIAL, "stop_reason": "pages_limit"}, False),
        ({"state": RoundState.FAILED, "stop_reason": "blocked"}, False),
        ({"total": 60}, False),  # the site cut its list short
        ({"distinct": 0, "seen": 0, "unchanged": 0, "stored": 0, "total": 0}, False),  # what a site that hides postings shows
        ({"rejected": 1, "unchanged": 29, "distinct": 29, "stored": 29}, True),
        ({"rejected": 5, "unchanged": 25, "distinct": 25, "stored": 25}, False),  # refused, but shown
        ({"stored": 29}, False),
    ],
)
def test_a_healthy_round_is_complete_and_would_be_green(given: dict[str, object], healthy: bool):
    assert is_healthy(replace(make_line(), **given), [], LIMITS) is healthy


def test_a_healthy_round_looks_like_those_before_it():
    history = [make_line(number, distinct=100) for number in range(3)]
    assert is_healthy(make_line(9, distinct=80), history, LIMITS)
    assert not is_healthy(make_line(9, distinct=40), history, LIMITS)  # half of a city is missing
    assert not is_healthy(make_line(9, distinct=100, new=100, unchanged=0), history, LIMITS)  # the ids have changed


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[pw.Database]:
    database = open_database(make_config(tmp_path))
    yield database
    database.close()


def test_ended_rounds_come_in_order_and_in_pieces(ledger: pw.Database):
    for number in range(5):
        save_round(ledger, make_line(number), at=DAY + timedelta(hours=number // 2))
    save_round(ledger, make_line(9, state=RoundState.RUNNING), at=DAY)
    save_round(ledger, replace(make_line(8), platform="qcwy"), at=DAY + timedelta(days=1))
    first = list_ended(ledger, limit=3)
    rest = list_ended(ledger, first[-1].place)
    assert [one.coverage.round for one in first + rest] == [f"round-{number}" for number in (0, 1, 2, 3, 4, 8)]
    assert [one.coverage.round for one in list_ended(ledger, (DAY + timedelta(hours=1), 0), platform="boss")] == [
        "round-2", "round-3", "round-4",
    ]  # fmt: skip


def test_each_round_is_compared_with_those_before_it_only(ledger: pw.Database):
    for number, distinct in enumerate((100, 100, 30, 100)):
        save_round(ledger, make_line(number, distinct), at=DAY + timedelta(days=number))
    judged = judge_rounds(ledger, list_ended(ledger), Config(_env_file=None))
    assert [one.healthy for one in judged] == [True, True, False, True]
    unlike = judge_rounds(ledger, list_ended(ledger), Config(_env_file=None, monitor_history_rounds=0))
    assert [one.healthy for one in unlike] == [True] * 4


def store_round(client: WarehouseClient, number: int, day: datetime) -> None:
    """Two pages, the second ten minutes later."""
    writer = Writer(client)
    for page in range(2):
        jobs = [make_job(f"j{page}{one}") for one in range(3)]
        writer.store(make_page(jobs, round=f"round-{number}", number=page + 1, fetched_at=day + timedelta(minutes=10 * page)))


def read_copies(client: WarehouseClient) -> dict[str, tuple[object, ...]]:
    rows = client.query("SELECT round, state, healthy, started_at, finished_at FROM crawl_round FINAL").result_rows
    return {round: tuple(rest) for round, *rest in rows}


@pytest.mark.slow
def test_a_copy_has_the_times_of_its_sightings(client: WarehouseClient, ledger: pw.Database):
    apply_schema(client)
    store_round(client, 1, DAY)
    save_round(ledger, make_line(1, 6), at=DAY + timedelta(days=3))  # ended late: a page had waited in the spool
    save_round(ledger, make_line(2, state=RoundState.FAILED, stop_reason="blocked", seen=0, unchanged=0, distinct=0))
    rounds = list_ended(ledger)
    assert find_missing(client, rounds) == rounds
    for _ in range(2):
        write_rounds(client, judge_rounds(ledger, rounds, Config(_env_file=None)))
    assert find_missing(client, rounds) == []
    assert read_copies(client) == {
        "round-1": ("done", True, DAY, DAY + timedelta(minutes=10)),
        "round-2": ("failed", False, None, None),
    }
    save_round(ledger, make_line(2))  # settled since
    assert [one.coverage.round for one in find_missing(client, list_ended(ledger))] == ["round-2"]


@pytest.mark.slow
def test_a_round_whose_sightings_may_be_gone_is_copied_without_its_times(client: WarehouseClient, ledger: pw.Database):
    apply_schema(client)
    store_round(client, 1, DAY)
    save_round(ledger, make_line(1, 6))
    write_rounds(client, judge_rounds(ledger, list_ended(ledger), Config(_env_file=None)), DAY + timedelta(days=1))
    assert read_copies(client) == {"round-1": ("done", True, None, None)}


@pytest.mark.slow
def test_the_rule_is_written_when_it_changes_and_who_differs_is_told(client: WarehouseClient, caplog):
    apply_schema(client)
    told = [write_rule(client, rule) for rule in (LifecycleRule(), LifecycleRule())]
    assert told == [True, False]
    assert caplog.messages == []
    assert [write_rule(client, rule) for rule in (LifecycleRule(3, 30), LifecycleRule())] == [True, True]
    one = "CLOSED_AFTER_ROUNDS=3, CLOSED_WAIT_DAYS=30"
    other = "CLOSED_AFTER_ROUNDS=2, CLOSED_WAIT_DAYS=30"
    assert caplog.messages == [
        f"the rule of closed postings changes for all machines: {one}, before {other}",
        f"the rule of closed postings changes for all machines: {other}, before {one}",
    ]


@pytest.mark.slow
def test_rounds_of_several_sites_are_written_with_one_question_and_one_insert(client, ledger: pw.Database, caplog):
    apply_schema(client)
    store_round(client, 1, DAY)
    save_round(ledger, make_line(1, 6), at=DAY)
    save_round(ledger, replace(make_line(1, 6), platform="qcwy"), at=DAY)
    judged = judge_rounds(ledger, list_ended(ledger), Config(_env_file=None))
    with caplog.at_level(logging.DEBUG, "urllib3.connectionpool"):
        write_rounds(client, judged)
    assert len([line for line in caplog.messages if '"POST ' in line]) == 2, "its types are not asked for"
    spans = client.query("SELECT platform, started_at FROM crawl_round FINAL ORDER BY platform").result_rows
    assert spans == [("boss", DAY), ("qcwy", None)], "a round's name is of its site"


class Clock:
    """Seconds that pass when somebody sleeps; `waits`: how long each wanted to, `go` lets it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self.go = asyncio.Event()

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await self.go.wait()
        self.go.clear()
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def copies(client: WarehouseClient, ledger: pw.Database, tmp_path: Path, clock: Clock) -> AsyncIterator[RoundCopies]:
    """Over the very client of the test, so that it can be taken away."""
    apply_schema(client)
    opened = Warehouse(client.config)
    database = Worker("database", lambda: open_database(make_config(tmp_path)), lambda one: one.close())
    warehouse = Worker("warehouse", lambda: opened, Warehouse.close)
    yield RoundCopies(database, warehouse, client.config, monotonic=clock.monotonic, sleep=clock.sleep)
    await database.close(5)
    await warehouse.close(5)


@pytest.mark.slow
async def test_what_could_not_be_copied_comes_with_the_next_round(copies: RoundCopies, client, ledger, caplog):
    save_round(ledger, make_line(1))
    client.command("RENAME TABLE crawl_round TO away")
    with caplog.at_level(logging.WARNING):
        await copies.try_copy()
    assert "ended rounds are not in the warehouse yet" in caplog.text
    client.command("RENAME TABLE away TO crawl_round")
    save_round(ledger, make_line(2))
    await copies.try_copy()
    assert set(read_copies(client)) == {"round-1", "round-2"}
    assert client.query("SELECT closed_after, wait_days FROM lifecycle_rule").result_rows == [(2, 30)]


@pytest.mark.slow
async def test_only_what_is_new_is_copied_again(copies: RoundCopies, client, ledger):
    for number in range(3):
        save_round(ledger, make_line(number))
        await copies.copy()
    assert client.command("SELECT count() FROM crawl_round") == 3
    save_round(ledger, make_line(0, rejected=0, new=1, unchanged=30, seen=31, distinct=31))
    await copies.copy()
    assert client.command("SELECT count() FROM crawl_round") == 4
    assert len(read_copies(client)) == 3


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - asks a real server
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_rounds_that_end_within_a_minute_are_copied_together_in_the_background(copies: RoundCopies, client, ledger, clock):
    await copies.try_copy()
    clock.now += 20
    for number in range(3):
        save_round(ledger, make_line(number))
        copies.copy_soon()
        await asyncio.sleep(0)
    assert clock.waits == [40.0]
    assert read_copies(client) == {}
    clock.go.set()
    await until(lambda: len(read_copies(client)) == 3)
    assert client.command("SELECT uniqExact(_part) FROM crawl_round") == 1, "one INSERT"
    save_round(ledger, make_line(3))
    copies.copy_soon()
    await until(lambda: len(clock.waits) == 2)
    await copies.close()
    assert len(read_copies(client)) == 4, "what waits for its minute is copied at the end"


@pytest.mark.slow
async def test_a_last_copy_that_fails_or_takes_too_long_is_only_told(copies: RoundCopies, client, ledger, caplog, monkeypatch):
    monkeypatch.setattr(round_copies, "LAST_SECONDS", 0.2)
    await copies.close()
    assert caplog.messages == [], "never asked to copy: the warehouse is left alone"
    await copies.try_copy()
    caplog.clear()
    save_round(ledger, make_line(1))
    async with copies._alone:  # a copy that does not come back
        await copies.close()
    client.command("RENAME TABLE crawl_round TO away")
    await copies.close()
    assert ["no answer within 0.2 s" in caplog.messages[0], "cannot be read" in caplog.messages[1]] == [True, True]


@pytest.mark.slow
async def test_what_another_process_has_copied_is_not_written_again(copies: RoundCopies, client, ledger):
    await copies.copy()
    save_round(ledger, make_line(1))
    write_rounds(client, judge_rounds(ledger, list_ended(ledger), client.config))
    save_round(ledger, make_line(2))
    await copies.copy()
    assert client.command("SELECT count() FROM crawl_round") == 2


def test_places_are_those_of_the_rounds(ledger: pw.Database):
    for number in range(3):
        save_round(ledger, make_line(number), at=DAY + timedelta(hours=number))
    save_round(ledger, make_line(9, state=RoundState.RUNNING), at=DAY)
    places = list_places(ledger, (DAY, 0))
    assert places == [one.place for one in list_ended(ledger)]
    assert [one.coverage.round for one in read_ended(ledger, places[::2])] == ["round-0", "round-2"]


@pytest.mark.slow
async def test_another_process_goes_on_where_the_last_one_ended(copies: RoundCopies, client, ledger):
    save_round(ledger, make_line(1), at=DAY)
    write_rounds(client, judge_rounds(ledger, list_ended(ledger), client.config))
    save_round(ledger, make_line(2), at=DAY - timedelta(minutes=30))  # by a clock that is behind, or a slow transaction
    save_round(ledger, make_line(3), at=DAY + timedelta(days=1))
    assert copied_until(client) == DAY
    await copies.copy()
    assert set(read_copies(client)) == {"round-1", "round-2", "round-3"}
    client.command("INSERT INTO crawl_round (platform, round, ledger_at) VALUES ('boss', 'a clock ahead', now() + 86400)")
    assert copied_until(client) == DAY + timedelta(days=1)
