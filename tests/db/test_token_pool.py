import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.config import Config
from jobdata_scrapy.db import tokens
from jobdata_scrapy.db.cipher import Cipher, make_key
from jobdata_scrapy.db.site_locks import trip_lock
from jobdata_scrapy.db.tokens import TokenState, mask_value, read_jwt_expiry
from jobdata_scrapy.exceptions import ArgumentError, ConfigError
from jobdata_scrapy.leases import Owner
from tests.db.queue_parts import ANNE, BEN, T0, at

KEY = make_key()
CIPHER = Cipher(KEY)


def add(database, value: str, name: str = "", **values):
    return tokens.add_token(database, CIPHER, "boss", value, name=name, now=values.pop("now", T0), **values)


def acquire(database, owner=ANNE, exit_name="direct", when: float = 0, cipher: Cipher = CIPHER):
    return tokens.acquire_token(database, cipher, "boss", owner, exit_name, 300, now=at(when))


def states(database) -> dict[str, tuple[str, str]]:
    return {row.name: (row.state, row.reason) for row in tokens.list_tokens(database)}


def make_jwt(**claims) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "HS256"}, claims)]
    return ".".join([*parts, "c2lnbmF0dXJl"])


def test_the_value_is_encrypted_in_the_database_and_whole_in_the_lease(database):
    add(database, "secret-value-1")
    stored = database.execute_sql("SELECT * FROM token").fetchall()
    assert "secret-value-1" not in str(stored)
    lease = acquire(database)
    assert (lease.value, lease.name, lease.exit_name, lease.expires_at) == ("secret-value-1", "token-1", "direct", at(300))
    assert "secret" not in repr(lease)


def test_one_process_and_one_exit_at_a_time(database):
    add(database, "one")
    lease = acquire(database, ANNE, "exit-1")
    assert acquire(database, BEN, "exit-1") is None
    assert acquire(database, ANNE, "exit-2") is None
    assert acquire(database, ANNE, "exit-1", when=100).expires_at == at(400)  # asked again: the same one, extended
    assert acquire(database, BEN, "exit-1", when=399) is None
    assert acquire(database, BEN, "exit-1", when=400).token_id == lease.token_id


def test_the_token_last_used_through_the_exit_goes_first_then_a_fresh_one_then_the_rested(database):
    for name in ("a", "b", "c"):
        add(database, f"value {name}", name)
    first = acquire(database, ANNE, "exit-1", when=1)
    second = acquire(database, BEN, "exit-2", when=2)
    for lease in (first, second):
        tokens.release_token(database, lease, now=at(3))
    assert (first.name, second.name) == ("a", "b")
    assert acquire(database, ANNE, "exit-2", when=4).name == "b"
    assert acquire(database, ANNE, "exit-3", when=5).name == "c"
    assert acquire(database, ANNE, "exit-4", when=6).name == "a"
    assert acquire(database, ANNE, "exit-5", when=7) is None


def test_a_locked_token_is_not_given_out_until_its_probe_is_due(database):
    for name in ("a", "b"):
        add(database, f"value {name}", name)
    assert acquire(database).name == "a"
    trip_lock(database, "boss|token=a", "by hand", 900, now=T0)
    assert acquire(database).name == "b"
    trip_lock(database, "boss|token=b", "by hand", 900, now=T0)
    assert acquire(database) is None
    assert tokens.count_tokens(database, "boss", now=T0) == 2
    assert acquire(database, when=900).name == "a"


def test_an_owner_extends_all_it_holds_and_nothing_else(database):
    for name in ("a", "b", "c"):
        add(database, f"value {name}", name)
    held = [acquire(database, ANNE, "exit-1"), acquire(database, ANNE, "exit-2"), acquire(database, BEN, "exit-3")]
    tokens.extend_tokens(database, ANNE, 300, now=at(200))
    assert acquire(database, Owner("cleo"), "exit-4", when=300).name == held[2].name
    assert acquire(database, Owner("cleo"), "exit-5", when=499) is None
    tokens.release_token(database, held[0], now=at(499))
    tokens.extend_tokens(database, ANNE, 300, now=at(499))
    assert acquire(database, Owner("cleo"), "exit-5", when=499).name == held[0].name


def test_healthy_tokens_are_counted_whoever_holds_them(database):
    for name, values in {"a": {}, "b": {}, "c": {"expires_at": at(100)}}.items():
        add(database, f"value {name}", name, **values)
    acquire(database)
    tokens.retire_token(database, "boss", "b", TokenState.INVALID, "", now=T0)
    assert [tokens.count_tokens(database, "boss", now=at(when)) for when in (99, 100)] == [2, 1]
    assert tokens.count_tokens(database, "qcwy") == 0


