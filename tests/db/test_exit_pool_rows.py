"""Exits: which are known, who holds one for which site, pace and cool-down."""

from dataclasses import replace

import pytest

from jobdata_scrapy.config import Config
from jobdata_scrapy.db import exit_leases, exits
from jobdata_scrapy.db.cipher import Cipher, make_key
from jobdata_scrapy.db.exit_leases import ExitRules
from jobdata_scrapy.db.exits import Synced
from jobdata_scrapy.db.site_locks import trip_lock
from jobdata_scrapy.exceptions import ConfigError, LeaseLost
from jobdata_scrapy.exits import DIRECT, Exit
from jobdata_scrapy.leases import Owner
from tests.db.queue_parts import ANNE, BEN, T0, at

CIPHER = Cipher(make_key())
RULES = ExitRules(lease_seconds=60, cooldown_seconds=600)
A, B, C = (Exit(f"http://{name}:1", f"http://{name}:1") for name in "abc")
SECRET = Exit("socks5://d:1#0a", "socks5://user:hunter2@d:1")


def sync(database, *given: Exit, source: str = "file", cipher: Cipher = CIPHER) -> Synced:
    return exits.sync_exits(database, cipher, given, source, now=T0)


def lease(database, owner: Owner = ANNE, when: float = 0, platform: str = "boss", rules: ExitRules = RULES):
    return exit_leases.lease_exit(database, CIPHER, platform, owner, rules, now=at(when))


def names(database, owner: Owner = ANNE, when: float = 0, platform: str = "boss") -> list[str]:
    found = []
    while (one := lease(database, owner, when, platform)) is not None:
        found.append(one.exit_name)
    return found


def count(database, when: float = 0, rules: ExitRules = RULES) -> int:
    return exit_leases.count_exits(database, "boss", "node-1", rules, now=at(when))


def test_a_source_names_its_exits_as_a_whole(database):
    assert sync(database, A, B) == Synced(2, 0)
    assert sync(database, A, B) == Synced(0, 0)
    assert sync(database, B, C, source="provider") == Synced(2, 0)
    assert sync(database, A) == Synced(0, 1)
    assert sorted(names(database)) == [A.name, B.name, C.name]  # b is still named by the provider
    assert sync(database, source="provider") == Synced(0, 2)
    assert {row.name for row in exits.list_exits(database)} == {A.name}
    assert sync(database, B, source="provider") == Synced(1, 0)


def test_credentials_are_encrypted_and_whole_in_the_lease(database):
    sync(database, A, SECRET)
    assert "hunter2" not in str(database.execute_sql("SELECT * FROM `exit`").fetchall())
    found = {one.exit_name: one.proxy_url for one in (lease(database), lease(database))}
    assert found == {A.name: A.proxy_url, SECRET.name: SECRET.proxy_url}
    changed = replace(SECRET, proxy_url="socks5://user:other@d:1")
    assert sync(database, A, changed) == Synced(0, 0)
    assert {lease(database, when=60).proxy_url, lease(database, when=60).proxy_url} == {A.proxy_url, changed.proxy_url}


def test_credentials_need_the_key_and_nothing_else_does(database):
    assert sync(database, A, cipher=Cipher()) == Synced(1, 0)
    with pytest.raises(ConfigError, match=r"^TOKEN_KEY: is missing"):
        sync(database, A, SECRET, cipher=Cipher())


def test_an_exit_is_held_by_one_process_for_a_site(database):
    sync(database, A, B)
    assert names(database) == [A.name, B.name]
    assert names(database, BEN, when=59) == []
    assert names(database, BEN, platform="qcwy") == [A.name, B.name]
    assert names(database, BEN, when=60) == [A.name, B.name]


def test_without_any_exit_each_node_has_its_own_address(database):
    own = lease(database)
    assert (own.exit_name, own.proxy_url) == ("direct@node-1", None)
    assert lease(database, Owner("cleo", "node-1")) is None
    assert lease(database, BEN).exit_name == "direct@node-2"
    assert count(database) == 1
    assert lease(database, Owner("dan")).exit_name == "direct"


def test_where_proxies_are_configured_nobody_goes_out_directly(database):
    only_proxies = replace(RULES, direct=False)
    assert lease(database, rules=only_proxies) is None
    assert count(database, rules=only_proxies) == 0
    assert not ExitRules.from_config(Config(_env_file=None, proxy_tunnel="a:1")).direct
    assert ExitRules.from_config(Config(_env_file=None)).direct


def test_the_own_address_may_stand_beside_proxies(database):
    sync(database, A)
    exits.add_exits(database, CIPHER, [DIRECT], now=T0)
    assert names(database) == ["direct@node-1", A.name]
    assert names(database, BEN) == ["direct@node-2"]


def test_the_lease_carries_pace_and_score_to_the_next_owner(database):
    sync(database, A)
    one = lease(database)
    assert (one.last_end, one.slowness, one.score, one.expires_at) == (None, 1.0, 1.0, at(60))
    one.last_end, one.slowness, one.score = at(10), 4.0, 0.7
    exit_leases.touch_exit(database, one, RULES, now=at(10))
    one.last_end = at(5)  # a report that came late
    exit_leases.release_exit(database, one, now=at(20))
    exit_leases.release_exit(database, one, now=at(20))
    other = lease(database, BEN, when=21)
    assert (other.last_end, other.slowness, other.score) == (at(10), 4.0, 0.7)


