"""The pool of session tokens: one process and one exit per token at a time; expiry is seen before use.

`now` is an aware time, the current one by default. Values are encrypted by the `Cipher` that is given in.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import peewee as pw

from jobdata_scrapy.db.cipher import Cipher
from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.pool_models import Token
from jobdata_scrapy.db.site_locks import open_keys, token_key
from jobdata_scrapy.db.transaction import locked, reading, writing
from jobdata_scrapy.exceptions import ArgumentError, ConfigError
from jobdata_scrapy.leases import Owner, TokenLease
from jobdata_scrapy.normalize.published import BEIJING

SHOWN = 4
LONGEST_REASON = 255


class TokenState(StrEnum):
    """VALID until the site refuses it or it expires (INVALID), or an operator takes it out of use (DISABLED)."""

    VALID = "valid"
    INVALID = "invalid"
    DISABLED = "disabled"


@writing
def add_token(
    database: pw.Database,
    cipher: Cipher,
    platform: str,
    value: str,
    *,
    name: str = "",
    expires_at: datetime | None = None,
    now: datetime | None = None,
) -> Token:
    """Adds a token, or gives the one of this name a new value; it is valid then. The name is numbered where none is given.

    Without `expires_at` the expiry of a JWT is taken from its `exp`. Raises ArgumentError for an empty value, one that has
    expired, or one that stands there under another name; ConfigError without TOKEN_KEY.
    """
    now = now or datetime.now(UTC)
    value = value.strip()
    expires_at = expires_at or read_jwt_expiry(value)
    if not value:
        raise ArgumentError("token: the value is empty")
    if expires_at is not None and expires_at <= now:
        raise ArgumentError(f"expires: the token has expired at {expires_at.astimezone(BEIJING):%Y-%m-%d %H:%M} (Beijing)")
    known = list(locked(database, Token.select().where(Token.platform == platform)).execute(database))
    same = [one.name for one in known if one.name != name and _has_value(cipher, one, value)]
    if same:
        raise ArgumentError(f"token: this value is already there as {same[0]!r}; two processes would use one session at a time")
    name = name or _free_name({one.name for one in known})
    row = {"value": cipher.encrypt(value), "state": TokenState.VALID, "reason": "", "failures": 0, "expires_at": expires_at}
    row |= {"owner": None, "node": "", "lease_until": None, "updated_at": now}
    if name in {one.name for one in known}:
        check_row(Token, row)
        Token.update(row).where(Token.platform == platform, Token.name == name).execute(database)
    else:
        row |= {"platform": platform, "name": name, "last_used": None, "exit_name": "", "created_at": now}
        check_row(Token, row)
        Token.insert(row).execute(database)
    return Token.select().where(Token.platform == platform, Token.name == name).get(database)


@writing
def acquire_token(
    database: pw.Database,
    cipher: Cipher,
    platform: str,
    owner: Owner,
    exit_name: str,
    lease_seconds: float,
    *,
    now: datetime | None = None,
) -> TokenLease | None:
    """A valid token that nobody else holds and that is not locked, None when there is none: the one last used through this exit
    (also when the owner holds it already: that extends it), else one that has no exit yet, else the one that rested longest.
    Raises ConfigError.
    """
    now = now or datetime.now(UTC)
    locked_out = open_keys(database, now=now)
    rows = [row for row in _find_healthy(database, platform, now) if token_key(platform, row.name) not in locked_out]
    free = [row for row in rows if _is_free(row, owner, exit_name, now)]
    if not free:
        return None
    row = min(free, key=lambda one: (one.exit_name != exit_name, one.exit_name != "", one.last_used or one.created_at, one.id))
    value = token_value(cipher, row)
    until = now + timedelta(seconds=lease_seconds)
    changes = {"owner": owner.name, "node": owner.node, "lease_until": until, "exit_name": exit_name, "last_used": now}
    _update(database, row.id, changes, now)
    return TokenLease(row.id, platform, row.name, owner.name, until, value, exit_name)


@writing
def count_tokens(database: pw.Database, platform: str, *, now: datetime | None = None) -> int:
    """Valid tokens that have not expired, whoever holds them, locked or not."""
    return len(_find_healthy(database, platform, now or datetime.now(UTC)))


@writing
def extend_tokens(database: pw.Database, owner: Owner, lease_seconds: float, *, now: datetime | None = None) -> None:
    """Extends all that the owner holds: a pause may be longer than a lease."""
    now = now or datetime.now(UTC)
    changes = {"lease_until": now + timedelta(seconds=lease_seconds), "updated_at": now}
    Token.update(changes).where(Token.owner == owner.name).execute(database)


@writing
def report_token(
    database: pw.Database, lease: TokenLease, *, healthy: bool, reason: str = "", now: datetime | None = None
) -> None:
    """Not healthy: the token is invalid, for the reason. What a lost owner reports is left aside: the value may be a new one."""
    now = now or datetime.now(UTC)
    row = locked(database, Token.select().where(Token.id == lease.token_id, Token.owner == lease.owner)).first(database)
    if row is None:
        return
    changes: dict[str, Any] = {"failures": 0, "last_used": now}
    if not healthy:
        changes = {"failures": row.failures + 1, "state": TokenState.INVALID, "reason": reason[:LONGEST_REASON]}
        changes |= {"owner": None, "lease_until": None}
    _update(database, row.id, changes, now)


@writing
def release_token(database: pw.Database, lease: TokenLease, *, now: datetime | None = None) -> None:
    """Gives the token back; a lost owner's release changes nothing."""
    changes = {"owner": None, "lease_until": None, "updated_at": now or datetime.now(UTC)}
    Token.update(changes).where(Token.id == lease.token_id, Token.owner == lease.owner).execute(database)


