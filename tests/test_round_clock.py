"""What a round's time counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from jobdata_scrapy.round_clock import RoundClock


def test_time_set_apart_is_not_counted():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    clock = RoundClock(lambda: now)
    clock.begin("a")
    now += timedelta(seconds=30)
    clock.set_apart("a", timedelta(seconds=20))
    clock.set_apart("unknown", timedelta(seconds=20))
    assert (clock.seconds("a"), clock.seconds("unknown")) == (10, 0)