def test_touching_extends_and_a_lost_lease_is_told(database):
    sync(database, A)
    one = lease(database)
    exit_leases.touch_exit(database, one, RULES, now=at(50))
    assert lease(database, BEN, when=109) is None
    exit_leases.touch_exit(database, one, RULES, now=at(200))  # lapsed, but nobody took it
    taken = lease(database, BEN, when=260)
    with pytest.raises(LeaseLost, match=r"^exit 'http://a:1' of boss belongs to somebody else than anne by now$"):
        exit_leases.touch_exit(database, one, RULES, now=at(261))
    exit_leases.release_exit(database, one, now=at(261))
    exit_leases.cool_exit(database, one, "CAPTCHA", RULES, now=at(261))
    exit_leases.touch_exit(database, taken, RULES, now=at(262))


def test_the_healthiest_goes_first_then_the_longest_rested(database):
    sync(database, A, B, C)
    held = [lease(database) for _ in range(3)]
    for one, end, score in zip(held, (30, 20, 10), (1.0, 1.0, 0.4), strict=True):
        one.last_end, one.score = at(end), score
        exit_leases.release_exit(database, one, now=at(31))
    assert names(database, when=32) == [B.name, A.name, C.name]


def test_cooling_grows_and_a_healthy_answer_makes_it_short_again(database):
    sync(database, A, B)
    now = 0.0
    for seconds in (600, 1200, 2400):
        one = lease(database, when=now)
        while one.exit_name != A.name:
            one = lease(database, when=now)
        for _ in range(2):  # told twice it counts once
            exit_leases.cool_exit(database, one, "CAPTCHA", RULES, now=at(now))
        assert (count(database, now + seconds - 1), count(database, now + seconds)) == (1, 2)
        assert A.name not in names(database, BEN, when=now + seconds - 1)
        now += seconds + 60
    one = next(found for found in (lease(database, when=now), lease(database, when=now)) if found.exit_name == A.name)
    assert one.score == pytest.approx(1 / 8)
    one.score = 0.3
    exit_leases.touch_exit(database, one, RULES, now=at(now))
    exit_leases.cool_exit(database, one, "CAPTCHA", RULES, now=at(now))
    assert (count(database, now + 599), count(database, now + 600)) == (1, 2)


def test_cooling_is_a_site_s_own_affair_and_ends_within_a_day(database):
    sync(database, A)
    now = 0.0
    for _ in range(12):
        exit_leases.cool_exit(database, lease(database, when=now), "IP_BANNED", RULES, now=at(now))
        assert lease(database, BEN, when=now, platform="qcwy") is not None
        now += 24 * 3600
    assert lease(database, when=now) is not None


def test_an_exit_whose_password_one_node_alone_knows_is_leased_there_alone(database):
    stripped = Exit("http://d:1", "http://d:1", node="node-1")
    sync(database, A, stripped, source="settings@node-1", cipher=Cipher())
    assert names(database, BEN) == [A.name]
    assert names(database) == [stripped.name]
    rules = replace(RULES, direct=False)
    assert [exit_leases.count_exits(database, "boss", node, rules, now=T0) for node in ("node-1", "node-2")] == [2, 1]
    sync(database, A, replace(stripped, node=""), source="settings@node-1")
    assert names(database, BEN, when=60) == [A.name, stripped.name]


def test_what_one_node_names_is_not_retired_by_another(database):
    sync(database, A, B, source="settings@node-1")
    assert sync(database, source="settings@node-2") == Synced(0, 0)
    assert sync(database, B, C, source="file@node-2") == Synced(2, 0)
    assert names(database, BEN) == [A.name, B.name, C.name]


def test_a_locked_exit_is_neither_leased_nor_counted_until_its_probe_is_due(database):
    sync(database, A, B)
    trip_lock(database, f"boss|exit={A.name}", "CAPTCHA", 900, now=T0)
    assert (count(database, 899), names(database, when=899)) == (1, [B.name])
    assert names(database, when=899, platform="qcwy") == [A.name, B.name]
    assert (count(database, 900), names(database, when=1000)) == (2, [A.name, B.name])


def test_a_removed_exit_is_not_given_out_until_a_source_names_it_again(database):
    sync(database, A, B)
    assert exits.remove_exit(database, A.name, now=T0)
    assert not exits.remove_exit(database, A.name, now=T0)
    assert names(database) == [B.name]
    assert sync(database, A, B) == Synced(1, 0)


def test_the_fleet_holds_no_more_exits_of_a_site_than_its_ceiling(database):
    sync(database, A, B, C)
    rules = replace(RULES, ceiling=2)
    first, second = lease(database, rules=rules), lease(database, BEN, rules=rules)
    assert first is not None
    assert second is not None
    assert lease(database, rules=rules) is None
    assert lease(database, platform="qcwy", rules=rules) is not None
    exit_leases.release_exit(database, second, now=at(1))
    assert lease(database, when=2, rules=rules) is not None
