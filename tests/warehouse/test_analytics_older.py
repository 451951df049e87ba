"""Tables of the older system: their rows (raw JSON, without a page_kind) are no postings, before or after a rebuild."""

from __future__ import annotations

import pytest

from jobdata_scrapy.warehouse.analytics import ask
from jobdata_scrapy.warehouse.analytics.refresh import refresh
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import NO_FILTERS, parse_filters
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.analytics_parts import sum_postings
from tests.warehouse.older_parts import OLDER_COMPANY, OLDER_JOB, write_as_older_system
from tests.warehouse.warehouse_parts import make_job, make_page

pytestmark = pytest.mark.slow


@pytest.fixture
def older(client: WarehouseClient) -> WarehouseClient:
    """With five of its rows and two postings of ours; one of hers, `o1`, we have met as well."""
    for sql in (OLDER_JOB, OLDER_COMPANY):
        client.command(sql)
    write_as_older_system(client)
    apply_schema(client)
    Writer(client).store(make_page([make_job("a"), make_job("o1")]))
    return client


def check(client: WarehouseClient, count: int) -> None:
    """The questions count what the view shows."""
    assert client.command("SELECT count() FROM job_analytics") == count
    assert sum_postings(client) == count
    assert [row[2] for row in ask(client, "quality", NO_FILTERS).rows][:1] == [count]
    assert ask(client, "postings", parse_filters(["keyword=Java"])).rows == [], "its keyword alone finds nothing"


def test_rows_of_the_older_system_are_not_counted(older: WarehouseClient):
    check(older, 2)
    write_as_older_system(older, "later")
    check(older, 2)
    Writer(older).store(make_page([make_job("olater2"), make_job("b")], number=2))
    check(older, 4)
    refresh(older, rebuild=True)
    check(older, 4)