@reading
def list_tokens(database: pw.Database, platform: str = "") -> list[Token]:
    """All tokens (of one site), their values still encrypted."""
    query = Token.select().where(Token.platform == platform) if platform else Token.select()
    return list(query.order_by(Token.platform, Token.name).execute(database))


@writing
def retire_token(
    database: pw.Database, platform: str, name: str, state: TokenState, reason: str, *, now: datetime | None = None
) -> bool:
    """Takes a token out of use (INVALID or DISABLED) until it is added anew. False where there is none of this name."""
    changes = {"state": state, "reason": reason[:LONGEST_REASON], "owner": None, "lease_until": None}
    found = Token.select().where(Token.platform == platform, Token.name == name).first(database)
    if found is not None:
        _update(database, found.id, changes, now or datetime.now(UTC))
    return found is not None


@writing
def remove_token(database: pw.Database, platform: str, name: str) -> bool:
    """Forgets a token. False where there is none of this name."""
    return bool(Token.delete().where(Token.platform == platform, Token.name == name).execute(database))


def token_value(cipher: Cipher, row: Token) -> str:
    """The value itself. Raises ConfigError for a missing or another TOKEN_KEY."""
    return cipher.decrypt(row.value, f"token {row.name!r} of {row.platform}")


def mask_value(value: str) -> str:
    """What may be shown of a value: its last characters, never more than a quarter of it."""
    return "…" + value[-min(SHOWN, len(value) // SHOWN) :] if len(value) >= SHOWN else "…"


def read_jwt_expiry(value: str) -> datetime | None:
    """The `exp` of a JWT (RFC 7519), its signature unchecked; None where the value is none or tells none."""
    parts = value.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def _find_healthy(database: pw.Database, platform: str, now: datetime) -> list[Token]:
    """Valid tokens, kept from others until the transaction that asks ends; what has expired is marked on the way."""
    query = Token.select().where(Token.platform == platform, Token.state == TokenState.VALID).order_by(Token.id)
    return [row for row in locked(database, query).execute(database) if not _expire(database, row, now)]


def _expire(database: pw.Database, row: Token, now: datetime) -> bool:
    expired = row.expires_at is not None and row.expires_at <= now
    if expired:
        _update(database, row.id, {"state": TokenState.INVALID, "reason": "expired", "owner": None, "lease_until": None}, now)
    return expired


def _is_free(row: Token, owner: Owner, exit_name: str, now: datetime) -> bool:
    if row.owner is None or row.lease_until is None or row.lease_until <= now:
        return True
    return (row.owner, row.exit_name) == (owner.name, exit_name)


def _update(database: pw.Database, token_id: int, changes: dict[str, Any], now: datetime) -> None:
    values = changes | {"updated_at": now}
    check_row(Token, values)
    Token.update(values).where(Token.id == token_id).execute(database)


def _has_value(cipher: Cipher, row: Token, value: str) -> bool:
    try:
        return token_value(cipher, row) == value
    except ConfigError:  # stored with a key that is lost: that must not keep new ones out
        return False


def _free_name(taken: set[str]) -> str:
    return next(name for number in range(1, len(taken) + 2) if (name := f"token-{number}") not in taken)
