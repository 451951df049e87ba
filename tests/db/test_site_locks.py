import pytest

from jobdata_scrapy.db.site_locks import check_lock, close_lock, list_locks, lock_keys, open_keys, trip_lock
from jobdata_scrapy.leases import LockCheck, LockState
from tests.db.queue_parts import ANNE, BEN, T0, at

CLOSED, OPEN, HALF_OPEN = LockState.CLOSED, LockState.OPEN, LockState.HALF_OPEN


def trip(database, key: str = "boss", when: float = 0, **values):
    return trip_lock(database, key, "CAPTCHA", 900, now=at(when), **values)


def check(database, owner=ANNE, when: float = 0, exit_name: str = "e", token_name: str = "t", platform: str = "boss"):  # noqa: S107
    return check_keys(database, owner, when, exit_name, token_name, platform).state


def check_keys(database, owner=ANNE, when: float = 0, exit_name: str = "e", token_name: str = "t", platform: str = "boss"):  # noqa: S107
    return check_lock(database, platform, exit_name, token_name, owner, now=at(when))


def test_a_site_without_locks_is_closed(database):
    assert check(database) is CLOSED
    assert list_locks(database) == []


def test_each_kind_of_lock_stops_what_it_names_and_nothing_else(database):
    trip(database, "boss|exit=e")
    trip(database, "qcwy|token=t")
    assert check(database) is OPEN
    assert check(database, exit_name="other") is CLOSED
    assert check(database, platform="qcwy") is OPEN
    assert check(database, platform="qcwy", token_name="") is CLOSED
    assert check(database, platform="zhilian") is CLOSED
    assert lock_keys("boss", "", "t") == ["boss", "boss|token=t"]


def test_after_its_time_one_owner_probes_and_all_others_wait(database):
    trip(database)
    assert check(database, when=899) is OPEN
    assert [check(database, when=900), check(database, BEN, when=900), check(database, when=901)] == [HALF_OPEN, OPEN, HALF_OPEN]
    assert check(database, BEN, when=959) is OPEN
    assert check(database, BEN, when=960) is HALF_OPEN  # the prober said nothing for 60 s
    assert check(database, when=960) is OPEN
    assert close_lock(database, "boss", now=at(961))
    assert not close_lock(database, "boss", now=at(961))
    assert check(database, when=961) is CLOSED


def test_a_failed_probe_opens_it_for_twice_as_long_up_to_six_hours(database):
    now = 0.0
    for seconds in (900, 1800, 3600, 7200, 14400, 21600, 21600):
        assert trip(database, when=now) == at(now + seconds)
        assert trip(database, when=now + 1) == at(now + seconds)  # others met the same block
        assert check(database, when=now + seconds - 1) is OPEN
        now += seconds
        assert check(database, when=now) is HALF_OPEN
    close_lock(database, "boss", now=at(now))
    assert trip(database, when=now) == at(now + 900)


def test_the_strictest_counts_and_no_probe_is_taken_where_it_would_not_go_out(database):
    trip(database, "boss")
    trip(database, "boss|exit=e", when=600)
    assert check(database, when=900) is OPEN
    assert check(database, BEN, when=900, exit_name="f") is HALF_OPEN  # so the site's probe was not spent
    assert check(database, when=1500) is HALF_OPEN


def test_two_half_open_locks_are_probed_by_one_owner_or_not_at_all(database):
    trip(database, "boss|exit=e")
    trip(database, "boss|token=t")
    assert check(database, BEN, when=900, token_name="") is HALF_OPEN
    assert check(database, ANNE, when=900) is OPEN
    assert check(database, ANNE, when=900, exit_name="") is HALF_OPEN


def test_it_is_told_which_locks_are_open_and_which_are_probed(database):
    trip(database, "boss|exit=e")
    trip(database, "boss|token=t", when=500)
    assert check_keys(database, exit_name="f", token_name="") == LockCheck(CLOSED)
    assert check_keys(database, when=600) == LockCheck(OPEN, ("boss|exit=e", "boss|token=t"))
    assert check_keys(database, when=900) == LockCheck(OPEN, ("boss|token=t",))
    assert check_keys(database, when=900, token_name="") == LockCheck(HALF_OPEN, ("boss|exit=e",))
    assert check_keys(database, BEN, when=900, token_name="") == LockCheck(OPEN, ("boss|exit=e",))  # anne probes it
    assert check_keys(database, when=1400) == LockCheck(HALF_OPEN, ("boss|exit=e", "boss|token=t"))


def test_what_lets_nothing_through_is_listed(database):
    trip(database, "boss|exit=e")
    trip(database, "qcwy", when=500)
    assert open_keys(database, now=at(899)) == {"boss|exit=e", "qcwy"}
    assert open_keys(database, now=at(900)) == {"qcwy"}
    close_lock(database, "qcwy", now=at(901))
    assert open_keys(database, now=at(902)) == frozenset()


def test_by_hand_a_lock_is_opened_for_any_time(database):
    assert trip(database, seconds=7 * 86400) == at(7 * 86400)
    assert trip(database, seconds=60, when=10) == at(70)
    (lock,) = list_locks(database)
    assert (lock.key, lock.reason, lock.opened_at) == ("boss", "CAPTCHA", at(10))


@pytest.mark.parametrize("key", ["boss|exit=" + "x" * 255, "boss|exit=http://[::1]:8080#中文"])
def test_long_and_strange_names_fit(database, key):
    trip(database, key)
    assert check(database, exit_name=key.partition("=")[2]) is OPEN
    assert list_locks(database)[0].open_until > T0
