"""What is kept of the analytics: beside each other while it is read anew, mended, dropped when nobody reads it any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.warehouse.analytics import QUESTIONS, ask, images, journal, refresh, tidy
from jobdata_scrapy.warehouse.analytics.refresh import refresh as run_refresh
from jobdata_scrapy.warehouse.analytics.state import NEVER, State, read_states
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import NO_FILTERS
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.analytics_parts import number_page, sum_postings, update

pytestmark = pytest.mark.slow


def test_a_changed_rule_reads_everything_anew_beside_what_is_there(
    writer: Writer, client: WarehouseClient, open_client: Callable[[], WarehouseClient], monkeypatch
):
    writer.store(number_page(1))
    run_refresh(client)
    for module in (journal, refresh):
        monkeypatch.setattr(module, "RULES", images.RULES + 1)
    newer = open_client()  # as a process with newer code
    assert run_refresh(newer)[0].generation == 2
    assert sum_postings(newer) == 2


def test_a_count_that_is_lost_is_noticed_and_mended(
    writer: Writer, client: WarehouseClient, open_client: Callable[[], WarehouseClient], caplog
):
    for number in (1, 2):
        writer.store(number_page(number))
        run_refresh(client)
    client.command("TRUNCATE TABLE job_cube")
    assert sum_postings(open_client()) == 4
    assert "2 batches were committed and 0 counted; everything is read anew" in caplog.text


def test_asking_makes_the_tables_that_are_missing(client: WarehouseClient):
    assert [name for name in QUESTIONS if ask(client, name, NO_FILTERS).rows] == []


def test_a_generation_of_newer_rules_is_left_alone(
    writer: Writer, client: WarehouseClient, open_client: Callable[[], WarehouseClient], monkeypatch
):
    writer.store(number_page(1))
    run_refresh(client)
    for module in (journal, refresh):
        monkeypatch.setattr(module, "RULES", images.RULES - 1)
    older = open_client()  # as a process with older code
    told = rf"^analytics: a newer version of this program has made it \(rules {images.RULES}, here {images.RULES - 1}\); update"
    with pytest.raises(StorageError, match=told):
        run_refresh(older)
    assert [state.generation for state in read_states(client)] == [1]
    assert run_refresh(older, rebuild=True)[0].generation == 2, "who goes back to older code on purpose can"
    assert sum_postings(older) == 2


def test_a_replaced_generation_is_dropped_once_nobody_reads_it(
    writer: Writer, client: WarehouseClient, open_client: Callable[[], WarehouseClient]
):
    writer.store(number_page(1))
    run_refresh(client)
    run_refresh(client, rebuild=True)
    writer.store(number_page(2))
    run_refresh(client)
    assert client.command("SELECT uniqExact(generation) FROM job_latest") == 2, "who began to read it may end"
    update(client, "job_change", "committed_at = committed_at - INTERVAL 11 MINUTE")
    writer.store(number_page(3))
    run_refresh(open_client())
    for table in ("job_latest", "job_cube", "job_change"):
        assert client.command(f"SELECT groupUniqArray(generation) FROM {table}") == "[2]"
    assert sum_postings(client) == 6


def state_of(generation: int, completed: timedelta | None) -> State:
    """Batch 100 of a generation that is complete since `completed`."""
    now = datetime.now(UTC)
    read_until, since = (NEVER, NEVER) if completed is None else (now, now - completed)
    return State(generation, 1, 100, 1, read_until, 0, 100, since)


JOURNAL = [("job_change", f"{generation}-{number}") for generation in (1, 2) for number in range(4)]


@pytest.mark.parametrize(
    ("partitions", "completed", "left"),
    [
        (JOURNAL, None, []),
        (JOURNAL, timedelta(minutes=9), []),
        (JOURNAL, timedelta(minutes=11), JOURNAL[:4]),
        (JOURNAL[4:], timedelta(minutes=9), JOURNAL[4:6]),
        ([("job_latest", "1"), ("job_cube", "2")], timedelta(minutes=11), [("job_latest", "1")]),
    ],
    ids=["being filled", "still read", "replaced", "applied long ago", "tables"],
)
def test_what_nobody_needs_any_more(partitions, completed, left):
    assert tidy.find_leftovers(partitions, state_of(2, completed), attempt=1) == left
