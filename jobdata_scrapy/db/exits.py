"""Exits that are known: which source names them, and their addresses. Who holds one: `exit_leases`.

A source (settings@NODE, file@NODE, provider@NODE, manual) names its exits as a whole; an exit is known while any source names
it, to all nodes, or to the one alone that has its password. The exit "direct" stands for the own address of each node,
"direct@NODE".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import peewee as pw

from jobdata_scrapy.db.cipher import Cipher
from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.pool_models import ExitPoint
from jobdata_scrapy.db.transaction import reading, writing
from jobdata_scrapy.exits import DIRECT, Exit


@dataclass(frozen=True, slots=True)
class Synced:
    """How many exits of a source are new, and how many it no longer names."""

    added: int
    retired: int


@writing
def sync_exits(
    database: pw.Database, cipher: Cipher, exits: Sequence[Exit], source: str, *, now: datetime | None = None
) -> Synced:
    """Makes `exits` all that `source` names. Raises ConfigError where one has credentials and TOKEN_KEY is missing."""
    now = now or datetime.now(UTC)
    added = sum(_put_exit(database, cipher, one, source, now) for one in exits)
    gone = (ExitPoint.source == source) & ExitPoint.active
    if exits:
        gone &= ExitPoint.name.not_in([one.name for one in exits])
    retired = ExitPoint.update(active=False, updated_at=now).where(gone).execute(database)
    return Synced(added, retired)


@writing
def add_exits(
    database: pw.Database, cipher: Cipher, exits: Sequence[Exit], source: str = "manual", *, now: datetime | None = None
) -> int:
    """Adds to what `source` names; how many are new. Raises ConfigError as `sync_exits`."""
    return sum(_put_exit(database, cipher, one, source, now or datetime.now(UTC)) for one in exits)


@writing
def remove_exit(database: pw.Database, name: str, *, now: datetime | None = None) -> bool:
    """Retires an exit, whoever names it; a source that names it again brings it back. False where it is not known."""
    known = (ExitPoint.name == name) & ExitPoint.active
    return bool(ExitPoint.update(active=False, updated_at=now or datetime.now(UTC)).where(known).execute(database))


@reading
def list_exits(database: pw.Database) -> list[ExitPoint]:
    """The exits that are known, by name; the one that a source told last first."""
    query = ExitPoint.select().where(ExitPoint.active)
    return list(query.order_by(ExitPoint.name, ExitPoint.updated_at.desc(), ExitPoint.id).execute(database))


def known_exits(database: pw.Database, node: str, *, direct: bool = True) -> dict[str, ExitPoint | None]:
    """Name -> row of every exit that `node` may use; where none is known its own address, which has no row, if `direct`."""
    rows: dict[str, ExitPoint | None] = {}
    for row in list_exits(database):
        if row.node in ("", node):
            rows.setdefault(direct_name(node) if row.name == DIRECT.name else row.name, row)
    return rows or ({direct_name(node): None} if direct else {})


def proxy_url_of(cipher: Cipher, row: ExitPoint | None) -> str | None:
    """The address with its credentials, None for a node's own. Raises ConfigError."""
    if row is None or row.proxy_url is None:
        return None
    return cipher.decrypt(row.proxy_url, f"the credentials of exit {row.name!r}") if row.encrypted else row.proxy_url


def direct_name(node: str) -> str:
    """The name of a node's own address."""
    return f"{DIRECT.name}@{node}" if node else DIRECT.name


def _put_exit(database: pw.Database, cipher: Cipher, one: Exit, source: str, now: datetime) -> bool:
    row = ExitPoint.select().where(ExitPoint.name == one.name, ExitPoint.source == source).first(database)
    secret = one.proxy_url is not None and "@" in urlsplit(one.proxy_url).netloc
    stored = cipher.encrypt(one.proxy_url) if secret and one.proxy_url else one.proxy_url
    values = {"proxy_url": stored, "encrypted": secret, "active": True, "node": one.node, "updated_at": now}
    check_row(ExitPoint, values | {"name": one.name, "source": source})
    if row is not None:
        ExitPoint.update(values).where(ExitPoint.id == row.id).execute(database)
        return not row.active
    values |= {"name": one.name, "source": source, "created_at": now}
    ExitPoint.insert(values).on_conflict_ignore().execute(database)
    return True
