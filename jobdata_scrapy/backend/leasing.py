"""The part of `DirectBackend` that hands out keywords, tokens and exits, and keeps budgets and locks."""

from __future__ import annotations

import copy
import socket
from collections.abc import Sequence
from datetime import datetime

import peewee as pw

from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.db import anomalies, budgets, coverage, exit_leases, exits, keyword_list, keywords, site_locks, tokens
from jobdata_scrapy.db.cipher import Cipher
from jobdata_scrapy.db.exit_leases import ExitRules
from jobdata_scrapy.db.keyword_states import QueueRules
from jobdata_scrapy.exits import Exit
from jobdata_scrapy.leases import AnomalyEvent, ExitLease, KeywordLease, LockCheck, Owner, TokenLease


class Leasing:
    """See `backend.base.Backend` for what each method promises."""

    def __init__(self, config: Config, database: Worker[pw.Database]) -> None:
        """Raises ConfigError for a TOKEN_KEY of the wrong form."""
        self._database = database
        self._cipher = Cipher.from_config(config)
        self._queue_rules = QueueRules.from_config(config)
        self._exit_rules = ExitRules.from_config(config)
        self._token_seconds = config.token_lease_seconds
        self._lock_seconds = config.lock_seconds

    async def lease_keyword(self, platform: str, owner: Owner) -> KeywordLease | None:
        """The next keyword in the queue's order."""
        return await self._database.run(lambda database: keywords.lease_keyword(database, platform, owner, self._queue_rules))

    async def extend_keywords(self, owner: Owner) -> frozenset[int]:
        """The heartbeat."""
        return await self._database.run(lambda database: keywords.extend_keywords(database, owner, self._queue_rules))

    async def save_plan(self, lease: KeywordLease, plan: str) -> None:
        """Keeps the search plan."""
        given = copy.deepcopy(lease)
        await self._database.run(lambda database: keywords.save_plan(database, given, plan))

    async def release_keyword(self, lease: KeywordLease, error: str = "") -> None:
        """Gives a keyword back."""
        given = copy.deepcopy(lease)
        await self._database.run(lambda database: keywords.release_keyword(database, given, error, self._queue_rules))

    async def last_healthy_rounds(self, platform: str, keyword: str, city: str, count: int) -> list[Coverage]:
        """The rounds that later ones are compared with."""
        return await self._database.run(
            lambda database: coverage.last_healthy_rounds(database, platform, keyword, city, count)
        )  # fmt: skip

    async def found_empty(self, platform: str, keyword: str, city: str) -> list[datetime]:
        """The rounds that decide whether an empty list is believed."""
        return await self._database.run(lambda database: coverage.found_empty(database, platform, keyword, city))

    async def count_waiting(self, platform: str) -> dict[str, int]:
        """Why no keyword is ready."""
        return await self._database.run(lambda database: keyword_list.count_waiting(database, platform))

    async def acquire_token(self, platform: str, owner: Owner, exit_name: str) -> TokenLease | None:
        """A healthy token that nobody else holds. Raises ConfigError where TOKEN_KEY is missing or another one."""
        return await self._database.run(
            lambda database: tokens.acquire_token(database, self._cipher, platform, owner, exit_name, self._token_seconds)
        )

    async def count_tokens(self, platform: str) -> int:
        """Healthy tokens, whoever holds them."""
        return await self._database.run(lambda database: tokens.count_tokens(database, platform))

    async def extend_tokens(self, owner: Owner) -> None:
        """The heartbeat of tokens."""
        await self._database.run(lambda database: tokens.extend_tokens(database, owner, self._token_seconds))

    async def report_token(self, lease: TokenLease, *, healthy: bool, reason: str = "") -> None:
        """What became of the token."""
        given = copy.copy(lease)
        await self._database.run(lambda database: tokens.report_token(database, given, healthy=healthy, reason=reason))

    async def release_token(self, lease: TokenLease) -> None:
        """Gives the token back."""
        given = copy.copy(lease)
        await self._database.run(lambda database: tokens.release_token(database, given))

    async def sync_exits(self, given: Sequence[Exit], source: str) -> exits.Synced:
        """Makes `given` all that `source` names; see `db.exits`."""
        return await self._database.run(lambda database: exits.sync_exits(database, self._cipher, given, source))

    async def lease_exit(self, platform: str, owner: Owner) -> ExitLease | None:
        """The best free exit. Raises ConfigError where TOKEN_KEY is missing or another one."""
        return await self._database.run(
            lambda database: exit_leases.lease_exit(database, self._cipher, platform, owner, self._exit_rules)
        )

    async def count_exits(self, platform: str) -> int:
        """Exits of this machine that are not cooling down."""
        node = socket.gethostname()
        return await self._database.run(lambda database: exit_leases.count_exits(database, platform, node, self._exit_rules))

    async def touch_exit(self, lease: ExitLease) -> None:
        """Keeps pace and score, extends the lease."""
        given = copy.copy(lease)
        await self._database.run(lambda database: exit_leases.touch_exit(database, given, self._exit_rules))

    async def cool_exit(self, lease: ExitLease, reason: str) -> None:
        """Gives the exit back to cool down."""
        given = copy.copy(lease)
        await self._database.run(lambda database: exit_leases.cool_exit(database, given, reason, self._exit_rules))

    async def release_exit(self, lease: ExitLease) -> None:
        """Gives the exit back."""
        given = copy.copy(lease)
        await self._database.run(lambda database: exit_leases.release_exit(database, given))

    async def spend_page(self, platform: str, limit: int) -> bool:
        """Takes one page from today's budget."""
        return await self._database.run(lambda database: budgets.spend_page(database, platform, limit))

    async def check_lock(self, platform: str, exit_name: str, token_name: str, owner: Owner) -> LockCheck:
        """The strictest of the locks."""
        return await self._database.run(
            lambda database: site_locks.check_lock(database, platform, exit_name, token_name, owner)
        )  # fmt: skip

    async def trip_lock(self, key: str, reason: str) -> None:
        """Opens a lock."""
        await self._database.run(lambda database: site_locks.trip_lock(database, key, reason, self._lock_seconds))

    async def close_lock(self, key: str) -> None:
        """Closes a lock."""
        await self._database.run(lambda database: site_locks.close_lock(database, key))

    async def record_anomaly(self, event: AnomalyEvent) -> None:
        """Keeps an event."""
        await self._database.run(lambda database: anomalies.record_anomaly(database, event))
