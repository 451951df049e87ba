import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.db import runs
from jobdata_scrapy.exceptions import StorageError

IDS = itertools.count()
T0 = datetime(2026, 11, 22, 6, 0, 0, 123456, tzinfo=UTC)
# Everything a keyword may hold: Chinese, emoji beyond the basic plane, look-alikes, no half surrogates.
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(["数据分析", "👩‍💻 C++", "Ｇｏ"])
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(st.none() | st.booleans() | NUMBERS | TEXTS, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=ZONES)  # noqa: DTZ001
RECORDS = st.builds(
    RunRecord,
    run_id=st.just(""),
    platform=st.sampled_from(["boss", "qcwy"]),
    arguments=st.dictionaries(TEXTS, JSON, max_size=4),
    started_at=TIMES,
    finished_at=st.none() | TIMES,
    finish_reason=TEXTS,
    state=st.sampled_from(["running", "kept", "capped", "failed"]),
    exit_code=st.none() | st.integers(0, 255),
    node=TEXTS,
    job=TEXTS,
    summary=st.dictionaries(TEXTS, JSON, max_size=4),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(run=RECORDS)
def test_what_goes_in_comes_out(database, run):
    run = replace(run, run_id=f"r{next(IDS)}")  # the database keeps what earlier examples wrote
    runs.open_run(database, run)
    assert runs.find_run(database, run.run_id) == run


def test_times_come_out_aware_and_in_utc(database):
    east = timezone(timedelta(hours=8))
    runs.open_run(database, RunRecord("r1", "boss", started_at=T0.astimezone(east)))
    found = runs.find_run(database, "r1")
    assert found.started_at == T0
    assert found.started_at.tzinfo is UTC


def test_times_without_a_zone_are_refused(database):
    with pytest.raises(StorageError, match=r"^crawl_run\.started_at: .* has no time zone"):
        runs.open_run(database, RunRecord("r1", "boss", started_at=datetime(2026, 1, 1)))  # noqa: DTZ001
    assert runs.find_run(database) is None


def test_opening_again_changes_nothing(database):
    runs.open_run(database, RunRecord("r1", "boss", started_at=T0, node="a"))
    runs.open_run(database, RunRecord("r1", "boss", started_at=T0 + timedelta(1), node="b"))
    assert runs.list_runs(database) == [RunRecord("r1", "boss", started_at=T0, node="a")]


def test_a_late_opening_does_not_undo_the_end(database):
    ended = RunRecord("r1", "boss", started_at=T0, finished_at=T0, finish_reason="finished", state="kept", exit_code=0)
    runs.close_run(database, ended)
    runs.open_run(database, RunRecord("r1", "boss", started_at=T0))
    assert runs.find_run(database, "r1") == ended


def test_closing_again_is_harmless_and_the_last_word_counts(database):
    run = RunRecord("r1", "boss", started_at=T0)
    runs.open_run(database, run)
    run.state, run.exit_code, run.finished_at, run.summary = "failed", 1, T0 + timedelta(hours=1), {"pages": 3}
    runs.close_run(database, run)
    runs.close_run(database, run)
    assert runs.list_runs(database) == [run]


def test_closing_without_times_keeps_the_start_and_fills_in_the_end(database):
    runs.open_run(database, RunRecord("r1", "boss", started_at=T0))
    runs.close_run(database, RunRecord("r1", "boss", state="kept"))
    found = runs.find_run(database, "r1")
    assert found.started_at == T0
    assert found.finished_at > T0 - timedelta(days=3650)


def test_the_latest_run_is_the_one_that_started_last(database):
    for number, platform in enumerate(["boss", "qcwy", "boss"]):
        runs.open_run(database, RunRecord(f"r{number}", platform, started_at=T0 - timedelta(microseconds=number)))
    assert runs.find_run(database).run_id == "r0"
    assert [run.run_id for run in runs.list_runs(database)] == ["r0", "r1", "r2"]
    assert [run.run_id for run in runs.list_runs(database, platform="boss")] == ["r0", "r2"]
    assert [run.run_id for run in runs.list_runs(database, 1, "boss")] == ["r0"]


def test_no_run_is_none(database):
    assert runs.find_run(database) is None
    assert runs.find_run(database, "r1") is None
    assert runs.list_runs(database) == []


def test_a_summary_larger_than_mysqls_text_is_kept_whole(database):
    run = RunRecord("r1", "boss", started_at=T0, summary={"skills": ["数据👍" * 100_000]})
    runs.close_run(database, run)
    assert runs.find_run(database, "r1").summary == run.summary


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run_id": "x" * 65}, r"^crawl_run\.run_id: 65 characters, at most 64 are allowed"),
        ({"finish_reason": "界" * 65}, r"^crawl_run\.finish_reason: 65 characters, at most 64"),
        ({"arguments": {"at": T0}}, r"^crawl_run\.arguments: cannot be stored: .*not JSON serializable"),
        ({"summary": {"speed": float("nan")}}, r"^crawl_run\.summary: cannot be stored: "),
        ({"node": "\ud83d"}, r"^crawl_run\.node: cannot be stored: .*surrogates not allowed"),
    ],
)
def test_what_a_column_cannot_hold_is_refused_by_name(database, change, message):
    with pytest.raises(StorageError, match=message):
        runs.open_run(database, RunRecord(**{"run_id": "r1", "platform": "boss", **change}))
    assert runs.list_runs(database) == []
