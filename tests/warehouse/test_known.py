"""What the latest known version makes of a row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobdata_scrapy.items import RowState
from jobdata_scrapy.warehouse.known import Known, Version
from jobdata_scrapy.warehouse.rows import to_milliseconds
from tests.warehouse.warehouse_parts import NOW, make_page

AT = to_milliseconds(NOW)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([], (RowState.NEW, True)),
        ([Version(1, "h1", "run-0")], (RowState.UNCHANGED, False)),
        ([Version(1, "h0", "run-0")], (RowState.CHANGED, True)),
        ([Version(AT, "h1", "run-1")], (RowState.NEW, False)),
        ([Version(1, "h0", "run-0"), Version(AT, "h1", "run-1")], (RowState.CHANGED, False)),
        ([Version(AT, "h0", "run-1")], (RowState.CHANGED, True)),
        ([Version(AT, "h1", "run-2")], (RowState.UNCHANGED, False)),
        ([Version(1, "h1", "run-0"), Version(2, "h0", "run-0")], (RowState.CHANGED, True)),
        ([Version(1, "h1", "run-0"), Version(AT + 1, "h2", "run-2")], (RowState.UNCHANGED, False)),
        ([Version(1, "h0", "run-0"), Version(AT + 1, "h1", "run-2")], (RowState.UNCHANGED, False)),
        ([Version(1, "h0", "run-0"), Version(AT + 1, "h2", "run-2")], (RowState.CHANGED, True)),
        ([Version(AT, "h1", "run-1"), Version(AT + 1, "h2", "run-2")], (RowState.NEW, False)),
        ([Version(AT + 1, "h2", "run-2")], (RowState.CHANGED, True)),
    ],
    ids=[
        "unknown", "same content", "other content", "ours, first", "ours, later", "ours, other content", "of another run",
        "as it was once", "as before, changed later", "changed later to this", "another content in between",
        "ours, changed since", "known only later",
    ],
)  # fmt: skip
def test_decides_by_the_versions_before_and_after(versions: list[Version], expected: tuple[RowState, bool]):
    known = Known({("j1", "search"): versions} if versions else {})
    assert known.decide(make_page(), "j1", "h1") == expected


def test_the_list_row_says_nothing_of_the_detail_row():
    known = Known({("j1", "search"): [Version(1, "h1", "run-0")]})
    assert ("j1", "detail") not in known
    assert known.decide(make_page(page_kind="detail_batch"), "j1", "h1") == (RowState.NEW, True)


@pytest.mark.parametrize("written", [[], [Version(AT, "h1", "run-1")]], ids=["first attempt", "after a lost answer"])
def test_the_same_id_again_in_one_unit_meets_the_row_before_it(written: list[Version]):
    known = Known({("j1", "search"): list(written)})
    decisions = [known.decide(make_page(), "j1", content) for content in ("h1", "h1", "h2")]
    assert decisions == [(RowState.NEW, not written), (RowState.UNCHANGED, False), (RowState.CHANGED, True)]


def test_milliseconds_are_cut_off_as_the_column_does():
    assert to_milliseconds(NOW) == 1795316645678
    assert to_milliseconds(NOW + timedelta(microseconds=99)) == 1795316645679
