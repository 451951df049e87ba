"""Publication times: "2024-04-06 04:00:34", "07-31", "1778641411978", "3天前", "昨天". The sites write Beijing time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.tables import fold_text

BEIJING = timezone(timedelta(hours=8), "UTC+08:00")  # no summer time since 1991, so a fixed offset is exact
_FIRST_YEAR, _LAST_YEAR = 2000, 2100  # outside lie placeholders such as "0001-01-03 00:00:00"

_EXPECTED = "a form like 2024-04-06 04:00:34, 07-31, 1778641411978 (milliseconds), 3天前 or 昨天"
_CLOCK = r"(?:[ T]?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?)?"
_DAY_OF_MONTH = r"(?P<day>\d{1,2})(?![\d:])日?"
_DATE = re.compile(
    r"(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月]" + _DAY_OF_MONTH + _CLOCK + r" ?(?P<zone>Z|[+-]\d{2}:?\d{2})?", re.ASCII
)
_SHORT_DATE = re.compile(r"(?P<month>\d{1,2})[-/月]" + _DAY_OF_MONTH + _CLOCK, re.ASCII)
_DAY = re.compile(r"(?P<word>今天|今日|昨天|昨日|前天)?" + _CLOCK, re.ASCII)
_AGO = re.compile(r"(?P<count>\d{1,3}|[半一二两三四五六七八九十]) ?个?(?P<unit>秒|分|小时|天|日|周|星期|月|年)钟?前", re.ASCII)
_NOW = frozenset({"刚刚", "刚才", "现在"})
_WRAPPER = re.compile(r"^(?:发布于|发布时间:?|更新于|更新时间:?) ?| ?(?:发布|更新)$")
_NOT_PUBLICATION = ("活跃", "在线")  # what a recruiter does, not when the posting appeared

_DAYS_BACK = {"今天": 0, "今日": 0, "昨天": 1, "昨日": 1, "前天": 2}
_NUMERALS = {"半": 0.5, "两": 2.0} | {word: float(number) for number, word in enumerate("一二三四五六七八九十", 1)}
_UNITS = {
    "秒": timedelta(seconds=1),
    "分": timedelta(minutes=1),
    "小时": timedelta(hours=1),
    "天": timedelta(days=1),
    "日": timedelta(days=1),
    "周": timedelta(weeks=1),
    "星期": timedelta(weeks=1),
    "月": timedelta(days=30),
    "年": timedelta(days=365),
}


def parse_published(text: str | int, now: datetime) -> datetime | None:
    """When the posting appeared, as an aware UTC time; None where nothing is stated ("", or a recruiter's activity: "刚刚活跃").

    text: the site's wording, or milliseconds (13 digits; 10 digits are seconds) since 1970. now: an aware time, the moment the
    page was fetched. "07-31" is the last 31 July that is not after `now`; "昨天" is the start of that day in Beijing; a month
    ago is 30 days, a year 365. What is counted from `now` never lies after it; a full date is returned as stated.
    Raises UnreadableText, and ValueError for a naive `now`.
    """
    if now.tzinfo is None:
        raise ValueError(f"now: {now.isoformat()} has no time zone, an aware datetime is needed")
    text = str(text)
    if not text:
        return None
    stated = _read_stated(text)
    if stated is not None:
        return stated
    folded = _WRAPPER.sub("", fold_text(text, space=" "))
    if not folded or any(word in folded for word in _NOT_PUBLICATION):
        return None
    found = _read_relative(folded, now)
    if found is None or found.year < _FIRST_YEAR:
        raise UnreadableText("published", text, _EXPECTED)
    return min(found, now).astimezone(UTC)


@lru_cache(maxsize=4096)
def _read_stated(text: str) -> datetime | None:
    """The time in `text` if it can be told without a clock; None if it needs one."""
    folded = _WRAPPER.sub("", fold_text(text, space=" "))
    try:
        if folded.isascii() and folded.isdigit() and len(folded) in (10, 13):
            found = datetime.fromtimestamp(int(folded) / (1_000 if len(folded) == 13 else 1), UTC)
        elif match := _DATE.fullmatch(folded):
            found = datetime(
                int(match["year"]), int(match["month"]), int(match["day"]), *_clock(match), tzinfo=_zone(match["zone"])
            )
        else:
            return None
    except (ValueError, OverflowError) as error:  # 31 February, 25 o'clock
        raise UnreadableText("published", text, _EXPECTED) from error
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise UnreadableText("published", text, _EXPECTED)
    return found.astimezone(UTC)


def _read_relative(folded: str, now: datetime) -> datetime | None:
    """The time in `folded`, seen from `now`; None if it is no such text."""
    if folded in _NOW:
        return now
    if match := _AGO.fullmatch(folded):
        count = _NUMERALS.get(match["count"])
        return now - (float(match["count"]) if count is None else count) * _UNITS[match["unit"]]
    local = now.astimezone(BEIJING)
    try:
        if match := _DAY.fullmatch(folded):
            day = local - timedelta(days=_DAYS_BACK.get(match["word"], 0))
            return datetime(day.year, day.month, day.day, *_clock(match), tzinfo=BEIJING)
        if match := _SHORT_DATE.fullmatch(folded):
            return _last_date(int(match["month"]), int(match["day"]), _clock(match), local)
    except ValueError:  # 25 o'clock
        return None
    return None


def _last_date(month: int, day: int, clock: tuple[int, int, int], local: datetime) -> datetime | None:
    """The last such day not after `local`, up to eight years back (29 February), or None. Raises ValueError for a wrong clock."""
    datetime(2000, 1, 1, *clock, tzinfo=BEIJING)
    for year in range(local.year, local.year - 9, -1):
        try:
            found = datetime(year, month, day, *clock, tzinfo=BEIJING)
        except ValueError:
            continue
        if found <= local:
            return found
    return None


def _clock(match: re.Match[str]) -> tuple[int, int, int]:
    return int(match["hour"] or 0), int(match["minute"] or 0), int(match["second"] or 0)


def _zone(text: str | None) -> timezone:
    if not text:
        return BEIJING
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)
