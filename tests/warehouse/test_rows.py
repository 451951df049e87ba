"""Rows are the same at every retry, and the token is over the very rows."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.items import Company, RejectedRow, RowState
from jobdata_scrapy.warehouse.rows import company_block, insert_token, job_block, rejected_block, row_kind, sighting_block
from tests.warehouse.warehouse_parts import NOW, make_job, make_page


def test_job_rows_carry_the_page_they_came_from():
    page = make_page([make_job("a", skills=["Python"]), make_job("b")], number=7)
    block = job_block("boss", [(page, job) for job in page.jobs])
    assert block.table == "boss_job"
    assert len(block) == 2
    assert block.columns["job_id"] == ["a", "b"]
    assert block.columns["skills"] == [["Python"], []]
    assert block.columns["page"] == [7, 7]
    assert block.columns["search_city"] == ["上海", "上海"]
    assert block.columns["crawled_at"] == [NOW, NOW]
    assert block.columns["job_data"][0] == page.jobs[0].raw


def test_every_column_has_one_value_a_row():
    page = make_page([make_job("a")], companies=[Company("c1", "公司")], rejected=[RejectedRow("title", "missing")])
    blocks = [job_block("boss", [(page, page.jobs[0])]), company_block("boss", [(page, page.companies[0])])]
    blocks += [sighting_block([page]), rejected_block([page])]
    assert {len(values) for block in blocks for values in block.columns.values()} == {1}


def test_repeated_postings_and_detail_pages_are_no_sightings():
    page = make_page([make_job("a"), make_job("b", state=RowState.REPEATED)])
    detail = make_page([make_job("c")], page_kind="detail", number=0)
    assert sighting_block([page, detail]).columns["job_id"] == ["a"]


def test_a_batch_of_details_gives_detail_rows():
    assert [row_kind(kind) for kind in ("search", "detail", "detail_batch", "company")] == [
        "search",
        "detail",
        "detail",
        "company",
    ]


def test_rejected_rows_without_an_id_are_told_apart():
    page = make_page(rejected=[RejectedRow("job_id", "missing", raw={"x": 1}), RejectedRow("job_id", "missing", raw={"x": 2})])
    block = rejected_block([page])
    assert block.columns["position"] == [0, 1]
    assert len(set(block.columns["row_hash"])) == 2
    assert block.columns["rejected_at"] == [NOW, NOW]


def test_the_token_is_over_the_rows():
    page = make_page([make_job(name) for name in "abcd"])
    first, second = (job_block("boss", [(page, job) for job in half]) for half in (page.jobs[:2], page.jobs[2:]))
    tokens = [insert_token("round-1", block.table, orjson.dumps(block.columns)) for block in (first, second, first)]
    assert tokens[0] != tokens[1]
    assert tokens[0] == tokens[2]
    body = orjson.dumps(first.columns)
    assert insert_token("round-2", first.table, body) != tokens[0]
    assert insert_token("round-1", "qcwy_job", body) != tokens[0]


@given(st.datetimes(timezones=st.just(UTC)), st.text(st.characters(codec="utf-8")), st.floats(allow_nan=False) | st.none())
def test_the_token_of_the_same_rows_is_the_same(moment: datetime, text: str, number: float | None):
    def build():
        page = make_page([make_job("a", description=text, longitude=number)], fetched_at=moment)
        block = job_block("boss", [(page, page.jobs[0])])
        return insert_token("r", block.table, orjson.dumps(block.columns))

    assert build() == build()
