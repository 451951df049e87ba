"""`scrapy tokens`: no value is ever shown whole, and none is taken from the command line."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from socket import gethostname

import pytest
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands.tokens import Command, read_expiry
from jobdata_scrapy.config import Config
from jobdata_scrapy.db.cipher import Cipher, make_key
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.exit_leases import ExitRules, lease_exit
from jobdata_scrapy.db.site_locks import close_lock, trip_lock
from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.leases import Owner
from tests.commands.command_parts import Runner, make_runner

VALUE = "a-secret-session-value-1234"
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@pytest.fixture
def run(tmp_path, capsys) -> Runner:
    return make_runner(Command, tmp_path, capsys, TOKEN_KEY=make_key())


@pytest.fixture
def add(run, monkeypatch):
    def add_one(*words: str, value: str = VALUE, name: str = ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{value}\n"))
        return run("add", "boss", *(["--name", name] if name else []), *words)

    return add_one


def test_a_key_is_made_that_works(run, monkeypatch):
    (key,) = run("key").lines
    monkeypatch.setattr("sys.stdin", io.StringIO(VALUE))
    assert run("add", "boss", TOKEN_KEY=key).out == "boss token-1: …1234 kept\n"


def test_only_the_end_of_a_value_is_shown(run, add):
    printed = [
        add("--expires", "7d", "--stdin").out,
        run("list").out,
        run("list", "boss", "--json").out,
        run("check").out,
        run("disable", "boss", "token-1", "--reason", "leaked").out,
        run("check", "boss", "token-1").out,
    ]
    assert not [text for text in printed if VALUE[:-4] in text]
    assert "…1234 kept, expires " in printed[0]
    assert printed[3] == "boss token-1: …1234 valid\n"
    assert printed[5] == "boss token-1: …1234 disabled (leaked)\n"
    assert json.loads(run("list", "--json").out)[0]["state"] == "disabled"


def test_a_removed_token_is_gone(run, add):
    add("--name", "mine")
    assert run("remove", "boss", "mine").lines == ["boss mine: removed"]
    assert run("list").lines == ["no tokens: `scrapy tokens add PLATFORM` adds one"]


def test_a_wrong_key_is_told_for_each_token(run, add):
    add()
    assert "TOKEN_KEY: does not open token 'token-1' of boss" in run("check", TOKEN_KEY=make_key()).out
    assert "TOKEN_KEY: is missing; make one with `scrapy tokens key`" in run("check", TOKEN_KEY="").out
    assert (run("check").code, run("check", TOKEN_KEY="").code) == (0, 1)


def test_a_token_disabled_by_hand_is_no_fault_and_a_time_tells_its_zone(run, add):
    assert add("--expires", "2030-12-31T18:00").out.endswith("kept, expires 2030-12-31 18:00 (Beijing)\n")
    run("disable", "boss", "token-1")
    assert run("check").code == 0
    head = next(line for line in run("list").lines if "platform" in line)
    assert "expires (Beijing)" in head
    assert "last_used (Beijing)" not in head  # never used: no time there


@pytest.mark.slow
def test_a_token_is_tried_on_the_site(run, add, sandbox):
    add(value="sandbox-token")
    add(value="nonsense")
    checked = run("check", "--ask", SANDBOX=sandbox.url, ROBOTSTXT_OBEY="true")
    lines = checked.lines
    assert checked.code == 1
    assert run("check", "boss", "token-1").code == 0
    assert run("check", "boss", "token-2").code == 1  # invalid by now
    assert "valid, the site answers: " in lines[0]
    assert lines[1].startswith("boss token-2: …se valid, the site says ")
    assert json.loads(run("list", "--json").out)[1]["state"] == "invalid"
    assert [(one["kind"], one["token"]) for one in sandbox.log()][:2] == [("robots", ""), ("search", "oken")]


@pytest.mark.slow
def test_robots_txt_is_asked_before_a_token_is_tried(run, add, sandbox):
    add(value="sandbox-token")
    sandbox.control({"site": "boss", "kind": "robots", "fault": "robots_refuse"})
    settings = {"SANDBOX": sandbox.url, "ROBOTSTXT_OBEY": "true"}
    assert "valid, not asked: robots.txt of " in run("check", "--ask", **settings).out
    sandbox.reset()
    sandbox.control({"site": "boss", "kind": "robots", "fault": "robots_captcha"})
    assert "answered a page instead of rules; that is no permission" in run("check", "--ask", **settings).out
    assert {one["kind"] for one in sandbox.log()} == {"robots"}
    assert "the site answers: " in run("check", "--ask", SANDBOX=sandbox.url, ROBOTSTXT_OBEY="false").out


@pytest.mark.slow
def test_tokens_are_tried_at_the_pace_of_the_exit_and_where_no_crawl_is_in_the_way(run, add, sandbox, tmp_path):
    add(value="sandbox-token")
    add(value="nonsense", name="second")
    pace = {"SANDBOX": sandbox.url, "ROBOTSTXT_OBEY": "true", "SLEEP_MIN_SECONDS": "0.4", "SLEEP_MAX_SECONDS": "0.5"}
    assert run("check", "--ask", **pace).out.count("the site ") == 2
    log = sandbox.log()
    assert [one["kind"] for one in log] == ["robots", "search"] * 2
    assert min(later["time"] - earlier["ended"] for earlier, later in pairwise(log)) >= 0.4
    database = open_database(Config(_env_file=None, jobdata_dir=tmp_path))
    trip_lock(database, "boss", "by hand", 900)
    assert "not asked: the site is locked" in run("check", "boss", "second", "--ask", SANDBOX=sandbox.url).out
    close_lock(database, "boss")
    assert lease_exit(database, Cipher(), "boss", Owner("a crawl", gethostname()), ExitRules()) is not None
    assert "not asked: all exits are held by crawls" in run("check", "boss", "second", "--ask", SANDBOX=sandbox.url).out
    database.close()


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        (["add", "boss"], {"TOKEN_KEY": ""}, "^TOKEN_KEY: is missing; make one with `scrapy tokens key`"),
        (["add", "boss"], {"TOKEN_KEY": "short"}, "^TOKEN_KEY: is no key of 32 bytes"),
        (["add", "bos"], {}, "^platform: 'bos' is unknown"),
        (["add", "qcwy"], {}, "^platform: qcwy is asked without a token"),
        (["add", "boss", "--expires", "soon"], {}, "^expires: 'soon' is neither a time such as"),
        (["add", "boss", "--expires", "2020-01-01"], {}, "^expires: the token has expired at 2020-01-01 00:00 \\(Beijing\\)$"),
        (["add", "boss", VALUE], {}, "unrecognized arguments"),
        (["check", "boss", "x"], {}, "^token: 'x' is not there$"),
        (["disable", "boss", "x"], {}, "^token: 'x' of boss is not there"),
        (["remove", "boss"], {}, "^scrapy tokens remove: the following arguments are required: name$"),
    ],
)
def test_what_is_wrong_is_one_line(run, monkeypatch, words, settings, message):
    monkeypatch.setattr("sys.stdin", io.StringIO(VALUE))
    with pytest.raises(UsageError, match=message):
        run(*words, **settings)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12h", NOW + timedelta(hours=12)),
        ("7d", NOW + timedelta(days=7)),
        ("2026-12-31", datetime(2026, 12, 30, 16, tzinfo=UTC)),
        ("2026-12-31T18:00", datetime(2026, 12, 31, 10, tzinfo=UTC)),
        ("2026-12-31T18:00:00+00:00", datetime(2026, 12, 31, 18, tzinfo=UTC)),
    ],
)
def test_expiry_is_read_in_beijing_time(text, moment):
    assert read_expiry(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "7", "0d", "tomorrow", "2026-13-01"])
def test_anything_else_is_no_expiry(text):
    with pytest.raises(ArgumentError):
        read_expiry(text, NOW)
