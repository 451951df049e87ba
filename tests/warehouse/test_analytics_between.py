"""A question is more than one statement: another process may refresh between them and take away what was ranked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jobdata_scrapy.warehouse.analytics import QUESTIONS
from jobdata_scrapy.warehouse.analytics.refresh import refresh
from jobdata_scrapy.warehouse.analytics.relation import Ranked, Reader, open_reader
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import parse_filters
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import NOW, make_job, make_page

BEFORE = {"skills": ["Rare"], "company_name": "别的", "content_hash": "before"}
AFTER = {"skills": ["Go"], "company_name": "新的", "content_hash": "after"}


def open_interrupted(client: WarehouseClient, pairs: list[str], between: Callable[[], None]) -> Reader:
    """A reader in whose questions `between` happens after the names were ranked."""

    class Interrupted(Reader):
        def rank(self, topic: str, top: int) -> list[Ranked]:
            ranked = super().rank(topic, top)
            between()
            return ranked

    found = open_reader(client, parse_filters(pairs))
    return Interrupted(found.client, found.filters, found.generation, found.as_of)


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [[], ["site=boss"]], ids=["all", "filtered"])
@pytest.mark.parametrize(
    ("name", "options", "left"),
    [("skills", {}, ["Python"]), ("employers", {}, ["字节"]), ("salary", {"by": "title"}, ["数据分析师kept"])],
)
def test_what_is_gone_between_two_statements_is_left_out(
    writer: Writer,
    client: WarehouseClient,
    open_client: Callable[[], WarehouseClient],
    name: str,
    options: dict[str, Any],
    left: list[str],
    pairs: list[str],
):
    writer.store(make_page([make_job("kept", skills=["Python"], company_name="字节"), make_job("j", **BEFORE)]))
    other = open_client()

    def store_and_refresh() -> None:
        job = make_job("j", **AFTER)
        job.title = "另一个"
        Writer(other).store(make_page([job], run_id="run-2", round="round-2", fetched_at=NOW + timedelta(hours=1)))
        refresh(other)

    reader = open_interrupted(client, pairs, store_and_refresh)
    rows = QUESTIONS[name].function(reader, **options)
    assert [getattr(row, QUESTIONS[name].columns[0]) for row in rows] == left
