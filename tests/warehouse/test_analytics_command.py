"""`scrapy analytics`: the questions at the terminal and for programs."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import NoReturn

import pytest
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands.analytics import Command
from jobdata_scrapy.warehouse.analytics import QUESTIONS
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.writer import Writer
from tests.commands.command_parts import Runner, make_runner
from tests.warehouse.warehouse_parts import make_job, make_page


@pytest.fixture
def run(tmp_path: Path, capsys) -> Runner:
    return make_runner(Command, tmp_path, capsys)


@pytest.fixture
def run_stored(writer: Writer, client: WarehouseClient, server_dir: Path, capsys) -> Runner:
    """Against the test's own database, with three postings."""
    pay = {"salary_text": "10-20K", "monthly_low": 10000, "monthly_high": 20000, "city": "上海", "degree": "本科"}
    writer.store(make_page([make_job("a", **pay), make_job("b", **pay), make_job("c", city="北京")]))
    return make_runner(Command, server_dir, capsys, CLICKHOUSE_DB=client.database)


def test_the_questions_are_listed_without_a_warehouse(run: Runner):
    listed = json.loads(run("list", "--format=json").out)
    assert [one["question"] for one in listed] == list(QUESTIONS)
    assert listed[1]["options"] == {"by": "city, degree, experience, title", "top": "a whole number from 1 to 100000"}
    assert "跨站点重复职位" in run("list").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["weather"], "invalid choice: 'weather'"),
        ([], "the following arguments are required: SUBCOMMAND"),
        (["salary", "by"], "analytics: 'by' is not OPTION=VALUE; `scrapy analytics list` shows the options"),
        (["salary", "by=colour"], "analytics salary: by='colour'; allowed: city, degree, experience, title"),
        (["salary", "--filter", "site=nope"], "filter site: 'nope' is unknown; allowed: boss, qcwy, zhilian"),
        (["salary", "--format", "xml"], "argument --format: invalid choice: 'xml'"),
        (["list", "--rebuild"], "unrecognized arguments: --rebuild"),
    ],
)
def test_what_is_wrong_is_one_line(run: Runner, words: list[str], told: str):
    with pytest.raises(UsageError) as refused:
        run(*words)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_a_question_is_answered_as_a_table_and_as_json(run_stored: Runner):
    table = run_stored("salary", "by=city")
    assert (table.code, table.err) == (0, "")
    assert [line.split() for line in table.lines if "海" in line] == [["上海", "2", "2", *["15000"] * 5]]
    assert table.lines[-1].startswith("2 rows, as of 20")
    answer = json.loads(run_stored("distribution", "of=degree", "--filter", "city=上海", "--format", "json").out)
    assert answer["rows"] == [{"value": "本科", "postings": 2, "share": 1.0}]
    assert answer["filters"]["cities"] == ["上海"]
    assert answer["as_of"].endswith("+00:00")


@pytest.mark.slow
def test_a_refresh_says_how_far_it_came(run_stored: Runner):
    assert run_stored("refresh").out.endswith("(1 batches in generation 1)\n")
    assert json.loads(run_stored("refresh", "--rebuild", "--format", "json").out)["generation"] == 2


def test_a_warehouse_that_does_not_answer_is_one_line_and_exit_code_1(run: Runner):
    done = run("quality", CLICKHOUSE_HOST="127.0.0.1", CLICKHOUSE_PORT="1")
    assert done.code == 1
    assert done.err.startswith("scrapy analytics quality: ClickHouse (http://127.0.0.1:1) did not answer after ")
    assert done.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_refresh_is_one_line(
    run_stored: Runner, client: WarehouseClient, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
):
    """The signal comes with the first statement that is sent."""

    def interrupt(self: WarehouseClient, *_: object) -> NoReturn:
        signal.raise_signal(number)
        raise AssertionError("the signal did not end the statement")

    with monkeypatch.context() as patch:
        patch.setattr(WarehouseClient, "command", interrupt)
        patch.setattr(WarehouseClient, "query", interrupt)
        done = run_stored("refresh", "--rebuild")
    assert (done.code, done.out, done.err) == (code, "", "scrapy analytics: interrupted\n")
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)
    assert run_stored("refresh").code == 0
