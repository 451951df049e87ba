from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.published import BEIJING, parse_published

NOW = datetime(2026, 3, 10, 2, 30, tzinfo=UTC)  # 10:30 in Beijing


def beijing(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BEIJING)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-04-06 04:00:34", beijing(2024, 4, 6, 4, 0, 34)),
        ("2024-04-06", beijing(2024, 4, 6)),
        ("2024/4/6 4:05", beijing(2024, 4, 6, 4, 5)),
        ("2024年4月6日", beijing(2024, 4, 6)),
        ("2024-04-06T04:00:34.123+08:00", beijing(2024, 4, 6, 4, 0, 34)),
        ("2024-04-05T20:00:34Z", beijing(2024, 4, 6, 4, 0, 34)),
        ("1778641411978", datetime.fromtimestamp(1778641411.978, UTC)),
        (1778641411978, datetime.fromtimestamp(1778641411.978, UTC)),
        ("1778641411", datetime.fromtimestamp(1778641411, UTC)),
    ],
)
def test_stated_times_are_beijing_time_or_an_epoch(text: str | int, expected: datetime) -> None:
    published = parse_published(text, NOW)

    assert published == expected
    assert published.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("03-10", beijing(2026, 3, 10)),
        ("03-11", beijing(2025, 3, 11)),
        ("07-31", beijing(2025, 7, 31)),
        ("01-29发布", beijing(2026, 1, 29)),
        ("7月31日", beijing(2025, 7, 31)),
        ("01-29 13:46", beijing(2026, 1, 29, 13, 46)),
        ("02-29", beijing(2024, 2, 29)),
    ],
)
def test_a_date_without_year_is_the_last_one_gone_by(text: str, expected: datetime) -> None:
    assert parse_published(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("刚刚", NOW),
        ("刚刚发布", NOW),
        ("30分钟前", NOW - timedelta(minutes=30)),
        ("半小时前", NOW - timedelta(minutes=30)),
        ("2小时前", NOW - timedelta(hours=2)),
        ("2个小时前", NOW - timedelta(hours=2)),
        ("3天前", NOW - timedelta(days=3)),
        ("3 天前", NOW - timedelta(days=3)),
        ("一周前", NOW - timedelta(days=7)),
        ("两个星期前", NOW - timedelta(days=14)),
        ("1个月前", NOW - timedelta(days=30)),
        ("半年前", NOW - timedelta(days=182.5)),
        ("今天", beijing(2026, 3, 10)),
        ("今天 09:15", beijing(2026, 3, 10, 9, 15)),
        ("今天 23:59", NOW),
        ("09:15", beijing(2026, 3, 10, 9, 15)),
        ("昨天", beijing(2026, 3, 9)),
        ("发布于昨天", beijing(2026, 3, 9)),
        ("前天", beijing(2026, 3, 8)),
    ],
)
def test_relative_words_are_counted_from_now(text: str, expected: datetime) -> None:
    assert parse_published(text, NOW) == expected


@pytest.mark.parametrize("text", ["", " ", "刚刚活跃", "3日内活跃", "半年前活跃", "在线"])
def test_nothing_stated_and_a_recruiters_activity_are_no_publication(text: str) -> None:
    assert parse_published(text, NOW) is None


@pytest.mark.parametrize(
    "text", ["0001-01-03 00:00:00", "2024-02-31", "2024-04-06 25:00", "02-30", "13-01", "最新", "30+天前", "9", "25:00", "2024"]
)
def test_no_time_is_refused(text: str) -> None:
    with pytest.raises(UnreadableText, match="published: cannot read"):
        parse_published(text, NOW)


def test_a_clock_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        parse_published("昨天", datetime(2026, 3, 10))  # noqa: DTZ001 - the point of the test


CLOCKS = st.datetimes(datetime(2010, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of hypothesis are naive
SHORT_FORMS = (
    st.tuples(st.integers(1, 12), st.integers(1, 31)).map(lambda date: f"{date[0]:02}-{date[1]:02}")
    | st.tuples(st.integers(0, 999), st.sampled_from(["秒", "分钟", "小时", "天", "周", "个月", "年"])).map(
        lambda ago: f"{ago[0]}{ago[1]}前"
    )
    | st.tuples(st.sampled_from(["今天", "昨天", "前天", ""]), st.integers(0, 23)).map(lambda day: f"{day[0]} {day[1]}:30")
    | st.sampled_from(["刚刚", "今天", "昨天", "半天前"])
)


@given(SHORT_FORMS, CLOCKS)
def test_what_is_counted_from_now_never_lies_in_the_future(text: str, now: datetime) -> None:
    try:
        published = parse_published(text, now)
    except UnreadableText:
        return
    assert published is not None
    assert published <= now
    assert published.utcoffset() == timedelta(0)


@given(CLOCKS.map(lambda time: time.replace(microsecond=0)))
def test_a_stated_time_comes_back_whatever_the_clock(time: datetime) -> None:
    assert parse_published(time.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S"), NOW) == time
    assert parse_published(f"{int(time.timestamp())}000", NOW) == time


@given(st.text(max_size=30) | st.text("0123456789-:T年月日天前今昨 +Z.", max_size=24), CLOCKS)
def test_any_text_is_read_or_refused(text: str, now: datetime) -> None:
    try:
        published = parse_published(text, now)
    except UnreadableText:
        return
    assert published is None or published.tzinfo is UTC


def test_now_may_be_in_any_zone() -> None:
    assert parse_published("昨天", NOW.astimezone(timezone(timedelta(hours=-5)))) == beijing(2026, 3, 9)


def test_every_captured_time_is_read(sample_texts: Callable[..., list[str]]) -> None:
    texts = sample_texts(
        "issueDateString", "issueDate", "issue_date", "publishTime", "positionPublishTime", "updatedate", "PublishTime"
    )

    assert texts
    assert all(parse_published(text, NOW) for text in texts)
