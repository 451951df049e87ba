"""`scrapy coverage`: what is covered, what is not, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands.coverage import Command
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage import save_round
from jobdata_scrapy.db.keyword_list import NewKeyword, add_keywords
from tests.commands.command_parts import Runner, make_runner

T0 = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@pytest.fixture
def run(tmp_path, capsys) -> Runner:
    database = open_database(Config(_env_file=None, jobdata_dir=tmp_path))
    lines = [
        Coverage("boss", "covered", "上海", "1", "r", total=60, distinct=60, pages_ok=2, state=RoundState.DONE),
        Coverage("boss", "cut off", "上海", "2", "r", total=900, cap=300, distinct=300, state=RoundState.CAPPED),
        Coverage("boss", "broken", "上海", "3", "r", total=60, distinct=30, state=RoundState.PARTIAL, stop_reason="captcha"),
        Coverage("qcwy", "under way", "上海", "4", "r"),
    ]
    for line in lines:
        save_round(database, line, at=T0)
    add_keywords(database, [NewKeyword("zhilian", "waiting", "北京")])
    database.close()
    return make_runner(Command, tmp_path, capsys)


def test_each_search_has_its_reason(run):
    why = {row["keyword"]: row["why"] for row in json.loads(run("--json").out)}
    assert why == {
        "covered": "read to the end",
        "cut off": "the site shows at most 300 a search: 600 of 900 out of reach",
        "broken": "captcha",
        "under way": "under way",
        "waiting": "not begun",
    }


def test_the_table_shows_it_and_counts(run):
    out = run().out
    assert "600 of 900 out of reach" in out
    assert "2026-11-22 14:00" in out  # Beijing time
    assert out.splitlines()[-1] == "1 partial, 1 done, 1 capped, 1 running, 1 never"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--platform", "qcwy"], ["under way"]),
        (["--keyword", "covered", "--city", "上海"], ["covered"]),
        (["--platform", "boss", "--keyword", "covered", "--city", "上海市"], ["covered"]),
        (["--state", "capped"], ["cut off"]),
        (["--state", "never"], ["waiting"]),
        (["--platform", "boss", "--limit", "1"], ["broken"]),
    ],
)
def test_filters(run, words, found):
    assert [row["keyword"] for row in json.loads(run(*words, "--json").out)] == found


def test_an_empty_ledger_says_so(tmp_path, capsys):
    empty = make_runner(Command, tmp_path, capsys)
    assert empty().lines[-1] == "nothing was crawled yet, and the queue is empty"


def test_a_filter_that_nothing_passes_says_so(run):
    assert run("--keyword", "nothing").lines[-1] == "no search has keyword 'nothing'"
    assert run("--platform", "qcwy", "--state", "done").lines[-1] == "no search has platform 'qcwy', state 'done'"


def test_a_table_that_is_cut_says_so(run):
    assert run("--limit", "3").lines[-1] == "these are the first 3 only: --limit shows more"
    assert "first" not in run("--limit", "5").out


def test_a_database_that_does_not_answer_is_one_line(run):
    failed = run(DATABASE_URL="mysql://app:hunter2@127.0.0.1:9/jobs")
    assert failed.code == 1
    assert failed.err.startswith("scrapy coverage: database mysql://127.0.0.1:9/jobs: error 2003")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--state", "gone"], "^scrapy coverage: argument --state: invalid choice: 'gone'"),
        (["--platform", "bos"], "^platform: 'bos' is unknown; allowed: boss"),
        (["--limit", "many"], "^scrapy coverage: argument --limit: 'many' must be a whole number from 1$"),
        (["--limit", "0"], "^scrapy coverage: argument --limit: '0' must be a whole number from 1$"),
        (["extra"], "^scrapy coverage: unrecognized arguments: extra$"),
    ],
)
def test_what_is_wrong_is_one_line(run, words, message):
    with pytest.raises(UsageError, match=message):
        run(*words)
