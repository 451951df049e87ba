"""What a round's time counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobdata_scrapy.round_clock import RoundClock


def test_time_set_apart_is_not_counted():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    clock = RoundClock(lambda: now)
    clock.begin("a")
    now += timedelta(seconds=30)
    clock.set_apart("a", timedelta(seconds=20))
    clock.set_apart("unknown", timedelta(seconds=20))
    assert (clock.seconds("a"), clock.seconds("unknown")) == (10, 0)


def test_what_a_block_takes_is_left_out_where_it_fails_too():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    clock = RoundClock(lambda: now)
    clock.begin("a")

    def fail_late() -> None:
        nonlocal now
        with clock.apart("a"):
            now += timedelta(seconds=20)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_late()
    now += timedelta(seconds=5)
    assert clock.seconds("a") == 5
