"""`scrapy report` shows a run again, or says in one line why not."""

from __future__ import annotations

import argparse
import json
import os

import pytest
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from jobdata_scrapy.commands.report import Command
from jobdata_scrapy.report.write import write_report

RUNS = ["20261120T010000-boss-aaaaaa", "20261121T010000-qcwy-bbbbbb", "20261122T010000-boss-cccccc"]


@pytest.fixture
def command(tmp_path, make_report, make_page):
    for age, run_id in enumerate(reversed(RUNS)):
        path, _ = write_report(make_report([make_page()], run_id=run_id), tmp_path / "reports")
        os.utime(path, (10_000 - age, 10_000 - age))
    command = Command()
    command.settings = Settings({"JOBDATA_DIR": str(tmp_path)})
    return command


def run(command: Command, *words: str) -> None:
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    opts, args = parser.parse_known_args(list(words))
    command.process_options(args, opts)
    command.run(args, opts)


def test_the_latest_run_is_shown_without_an_argument(command, capsys):
    run(command)
    out = capsys.readouterr().out
    assert f"run {RUNS[2]}" in out
    assert f"{RUNS[2]}.html" in out
    assert "KEPT" in out


@pytest.mark.parametrize("word", [RUNS[1], "20261121", "20261121T01"])
def test_a_run_is_found_by_its_id_or_a_unique_beginning(command, capsys, word):
    run(command, word)
    assert f"run {RUNS[1]}" in capsys.readouterr().out


def test_json_is_the_report_itself(command, capsys):
    run(command, RUNS[0], "--json")
    assert json.loads(capsys.readouterr().out)["run"]["run_id"] == RUNS[0]


def test_html_is_written_where_asked(command, capsys, tmp_path):
    target = tmp_path / "copy.html"
    run(command, RUNS[0], "--html", str(target))
    assert target.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert str(target) in capsys.readouterr().out


def test_the_list_is_newest_first_and_survives_a_damaged_file(command, capsys, tmp_path):
    (tmp_path / "reports" / "broken.json").write_text("{")
    run(command, "--list")
    captured = capsys.readouterr()
    positions = [captured.out.index(run_id) for run_id in reversed(RUNS)]
    assert positions == sorted(positions)
    assert "broken.json" in captured.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["20261129"], "RUN '20261129' is not known; nearest: 2026"),
        (["2026"], "RUN '2026' fits 3 runs"),
        (["../../etc/passwd"], "is not known"),
        (["a", "b"], "at most one RUN"),
        (["--what"], "at most one RUN"),
        ([RUNS[0], "--html", "/nowhere/at/all.html"], "--html /nowhere/at/all.html: cannot be written"),
    ],
)
def test_a_wrong_run_is_a_usage_error_in_one_line(command, words, message):
    with pytest.raises(UsageError) as caught:
        run(command, *words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_any_report_it_says_so(tmp_path):
    command = Command()
    command.settings = Settings({"JOBDATA_DIR": str(tmp_path)})
    with pytest.raises(UsageError, match="no report yet"):
        run(command)


def test_a_damaged_report_is_one_line(command, tmp_path):
    (tmp_path / "reports" / "zzz.json").write_text("{")
    with pytest.raises(UsageError, match=r"report zzz\.json: not a JobData report"):
        run(command, "zzz")
