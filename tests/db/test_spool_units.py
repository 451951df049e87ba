"""Pages that went through the spool: their postings move in the ledger once, whoever comes first, and their rounds end."""

from __future__ import annotations

import itertools
from dataclasses import replace

import peewee as pw
import pytest

from jobdata_scrapy.coverage import Coverage, RoundState, finish
from jobdata_scrapy.db.coverage import find_rounds, open_round, save_round
from jobdata_scrapy.db.keywords import RoundReport, release_keyword, report_rounds
from jobdata_scrapy.db.spool_rounds import COUNTED_WITHIN, fail_round, find_uncounted, find_unsettled, round_keys, settle_round
from jobdata_scrapy.db.spool_units import KEPT_DAYS, WrittenUnit, find_orphans, forget_units, write_units
from jobdata_scrapy.exceptions import LeaseLost
from jobdata_scrapy.leases import Owner
from tests.db.queue_parts import ANNE, BEN, RULES, add, at, lease, row_of
from tests.spool.spool_parts import make_page

COUNTS = {"new": 20, "changed": 4, "unchanged": 5, "rejected": 1}


def coverage(**values) -> Coverage:
    return Coverage(**{"platform": "boss", "keyword": "数据分析", "city": "上海", "round": "r1.1", "run_id": "r1", **values})


def spooled(pages: int, before: Coverage | None = None) -> Coverage:
    """A round of which so many pages of 30 postings went to disk."""
    line = replace(before or coverage())
    line.pages_ok += pages
    line.seen += 30 * pages
    line.spooled += 30 * pages
    line.distinct += 30 * pages
    return line


def written(unit: str, line: Coverage | None = None) -> WrittenUnit:
    line = line or coverage()
    return WrittenUnit(unit, line.platform, line.keyword, line.city, line.round, COUNTS)


def kept(database: pw.Database, run_id: str = "r1") -> Coverage:
    (line,) = find_rounds(database, run_id)
    return line


def counts_of(line: Coverage) -> tuple[int, ...]:
    return (line.seen, line.new, line.changed, line.unchanged, line.rejected, line.spooled, line.distinct)


REPORT, WRITE = "report", "write"


@pytest.mark.parametrize("order", sorted(set(itertools.permutations([REPORT, REPORT, WRITE, WRITE]))))
def test_a_page_moves_once_in_any_order(database, order):
    open_round(database, coverage())
    for step in order:
        if step == REPORT:
            save_round(database, spooled(1), unit="u1")
        else:
            write_units(database, [written("u1")])
    line = kept(database)
    assert counts_of(line) == (30, 20, 4, 5, 1, 0, 29)
    assert line.adds_up


def test_a_page_that_was_never_reported_moves_nothing(database):
    save_round(database, spooled(1), unit="u1")
    write_units(database, [written("never reported")])
    assert counts_of(kept(database)) == counts_of(spooled(1))
    write_units(database, [written("of a round that is not there", coverage(round="r9.9"))])


def test_a_run_that_goes_on_learns_of_the_replay_with_its_next_report(database):
    """Another process replays while this one reports on from what it knows."""
    line = spooled(2)
    save_round(database, spooled(1), unit="u1")
    save_round(database, line, unit="u2")
    write_units(database, [written("u1")])
    line.pages_ok, line.seen, line.new, line.distinct = 3, line.seen + 30, line.new + 30, line.distinct + 30
    assert report_rounds(database, [RoundReport(line)], RULES) == [None]
    assert counts_of(line) == counts_of(kept(database)) == (90, 50, 4, 5, 1, 30, 89)
    write_units(database, [written("u1"), written("u2")])
    assert report_rounds(database, [RoundReport(line)], RULES) == [None]
    assert counts_of(line) == counts_of(kept(database)) == (90, 70, 8, 10, 2, 0, 88)
    assert kept(database).adds_up


def test_a_report_from_before_the_replay_lowers_nothing(database):
    save_round(database, spooled(1), unit="u1")
    save_round(database, spooled(2), unit="u2")
    write_units(database, [written("u1"), written("u2")])
    assert not save_round(database, spooled(1), unit="u1")
    assert counts_of(kept(database)) == (60, 40, 8, 10, 2, 0, 58)


def test_a_round_taken_over_by_another_run_is_moved_all_the_same(database):
    add(database, "数据")
    taken = lease(database)
    line = spooled(1, taken.coverage)
    assert report_rounds(database, [RoundReport(line, "u1")], RULES, now=at(1)) == [None]
    release_keyword(database, replace(taken, coverage=replace(line, state=RoundState.RUNNING)), "drained", RULES, now=at(2))
    again = lease(database, BEN, when=3)
    assert again.coverage.spooled == 30
    write_units(database, [written("u1", line)])
    goes_on = replace(again.coverage, pages_ok=2, seen=60, new=30, distinct=60)
    assert report_rounds(database, [RoundReport(goes_on)], RULES, now=at(4)) == [None]
    assert counts_of(kept(database, "ben")) == (60, 50, 4, 5, 1, 0, 59)
    assert isinstance(report_rounds(database, [RoundReport(line, "u2")], RULES, now=at(5))[0], LeaseLost)


def ended(line: Coverage, stop_reason: str, *, failed: bool = False, capped: bool = False) -> Coverage:
    line.uncovered_parts = "more" if capped else ""
    finish(line, stop_reason, capped=capped, failed=failed, stored=None)
    return line


