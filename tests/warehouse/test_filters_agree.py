"""A filter keeps the same postings for a question as for an export, and those that plain Python would keep."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from jobdata_scrapy.warehouse.analytics import ask
from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.export import select_jobs
from jobdata_scrapy.warehouse.filters import parse_filters
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import make_config, make_job, make_page

pytestmark = pytest.mark.slow

BANDS: dict[str, tuple[float | None, float | None]] = {
    "none": (None, None), "zero": (0, 0), "below": (-8000, -4000), "about zero": (-4000, 4000), "low": (None, 4000),
    "usual": (8000, 12000), "open": (20000, None), "huge": (5e9, 6e9),
}  # fmt: skip
PAID = {"low", "usual", "open", "huge"}
SEEN = {"march": datetime(2026, 3, 9, 15, 59, 59, tzinfo=UTC), "next day": datetime(2026, 3, 9, 16, tzinfo=UTC)}  # Beijing's


@pytest.fixture(scope="module")
def stored(server_dir) -> Iterator[WarehouseClient]:
    """A posting of each band, on one day, and one more on the next."""
    client = connect(make_config(server_dir, clickhouse_db="filters_agree", local_server_idle_seconds=120))
    apply_schema(client)
    jobs = [
        make_job(name, salary_text=name, monthly_low=low, monthly_high=high, city=name, company_name="字节")
        for name, (low, high) in BANDS.items()
    ]
    writer = Writer(client)
    writer.store(make_page(jobs, fetched_at=SEEN["march"]))
    writer.store(make_page([make_job("next day", city="next day")], fetched_at=SEEN["next day"], number=2, run_id="run-2"))
    yield client
    client.command("DROP DATABASE IF EXISTS filters_agree")
    client.close()


def asked_and_exported(client: WarehouseClient, *words: str) -> tuple[set[str], set[str]]:
    """The postings (each in a city of its own) that a question counts, and those that an export writes."""
    filters = parse_filters(words)
    selection = select_jobs(client, filters, ["job_id"])
    counted = {value for value, *_ in ask(client, "distribution", filters, of="city").rows}
    return counted, {job_id for (job_id,) in client.query(selection.sql, selection.parameters).result_rows}


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("salary=0-", PAID),
        ("salary=0-0", set()),
        ("salary=-5000", {"low"}),
        ("salary=4000-20000", {"low", "usual", "open"}),
        ("salary=999999999-", {"huge"}),
        ("employer=字节", set(BANDS)),
    ],
)
def test_a_salary_of_nothing_or_less_is_in_no_band(stored: WarehouseClient, word: str, kept: set[str]):
    assert asked_and_exported(stored, word) == (kept, kept)


def test_a_salary_of_nothing_or_less_is_no_readable_one(stored: WarehouseClient):
    (row,) = [row for row in ask(stored, "quality", parse_filters([])).rows if row[1] == "salary_readable"]
    assert row[2:4] == (len(BANDS) + 1, len(PAID))
    (pay,) = ask(stored, "salary", parse_filters([]), by="degree").rows
    assert pay[1:3] == (len(BANDS) + 1, len(PAID))
    assert pay[-1] == 4_000_000_000, "the most that is counted"


@pytest.mark.parametrize(
    ("word", "days"),
    [
        *((f"to={day}", 2) for day in ("2026-03-10", "2149-06-05", "2149-06-06", "2149-06-07", "2299-12-31", date.max)),
        *((f"to={day}", 0) for day in ("2026-03-08", "1970-01-01", "1900-01-01", date.min)),
        *((f"from={day}", 2) for day in ("2026-03-09", "1970-01-01", "1900-01-01", date.min)),
        *((f"from={day}", 0) for day in ("2026-03-11", "2149-06-06", "2149-06-07", "2299-12-31", date.max)),
        ("to=2026-03-09", 1),
    ],
)
def test_days_may_lie_beyond_those_that_a_date_column_holds(stored: WarehouseClient, word: str, days: int):
    kept = {0: set(), 1: set(BANDS), 2: {*BANDS, "next day"}}[days]
    assert asked_and_exported(stored, word) == (kept, kept)
