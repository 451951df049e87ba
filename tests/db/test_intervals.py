from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.db.intervals import next_due, next_midnight, read_interval
from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.normalize.published import BEIJING

MOMENTS = st.integers(10**9, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
EVENING = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)  # 23:30 in Beijing


@pytest.mark.parametrize(
    ("interval", "due"),
    [
        ("", None),
        ("daily", datetime(2026, 11, 22, 16, tzinfo=UTC)),
        ("30m", EVENING + timedelta(minutes=30)),
        ("6h", EVENING + timedelta(hours=6)),
        ("7d", EVENING + timedelta(days=7)),
        ("0 2 * * *", datetime(2026, 11, 22, 18, tzinfo=UTC)),
        ("0 0 * * mon", datetime(2026, 11, 22, 16, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 28, 16, tzinfo=UTC)),
    ],
)
def test_when_a_keyword_is_due_again(interval, due):
    assert next_due(interval, EVENING) == due


@pytest.mark.parametrize(
    ("text", "kept"), [("", ""), ("once", ""), (" Daily ", "daily"), ("6H", "6h"), ("0  2 * * 1-5", "0 2 * * 1-5")]
)
def test_what_people_write_is_kept_in_one_form(text, kept):
    assert read_interval(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "6x",
        "0h",
        "-1h",
        "367d",
        "weekly",
        "0 2 * *",
        "0 0 30 2 *",
        "60 * * * *",
        "* * * * * *",
        "r r * * *",
        "@daily",
        "9" * 400 + "d",
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text):
    with pytest.raises(ArgumentError, match=r"^interval: .* is not allowed; allowed: once, daily, a number with m, h or d"):
        read_interval(text)


@given(moment=MOMENTS)
def test_each_beijing_day_has_one_midnight_after_it(moment):
    midnight = next_midnight(moment)
    assert timedelta(0) < midnight - moment <= timedelta(days=1)
    assert midnight.astimezone(BEIJING).time().isoformat() == "00:00:00"
    assert midnight.astimezone(BEIJING).date() == moment.astimezone(BEIJING).date() + timedelta(days=1)


@given(
    moment=MOMENTS, interval=st.sampled_from(["daily", "5m", "6h", "7d", "*/5 * * * *", "0 9-18/3 * * mon-fri", "0 0 1 jan *"])
)
def test_due_is_always_later(moment, interval):
    assert next_due(interval, moment) > moment


@given(text=st.text(max_size=40))
def test_no_text_breaks_it(text):
    try:
        interval = read_interval(text)
    except ArgumentError:
        return
    assert read_interval(interval) == interval
