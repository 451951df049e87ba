"""The analytics follows the tables: what it keeps after any number of refreshes, killed ones too, is what a rebuild makes."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from jobdata_scrapy.warehouse.analytics import ask, staging
from jobdata_scrapy.warehouse.analytics.refresh import refresh as run_refresh
from jobdata_scrapy.warehouse.analytics.state import read_states
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import NO_FILTERS, parse_filters
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.analytics_parts import BEGIN, Killed, draw_page, kill_at, number_page, read_everything, sum_postings

pytestmark = pytest.mark.slow
STEPS = ("counted", "staged", "committed", "latest", "applied")


def refresh_killed(client: WarehouseClient, step: str, **options: int) -> None:
    with pytest.raises(Killed):
        run_refresh(client, checkpoint=kill_at(step), **options)


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(9, ["", "committed"])  # killed after the first of several batches
@given(st.integers(0, 2**32), st.lists(st.sampled_from(["", "", *STEPS]), min_size=2, max_size=4))
def test_refreshes_come_to_what_a_rebuild_makes(writer: Writer, client: WarehouseClient, seed: int, ends: list[str]):
    draw = random.Random(seed)
    for table in (
        "boss_job",
        "qcwy_job",
        "zhilian_job",
        "job_sighting",
        "job_gone",
        "job_latest",
        "job_change",
        "job_cube",
        "job_stage",
    ):
        client.command(f"TRUNCATE TABLE {table}")
    for end in ends:
        for _ in range(draw.randint(1, 6)):
            writer.store(draw_page(draw))
        if draw.random() < 0.2:
            gone = (BEGIN + timedelta(days=draw.randint(0, 90))).strftime("%Y-%m-%d %H:%M:%S")
            client.command(
                "INSERT INTO job_gone (platform, job_id, round, gone_at) "
                f"VALUES ('boss', 'j{draw.randint(0, 11)}', 'r', '{gone}')"
            )
        rows_a_batch = draw.choice([5, 1000])
        if end:
            refresh_killed(client, end, rows_a_batch=rows_a_batch)
        else:
            run_refresh(client, rows_a_batch=rows_a_batch)
    kept = read_everything(client, run_refresh(client)[0].generation)
    rebuilt = read_everything(client, run_refresh(client, rebuild=True)[0].generation)
    assert kept == rebuilt
    assert kept[0]


@pytest.mark.parametrize("step", STEPS)
def test_a_refresh_killed_at_any_step_counts_nothing_twice(writer: Writer, client: WarehouseClient, step: str):
    writer.store(number_page(1))
    run_refresh(client)
    writer.store(number_page(2))
    refresh_killed(client, step)
    writer.store(number_page(3))
    assert sum_postings(client) == 6
    (state,) = read_states(client)
    assert state.applied == state.batch
    assert client.command("SELECT sum(sign) FROM job_latest") == 6
    assert client.command("SELECT count() FROM job_stage WHERE attempt = {a:UInt64}", {"a": state.attempt}) == 0


def test_a_refresh_in_many_batches_goes_on_where_it_was_killed(writer: Writer, client: WarehouseClient):
    for number in range(1, 7):
        writer.store(number_page(number, 5))
    batches = []

    def checkpoint(step: str) -> None:
        batches.append(step)
        if batches.count("applied") == 2:
            raise Killed

    with pytest.raises(Killed):
        run_refresh(client, checkpoint=checkpoint, rows_a_batch=10)
    assert read_states(client)[0].batch == 2
    assert not read_states(client)[0].complete
    assert sum_postings(client) == 30


def test_of_two_refreshes_at_once_one_is_kept(
    writer: Writer, client: WarehouseClient, open_client: Callable[[], WarehouseClient]
):
    writer.store(number_page(1))
    run_refresh(client)
    writer.store(number_page(2, 20))
    other, done = open_client(), []

    def in_between(step: str) -> None:
        if step == "staged" and not done:
            done.append(run_refresh(other))

    state, _ = run_refresh(client, checkpoint=in_between)
    assert done
    assert state.batch == done[0][0].batch, "what the other one has read is not read again"
    assert sum_postings(client) == 22


def test_many_processes_that_refresh_and_write_at_once_agree(
    writer: Writer, client: WarehouseClient, open_client: Callable[[], WarehouseClient]
):
    def work(number: int) -> None:
        own = open_client()
        own_writer = Writer(own)
        for place in range(4):
            own_writer.store(number_page(100 * number + place, 3))
            run_refresh(own)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum_postings(client) == 36
    kept = read_everything(client, read_states(client)[-1].generation)
    assert kept == read_everything(client, run_refresh(client, rebuild=True)[0].generation)


def test_a_late_page_is_not_missed(writer: Writer, client: WarehouseClient):
    writer.store(number_page(1, fetched_at=datetime(2026, 5, 1, tzinfo=UTC)))
    assert sum_postings(client) == 2
    writer.store(number_page(2, fetched_at=datetime(2026, 4, 1, tzinfo=UTC)))
    assert [row[0].isoformat() for row in ask(client, "postings", NO_FILTERS).rows] == ["2026-04-01", "2026-05-01"]


def test_a_known_posting_that_another_keyword_finds_is_found_by_both(writer: Writer, client: WarehouseClient):
    writer.store(number_page(1))
    run_refresh(client)
    writer.store(number_page(1, keyword="另一个", round="other", run_id="run-2"))
    for keyword in ("数据分析", "另一个"):
        assert sum(row[2] for row in ask(client, "postings", parse_filters([f"keyword={keyword}"])).rows) == 2


def test_what_another_process_has_read_is_seen(
    writer: Writer, client: WarehouseClient, open_client: Callable[[], WarehouseClient]
):
    writer.store(number_page(1))
    assert sum_postings(client) == 2
    writer.store(number_page(2))
    other = open_client()
    assert sum_postings(other) == sum_postings(client) == 4
    assert run_refresh(client)[0].batch == run_refresh(other)[0].batch == 2


def test_nothing_new_is_not_read_again(writer: Writer, client: WarehouseClient):
    writer.store(number_page(1))
    batch = run_refresh(client)[0].batch
    assert run_refresh(client)[0].batch == batch


def test_a_posting_that_both_halves_of_the_first_reading_show_is_counted_once(
    writer: Writer, client: WarehouseClient, monkeypatch: pytest.MonkeyPatch
):
    """As on a server that does not read the table as of one moment: whatever is counted, it was one row and then two."""
    writer.store(number_page(1))
    monkeypatch.setattr(staging, "COUNTS_SQL", "SELECT job_id FROM {platform}_job WHERE 1 OR 1")
    assert sum_postings(client) == 2
    assert client.command("SELECT count() FROM job_latest") == 2