@pytest.mark.parametrize(
    ("stop_reason", "options", "stored", "expected"),
    [
        ("end", {}, 29, (RoundState.DONE, "end")),
        ("end", {"capped": True}, 29, (RoundState.CAPPED, "end")),
        ("end", {}, 28, (RoundState.FAILED, "count_mismatch")),
        ("pages_limit", {}, 29, (RoundState.PARTIAL, "pages_limit")),
        ("drained", {}, 29, (RoundState.PARTIAL, "drained")),
        ("captcha", {"failed": True}, 29, (RoundState.PARTIAL, "captcha")),
    ],
)
def test_a_round_ends_as_it_would_have_ended(database, stop_reason, options, stored, expected):
    save_round(database, spooled(1), unit="u1")
    save_round(database, ended(spooled(1), stop_reason, **options))
    keys = round_keys([coverage()])
    assert find_unsettled(database, keys) == []
    write_units(database, [written("u1")])
    (line,) = find_unsettled(database, keys)
    assert (line.spooled, line.stored) == (0, None)
    for _ in range(2):
        settled = settle_round(database, keys[0], stored, RULES)
    assert settled is None
    assert (kept(database).state, kept(database).stop_reason, kept(database).stored) == (*expected, stored)
    assert find_unsettled(database, keys) == []


@pytest.mark.parametrize(("stop_reason", "waits"), [("end", True), ("pages_limit", True), ("drained", True), ("captcha", False)])
def test_a_round_that_could_not_be_counted_is_found_and_settled(database, stop_reason, waits):
    line = replace(coverage(), pages_ok=1, seen=3, new=3, distinct=3)
    finish(line, stop_reason, capped=False, failed=stop_reason == "captcha", stored=None)
    save_round(database, line, at=at(0))
    assert find_uncounted(database, now=at(1) + COUNTED_WITHIN) == []
    assert find_uncounted(database, now=at(1)) == ([line] if waits else [])
    settled = settle_round(database, round_keys([line])[0], 3, RULES, now=at(1))
    assert (settled.state if settled else None) == (
        None if not waits else RoundState.DONE if stop_reason == "end" else RoundState.PARTIAL
    )
    assert find_uncounted(database, now=at(2)) == []


def test_a_page_that_nobody_will_report_is_an_orphan(database):
    """Its round belongs to another run by now, or has a page of its number without it."""
    open_round(database, coverage())
    save_round(database, spooled(2), unit="u2")
    page = {"round": "r1.1", "run_id": "r1", "keyword": "数据分析", "city": "上海"}
    given = {
        "u2": make_page(2, **page),  # reported
        "to come": make_page(3, **page),
        "read anew": make_page(2, **page),
        "lost": make_page(3, **page | {"run_id": "r0"}),
        "no line": make_page(3, **page | {"round": "r9.1"}),
    }
    write_units(database, [written("to come"), written("lost")])
    assert find_orphans(database, given.items()) == {"read anew", "lost"}


def test_a_round_that_goes_on_is_not_settled(database):
    save_round(database, spooled(1), unit="u1")
    write_units(database, [written("u1")])
    assert find_unsettled(database, round_keys([coverage()])) == []
    assert settle_round(database, round_keys([coverage()])[0], 29, RULES) is None


def end_in_queue(database: pw.Database, stop_reason: str = "end") -> Coverage:
    """A keyword whose round was read to its end, its only page on disk."""
    add(database, "数据")
    taken = lease(database)
    line = spooled(1, taken.coverage)
    assert report_rounds(database, [RoundReport(line, "u1")], RULES, now=at(1)) == [None]
    assert report_rounds(database, [RoundReport(ended(line, stop_reason))], RULES, now=at(2)) == [None]
    release_keyword(database, replace(taken, coverage=line), "spooled", RULES, now=at(2))
    return line


def test_a_keyword_whose_pages_wait_on_disk_is_not_leased_and_ends_with_its_round(database):
    line = end_in_queue(database)
    assert lease(database, BEN, when=1000) is None
    assert (row_of(database, "数据").state, row_of(database, "数据").attempts) == ("partial", 0)
    write_units(database, [written("u1", line)])
    settle_round(database, round_keys([line])[0], 29, RULES, now=at(1001))
    row = row_of(database, "数据")
    assert (row.state, row.last_error, row.released_by) == ("done", "", ANNE.name)
    assert lease(database, BEN, when=10_000) is None


def test_a_keyword_that_somebody_works_on_is_left_to_them(database):
    line = end_in_queue(database)
    assert lease(database, BEN, when=4000) is not None  # the pause is over: it sees that nothing is to be read
    write_units(database, [written("u1", line)])
    assert settle_round(database, round_keys([line])[0], 29, RULES, now=at(4001)) is None
    assert row_of(database, "数据").owner == BEN.name


def test_a_round_with_a_damaged_file_fails_and_its_keyword_is_read_anew(database):
    line = end_in_queue(database)
    for _ in range(2):
        fail_round(database, "boss", line.round, RULES, now=at(10))
    assert (kept(database, ANNE.name).state, kept(database, ANNE.name).stop_reason) == (RoundState.FAILED, "spool_damaged")
    row = row_of(database, "数据")
    assert (row.state, row.last_error) == ("failed", "spool_damaged")
    again = lease(database, Owner("carl"), when=1000)
    assert again.coverage.round != line.round
    assert fail_round(database, "boss", "no such round", RULES) is None


def test_old_units_are_forgotten_those_that_wait_are_not(database):
    save_round(database, spooled(1), unit="u1")
    write_units(database, [written("u2")])
    assert forget_units(database) == 0
    assert forget_units(database, now=at(0).replace(year=2126)) == 1
    assert KEPT_DAYS > 30
    write_units(database, [written("u1")])
    assert kept(database).spooled == 0
