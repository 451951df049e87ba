"""One question to a site outside a crawl, by the crawl's own rules: exit, pace, locks, page budget, robots.txt."""

from __future__ import annotations

import random
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import peewee as pw

from jobdata_scrapy.client import PlatformClient
from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.db.budgets import spend_page
from jobdata_scrapy.db.cipher import Cipher
from jobdata_scrapy.db.exit_leases import ExitRules, cool_exit, lease_exit, release_exit, touch_exit
from jobdata_scrapy.db.exits import add_exits
from jobdata_scrapy.db.site_locks import check_lock
from jobdata_scrapy.exceptions import RequestRefused
from jobdata_scrapy.exit_sources import read_exits
from jobdata_scrapy.exits import without_credentials
from jobdata_scrapy.leases import ExitLease, LockState, Owner
from jobdata_scrapy.platform import Platform, SearchPage, Verdict

NEEDS_EXIT = (Verdict.CAPTCHA, Verdict.IP_BANNED)
_RANDOM = random.SystemRandom()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LookUp:
    """user_agent: who asks; obeys_robots: whether robots.txt is asked first."""

    config: Config
    database: pw.Database
    cipher: Cipher
    user_agent: str
    obeys_robots: bool = True

    def search(self, platform: Platform, token: str, token_name: str, keyword: str, city: str) -> SearchPage:
        """The first page of a search. Raises RequestRefused also where no exit is free or the site is locked, ParseError,
        requests.RequestException."""
        spec = platform.search_request(platform.query(keyword, city), 1)
        with self._leased(platform.name) as (lease, proxy_url), self._client(platform, token, proxy_url) as client:
            if self.obeys_robots:
                self._ask(lease, token_name, lambda: client.check_robots(spec))
            return self._ask(lease, token_name, lambda: platform.parse_search(client.ask(spec).body, 1))

    def _client(self, platform: Platform, token: str, proxy_url: str) -> PlatformClient:
        secret = secret_value(getattr(self.config, platform.secret_setting.lower(), "")) if platform.secret_setting else ""
        base_url = self.config.base_url(platform.name, platform.base_url)
        return PlatformClient(
            platform, base_url=base_url, token=token, secret=secret, proxy_url=proxy_url, user_agent=self.user_agent
        )  # fmt: skip

    @contextmanager
    def _leased(self, platform: str) -> Iterator[tuple[ExitLease, str]]:
        """An exit that no crawl holds, and its address with its credentials ("" for this machine's own)."""
        own, node = {}, socket.gethostname()
        shares = bool(secret_value(self.config.token_key))
        for source, found in read_exits(self.config).items():
            own |= {one.name: one.proxy_url for one in found.exits}
            given = found.exits if shares else [without_credentials(one, node) for one in found.exits]
            add_exits(self.database, self.cipher, given, f"{source}@{node}")
        owner = Owner(f"look-up-{secrets.token_hex(6)}", node)
        lease = lease_exit(self.database, self.cipher, platform, owner, ExitRules.from_config(self.config))
        if lease is None:
            raise RequestRefused("NO_EXIT_FREE", "", cause="all exits are held by crawls or cool down; ask again later")
        try:
            yield lease, own.get(lease.exit_name, lease.proxy_url) or ""
        finally:
            release_exit(self.database, lease)

    def _ask(self, lease: ExitLease, token_name: str, request: Callable[[], T]) -> T:
        """Waits for the exit's turn, asks, and leaves the time of the answer in the lease."""
        self._check_allowed(lease, token_name)
        if lease.last_end is not None:
            pause = _RANDOM.uniform(*self.config.pause_range()) * lease.slowness
            time.sleep(max(pause - (datetime.now(UTC) - lease.last_end).total_seconds(), 0.0))
        rules, blocked = ExitRules.from_config(self.config), ""
        try:
            return request()
        except RequestRefused as refused:
            blocked = f"{lease.platform} answered {refused.verdict}" if refused.verdict in NEEDS_EXIT else ""
            raise
        finally:
            lease.last_end = datetime.now(UTC)
            touch_exit(self.database, lease, rules)
            if blocked:
                cool_exit(self.database, lease, blocked, rules)

    def _check_allowed(self, lease: ExitLease, token_name: str) -> None:
        owner, limit = Owner(lease.owner, socket.gethostname()), self.config.page_budget()
        locks = check_lock(self.database, lease.platform, lease.exit_name, token_name, owner)
        if locks.state is not LockState.CLOSED:
            raise RequestRefused("LOCKED", "", cause="the site is locked after blocks (scrapy locks list)")
        if limit and not spend_page(self.database, lease.platform, limit):
            raise RequestRefused("BUDGET_SPENT", "", cause=f"today's {limit} pages are spent (DAILY_PAGE_BUDGET)")
