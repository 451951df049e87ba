"""`scrapy keywords`: what an operator sees of the queue."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from openpyxl import Workbook
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands.keywords import Command
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.keyword_states import QueueRules
from jobdata_scrapy.db.keywords import RoundReport, lease_keyword, release_keyword, report_rounds
from jobdata_scrapy.leases import Owner
from tests.commands.command_parts import Runner, make_runner

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, capsys) -> Runner:
    return make_runner(Command, tmp_path, capsys)


@pytest.fixture
def database(tmp_path):
    database = open_database(Config(_env_file=None, jobdata_dir=tmp_path))
    yield database
    database.close()


def states(run: Runner, *words: str) -> dict[str, str]:
    return {f"{row['keyword']} {row['city']}": row["state"] for row in json.loads(run("list", *words, "--json").out)}


def test_keywords_are_added_and_added_again(run):
    added = run("add", "boss", "数据分析,Python", "--city", "上海，北京市", "--interval", "daily", "--priority", "7")
    assert added.lines == [f"boss {word} {city}: new" for word in ("数据分析", "Python") for city in ("上海", "北京")]
    assert run("add", "Boss直聘", "Python", "--city", "上海").lines == ["boss Python 上海: known"]
    assert run("add", "boss", "Python", "--city", "上海", "--priority", "9").lines == ["boss Python 上海: changed"]
    listed = run("list").out
    assert "4 pending" in listed
    assert "daily" in listed
    assert list(states(run, "boss", "Python")) == ["Python 上海", "Python 北京"]


def test_an_empty_queue_says_how_to_fill_it(run):
    assert "`scrapy keywords add`" in run("list").out


def test_what_a_list_leaves_out_is_told(run):
    run("add", "boss", "a,b,c")
    assert run("list", "--limit", "2").lines[-1] == "these are the first 2 of 3: --limit shows more"
    assert run("list").lines[-1] == "3 pending"
    assert run("list", "boss", "d").lines[-1] == "no keyword is like that"


def test_a_list_is_imported_and_bad_lines_are_told(run, tmp_path):
    book = Workbook()
    for row in (
        ["平台", "关键词", "城市", "间隔", "优先级"],
        ["boss", "数据分析", "上海市", "6h", 5],
        ["boss", "x", "哈尔冰", None, None],
    ):
        book.active.append(row)
    book.save(tmp_path / "list.xlsx")
    imported = run("import", str(tmp_path / "list.xlsx"))
    assert imported.lines[0].startswith("line 3: city: '哈尔冰' is unknown to boss; did you mean 哈尔滨")
    assert (imported.lines[1], imported.code) == ("1 new, 0 changed, 0 known, 1 bad lines left out", 1)
    (tmp_path / "list.csv").write_text("keyword\n数据分析\n", "utf-8")
    assert run("import", str(tmp_path / "list.csv"), "--platform", "qcwy").lines == [
        "1 new, 0 changed, 0 known, 0 bad lines left out"
    ]


def test_a_keyword_is_shown_with_its_rounds_and_revived(run, database):
    run("add", "boss", "数据分析", "--city", "上海")
    rules = QueueRules(max_attempts=1)
    lease = lease_keyword(database, "boss", Owner("r1", "node-1"), rules)
    lease.coverage.state, lease.coverage.stop_reason = RoundState.FAILED, "server_error"
    report_rounds(database, [RoundReport(lease.coverage)], rules)
    release_keyword(database, lease, "HTTP 500", rules)
    shown = run("show", "boss", "数据分析").out
    assert "state:       dead" in shown
    assert "HTTP 500" in shown
    assert lease.coverage.round in shown
    assert json.loads(run("show", "boss", "数据分析", "--json").out)[0]["rounds"][0]["stop_reason"] == "server_error"
    assert states(run, "--state", "dead") == {"数据分析 上海": "dead"}
    assert run("retry", "boss").lines == ["1 keywords are tried again"]
    assert states(run) == {"数据分析 上海": "pending"}


def test_keywords_are_paused_resumed_and_removed(run, database):
    run("add", "boss", "a,b,c")
    lease_keyword(database, "boss", Owner("r1"), QueueRules())
    assert run("pause", "boss", "b").lines == ["1 keywords paused"]
    assert "1 paused" in run("list").out
    assert run("resume", "boss").lines == ["1 keywords resumed"]
    assert run("remove", "boss", "b").lines == ["1 keywords removed"]
    assert run("remove", "boss", "--all").lines == [
        "1 keywords removed, 1 left: a process works on them (--force removes them, too)"
    ]
    assert run("remove", "boss", "a", "--force").lines == ["1 keywords removed"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"^scrapy keywords: the following arguments are required: SUBCOMMAND$"),
        (["drop"], "^scrapy keywords: argument SUBCOMMAND: invalid choice: 'drop'"),
        (["add", "boss"], "^scrapy keywords add: the following arguments are required: keyword$"),
        (["add", "bos", "x"], r"^platform: 'bos' is unknown; allowed: boss, qcwy, zhilian$"),
        (["add", "boss", "x", "--city", "上海2"], "^city: '上海2' is unknown to boss; did you mean 上海"),
        (["add", "boss", " "], "^keyword: ' ' must be 1 to 64 printable characters$"),
        (["add", "boss", "x", "--interval", "often"], "^interval: 'often' is not allowed; allowed: once, daily"),
        (["add", "boss", "x", "--priority", "12"], "^priority: '12' must be a digit from 0 to 9"),
        (["list", "--limit", "-5"], "^scrapy keywords list: argument --limit: '-5' must be a whole number from 1$"),
        (["list", "--state", "gone"], "^scrapy keywords list: argument --state: invalid choice: 'gone'"),
        (["show", "boss", "x"], "^keyword: 'x' is not in the queue of boss$"),
        (["remove", "boss"], "^keyword: is missing; name keywords, or give --state, or --all"),
        (["import", "nothing.csv"], "^file: 'nothing.csv' cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_one_line(run, words, message):
    with pytest.raises(UsageError, match=message):
        run(*words)


def test_a_database_that_does_not_answer_is_one_line_and_exit_code_1(run):
    failed = run("list", DATABASE_URL="mysql://app:hunter2@127.0.0.1:9/jobs")
    assert failed.code == 1
    assert failed.err.startswith("scrapy keywords list: database mysql://127.0.0.1:9/jobs: error 2003")
    assert "hunter2" not in failed.err


@pytest.mark.slow
def test_through_scrapy_itself(tmp_path):
    def scrapy(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "scrapy", "keywords", *words, "-s", f"JOBDATA_DIR={tmp_path}"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    added = scrapy("add", "boss", "数据分析", "--interval", "0 2 * * 1-5", "--priority", "3")
    assert (added.returncode, added.stdout, added.stderr) == (0, "boss 数据分析 全国: new\n", "")
    assert "0 2 * * 1-5" in scrapy("list", "boss", "--limit", "5").stdout
    wrong = scrapy("add", "boss", "x", "--priority", "12")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize("what", ["retry", "pause", "resume", "remove"])
def test_a_keyword_that_the_queue_does_not_have_is_refused_before_any_is_changed(run, what):
    run("add", "boss", "Java", "--city", "上海")
    with pytest.raises(UsageError, match="keyword: 'Jva' is not in the queue"):
        run(what, "boss", "Java,Jva")
    assert run("list").lines[-1] == "1 pending"