def test_an_unhealthy_token_is_invalid_with_its_reason_and_not_given_out_again(database):
    add(database, "one")
    lease = acquire(database)
    for _ in range(2):
        tokens.report_token(database, lease, healthy=False, reason="TOKEN_EXPIRED", now=T0)
    assert states(database) == {"token-1": ("invalid", "TOKEN_EXPIRED")}
    assert tokens.list_tokens(database)[0].failures == 1
    assert acquire(database, when=10**6) is None
    add(database, "a new value", "token-1")
    assert states(database) == {"token-1": ("valid", "")}
    assert acquire(database).value == "a new value"


def test_what_a_lost_owner_says_changes_nothing(database):
    add(database, "one")
    lost = acquire(database)
    kept = acquire(database, BEN, when=300)
    tokens.report_token(database, lost, healthy=False, reason="late", now=at(301))
    tokens.release_token(database, lost, now=at(301))
    assert states(database) == {"token-1": ("valid", "")}
    assert acquire(database, ANNE, when=302) is None
    tokens.report_token(database, kept, healthy=True, now=at(303))
    for _ in range(2):
        tokens.release_token(database, kept, now=at(304))
    assert acquire(database, ANNE, when=305) is not None


def test_expiry_is_seen_before_use(database):
    add(database, "one", expires_at=at(100))
    assert acquire(database, when=0) is not None
    assert acquire(database, BEN, when=100) is None
    assert states(database) == {"token-1": ("invalid", "expired")}


def test_the_expiry_of_a_jwt_is_read_without_its_key(database):
    value = make_jwt(exp=int(at(3600).timestamp()))
    assert read_jwt_expiry(value) == at(3600)
    assert add(database, value).expires_at == at(3600)
    assert add(database, make_jwt(exp=1, other=1), expires_at=at(60)).expires_at == at(60)
    with pytest.raises(ArgumentError, match=r"^expires: the token has expired at 2026-11-22 13:00 \(Beijing\)$"):
        add(database, make_jwt(exp=int(at(-3600).timestamp())))


@pytest.mark.parametrize("value", ["", "abc", "a.b.c", "....", "é.é.é", make_jwt(), make_jwt(exp="x"), make_jwt(exp=10**20)])
def test_what_is_no_jwt_tells_no_expiry(value):
    assert read_jwt_expiry(value) is None


@given(value=st.text(max_size=30))
def test_no_text_breaks_the_jwt_reader(value):
    read_jwt_expiry(f"a.{value}.c")


def test_disabled_and_removed_tokens_are_not_given_out(database):
    add(database, "one", "a")
    add(database, "two", "b")
    assert tokens.retire_token(database, "boss", "a", TokenState.DISABLED, "by hand", now=T0)
    assert tokens.remove_token(database, "boss", "b")
    assert acquire(database) is None
    assert states(database) == {"a": ("disabled", "by hand")}
    assert not tokens.retire_token(database, "boss", "b", TokenState.DISABLED, "", now=T0)
    assert not tokens.remove_token(database, "boss", "b")


def test_one_value_under_two_names_is_refused(database):
    add(database, "one", "a")
    with pytest.raises(ArgumentError, match=r"^token: this value is already there as 'a'"):
        add(database, "one", "b")
    assert add(database, "one", "a").name == "a"
    with pytest.raises(ArgumentError, match=r"^token: the value is empty$"):
        add(database, "  ")


def test_a_missing_or_wrong_key_is_named(database):
    add(database, "one")
    with pytest.raises(ConfigError, match=r"^TOKEN_KEY: is missing; make one with `scrapy tokens key`"):
        acquire(database, cipher=Cipher())
    with pytest.raises(ConfigError, match=r"^TOKEN_KEY: does not open token 'token-1' of boss: it was stored with another key$"):
        acquire(database, cipher=Cipher(make_key()))
    with pytest.raises(ConfigError, match=r"^TOKEN_KEY: is no key of 32 bytes in URL-safe base64; make one") as caught:
        Cipher("hunter2")
    assert "hunter2" not in str(caught.value)
    new = make_key()
    assert acquire(database, cipher=Cipher(f"{new}, {KEY}")).value == "one"  # the old key goes on opening
    assert tokens.add_token(database, Cipher(new), "boss", "two", now=T0).name == "token-2"


def test_without_tokens_no_key_is_needed(database):
    assert acquire(database, cipher=Cipher.from_config(Config(_env_file=None))) is None


@pytest.mark.parametrize(
    ("value", "shown"), [("", "…"), ("abc", "…"), ("abcd", "…d"), ("x" * 12 + "1234", "…1234"), ("y" * 99, "…yyyy")]
)
def test_never_more_than_the_end_is_shown(value, shown):
    assert mask_value(value) == shown


def test_a_lease_of_another_token_cannot_free_it(database):
    add(database, "one")
    lease = acquire(database)
    tokens.release_token(database, replace(lease, token_id=lease.token_id + 1), now=T0)
    assert acquire(database, BEN) is None
