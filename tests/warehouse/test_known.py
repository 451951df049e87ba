"""What the latest known version makes of a row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobdata_scrapy.items import RowState
from jobdata_scrapy.warehouse.known import Known, Version, to_milliseconds
from tests.warehouse.warehouse_parts import NOW, make_page

OURS = {"run_id": "run-1", "crawled_ms": to_milliseconds(NOW)}


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, (RowState.NEW, True)),
        (Version("h1", "run-0", 1, 1), (RowState.UNCHANGED, False)),
        (Version("h0", "run-0", 1, 1), (RowState.CHANGED, True)),
        (Version("h1", **OURS, versions=1), (RowState.NEW, False)),
        (Version("h1", **OURS, versions=2), (RowState.CHANGED, False)),
        (Version("h0", **OURS, versions=1), (RowState.CHANGED, True)),
        (Version("h1", "run-2", to_milliseconds(NOW), 1), (RowState.UNCHANGED, False)),
    ],
    ids=["unknown", "same content", "other content", "ours, first", "ours, later", "ours, other content", "of another run"],
)
def test_decides_by_the_latest_version(before: Version | None, expected: tuple[RowState, bool]):
    known = Known({("j1", "search"): before} if before else {})
    assert known.decide(make_page(), "j1", "h1") == expected


def test_the_list_row_says_nothing_of_the_detail_row():
    known = Known({("j1", "search"): Version("h1", "run-0", 1, 1)})
    assert ("j1", "detail") not in known
    assert known.decide(make_page(page_kind="detail_batch"), "j1", "h1") == (RowState.NEW, True)


def test_the_same_id_again_in_one_unit_meets_the_row_before_it():
    known = Known({})
    decisions = [known.decide(make_page(), "j1", content) for content in ("h1", "h1", "h2")]
    assert decisions == [(RowState.NEW, True), (RowState.UNCHANGED, False), (RowState.CHANGED, True)]


def test_milliseconds_are_cut_off_as_the_column_does():
    assert to_milliseconds(NOW) == 1795316645678
    assert to_milliseconds(NOW + timedelta(microseconds=99)) == 1795316645679
