"""Reports are on disk whole or not at all, and are found again."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest

from jobdata_scrapy.report.write import ReportError, list_expired_reports, list_reports, read_report, write_report


def test_both_files_are_written_and_read_back(tmp_path, make_report, make_page):
    report = make_report([make_page()])
    json_path, html_path = write_report(report, tmp_path / "data" / "reports")
    assert read_report(json_path) == report
    assert "数据分析" in json_path.read_text("utf-8")
    assert html_path.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert sorted(path.name for path in json_path.parent.iterdir()) == sorted([json_path.name, html_path.name])


def test_a_failed_write_leaves_the_old_report_and_no_rest(tmp_path, make_report, monkeypatch):
    report = make_report([])
    json_path, html_path = write_report(report, tmp_path)
    before = html_path.read_bytes()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_report(make_report([], errors=["other"]), tmp_path)
    assert html_path.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {json_path.name, html_path.name}


@pytest.mark.parametrize("run_id", ["../evil", "", ".hidden", "a/b", "x" * 101])
def test_a_run_id_that_is_no_file_name_is_refused(tmp_path, make_report, run_id):
    with pytest.raises(ValueError, match="run_id"):
        write_report(make_report([], run_id=run_id), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_report_comes_first(tmp_path, make_report):
    for age, run_id in enumerate(["b", "c", "a"]):
        path, _ = write_report(make_report([], run_id=run_id), tmp_path)
        os.utime(path, (1000 - age, 1000 - age))
    assert [path.stem for path in list_reports(tmp_path)] == ["b", "c", "a"]
    assert list_reports(tmp_path / "nothing") == []


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", json.dumps({"schema": 99})])
def test_a_damaged_or_newer_report_is_named(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ReportError, match=r"report x\.json"):
        read_report(path)


def test_old_reports_are_found_but_never_the_newest(tmp_path, make_report):
    for age, run_id in enumerate(["a", "b", "c"]):
        for path in write_report(make_report([], run_id=run_id), tmp_path):
            os.utime(path, (1_000_000 - age, 1_000_000 - age))
    everything = datetime(2020, 1, 1, tzinfo=UTC)
    assert [path.name for path in list_expired_reports(tmp_path, everything)] == ["b.html", "b.json", "c.html", "c.json"]
    assert list_expired_reports(tmp_path, datetime.fromtimestamp(999_999, UTC)) == [tmp_path / "c.html", tmp_path / "c.json"]
    assert list_expired_reports(tmp_path / "nowhere", everything) == []
