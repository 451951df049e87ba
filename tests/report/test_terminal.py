"""The report in a terminal and in a pipe."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from jobdata_scrapy.report.terminal import print_report


def show(report, **options) -> str:
    file = StringIO()
    print_report(report, Console(file=file, **options), html_path=Path("data/reports/x.html"))
    return file.getvalue()


def test_a_pipe_gets_plain_lines_that_are_not_cut(make_report, make_page):
    pages = [make_page(total=3), make_page(keyword="很长的关键词" * 8, rejected=1, total=4)]
    text = show(make_report(pages, errors=["x" * 290]), width=40)
    assert "\x1b" not in text
    assert "很长的关键词" * 8 + " / 上海" in text
    assert "error: " + "x" * 290 in text
    assert "report: data/reports/x.html" in text
    row = next(line for line in text.splitlines() if "total" in line and "2/2" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")][2:] == ["2/2", "7", "7", "6", "0", "0", "0", "1", "6"]
    assert text.rstrip().endswith("FAILED (exit code 1)")
    assert text.isascii() is False
    assert "│" not in text


def test_a_terminal_of_80_columns_holds_the_table(make_report, make_page):
    text = show(make_report([make_page(total=3)]), force_terminal=True, width=80, color_system="standard")
    assert "\x1b[" in text
    assert "数据分析 /" in text
    assert "KEPT (exit code 0)" in text


def test_brackets_in_a_keyword_are_text(make_report, make_page):
    assert "[bold red]x[/] / 上海" in show(make_report([make_page(keyword="[bold red]x[/]")]))


def test_what_was_rejected_or_unreadable_is_named(make_report, make_page):
    report = make_report([make_page(rejected=2)], prepare=lambda tally: tally.add_unreadable("salary", "?"))
    text = show(report)
    assert "rejected: job_id (missing) 2" in text
    assert "not readable, kept as text: salary 1" in text


def test_what_went_through_the_spool_is_told(make_report, make_page):
    report = make_report([make_page()])
    assert "spool" not in show(report)
    report["spool"] |= {
        "pages": 3,
        "postings": 90,
        "replayed_pages": 2,
        "replayed_postings": 60,
        "waiting_pages": 1,
        "damaged": ["x"],
    }
    text = show(report)
    assert "spool: 3 pages (90 postings) were kept on disk while the warehouse was away, 2 (60) written from there" in text
    assert "1 damaged files were set aside" in text
    del report["spool"]  # as an earlier version wrote it
    assert "KEPT" in show(report)


def test_sums_that_do_not_hold_are_shown(make_report, make_page):
    page = make_page()
    page.stored.new = 1
    assert "does not add up: seen: 3 against 1" in show(make_report([page]))
