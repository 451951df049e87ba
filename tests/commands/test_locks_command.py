"""`scrapy locks`: where the fleet stands still, and what was seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands.locks import Command
from jobdata_scrapy.config import Config
from jobdata_scrapy.db.anomalies import record_anomaly
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.leases import AnomalyEvent
from tests.commands.command_parts import Runner, make_runner

KEY = "boss|exit=http://127.0.0.1:1"


@pytest.fixture
def run(tmp_path, capsys) -> Runner:
    return make_runner(Command, tmp_path, capsys)


def test_a_lock_is_opened_listed_and_closed(run):
    assert run("list").lines == ["no lock was ever opened"]
    assert run("open", KEY, "--reason", "they asked us to wait", "--minutes", "90").out.startswith(f"{KEY}: open until 20")
    (lock,) = json.loads(run("list", "--json").out)
    assert (lock["key"], lock["state"], lock["reason"]) == (KEY, "open", "they asked us to wait")
    minutes = (datetime.fromisoformat(lock["open_until"]) - datetime.now(UTC)) / timedelta(minutes=1)
    assert 89 < minutes <= 90
    assert KEY in run("list").out
    assert run("close", KEY).lines == [f"{KEY}: closed"]
    assert run("close", KEY).lines == [f"{KEY}: was not open"]
    assert json.loads(run("list", "--json").out)[0]["state"] == "closed"


def test_a_lock_whose_time_is_over_waits_for_its_probe(run):
    run("open", "boss", LOCK_SECONDS="0")
    assert json.loads(run("list", "--json").out)[0]["state"] == "half_open"


def test_events_are_shown_newest_first(run, tmp_path):
    assert run("events").lines == ["no anomaly was seen"]
    database = open_database(Config(_env_file=None, jobdata_dir=tmp_path))
    for hour, platform in enumerate(("boss", "qcwy")):
        at = datetime(2026, 11, 22, hour, tzinfo=UTC)
        record_anomaly(database, AnomalyEvent(platform, "CAPTCHA", "3 of 5 answers", at, seen={"share": 0.6}))
    database.close()
    out = run("events").out
    assert out.index("qcwy") < out.index("boss")
    assert "share=0.6" in out
    assert [event["platform"] for event in json.loads(run("events", "boss", "--json").out)] == ["boss"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["open", "bos"], "^platform: 'bos' is unknown"),
        (["open", "boss|proxy=x"], r"^key: 'boss\|proxy=x' is not PLATFORM, 'PLATFORM\|exit=NAME' or"),
        (["close", "boss|exit="], "^key: "),
        (["open", "boss", "--minutes", "0"], "^minutes: 0 must be above 0 and at most 10080$"),
        (["open", "boss", "--minutes", "x"], "^scrapy locks open: argument --minutes: invalid float value: 'x'$"),
        (["events", "bos"], "^platform: 'bos' is unknown"),
    ],
)
def test_what_is_wrong_is_one_line(run, words, message):
    with pytest.raises(UsageError, match=message):
        run(*words)
