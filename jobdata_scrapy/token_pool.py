"""The session tokens that this process holds for one site: one an exit, taken from the fleet's pool and given back to it.

A token stays with its exit while both are healthy: a session that moves from address to address looks like a stolen one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from jobdata_scrapy.backend.base import Backend
from jobdata_scrapy.exceptions import RequestRefused
from jobdata_scrapy.leases import Owner, TokenLease

logger = logging.getLogger(__name__)


class TokenPool:
    """Off until `require` is called: a site may need no token, or have its only one in the settings."""

    def __init__(self, backend: Backend, platform: str, owner: Callable[[], Owner]) -> None:
        self._backend, self._platform, self._owner = backend, platform, owner
        self._needed = False
        self._held: dict[str, TokenLease] = {}

    def require(self) -> None:
        """From now on an exit is of use only with a token."""
        self._needed = True

    def token_of(self, exit_name: str) -> TokenLease | None:
        """The token used through the exit."""
        return self._held.get(exit_name)

    async def provide(self, exit_name: str) -> bool:
        """Sees to it that the exit has a token; asked for each request: that extends its lease and sees its expiry.

        False where all healthy ones are held elsewhere or locked. Raises RequestRefused (`login_required`) where there is none.
        """
        if not self._needed:
            return True
        lease = await self._backend.acquire_token(self._platform, self._owner(), exit_name)
        before = self._held.get(exit_name)
        if before is not None and (lease is None or lease.token_id != before.token_id):
            await self.free(exit_name)
        if lease is not None:
            self._held[exit_name] = lease
        elif not await self._backend.count_tokens(self._platform):
            cause = f"no token of {self._platform} is healthy (scrapy tokens list)"
            raise RequestRefused("LOGIN_REQUIRED", "login_required", cause=cause)
        return lease is not None

    async def drop(self, exit_name: str, reason: str) -> None:
        """Marks the token used through the exit as invalid; the next request takes another one."""
        token = self._held.pop(exit_name, None)
        if token is not None:
            logger.error("token %s of %s is marked invalid: %s", token.name, self._platform, reason)
            await self._backend.report_token(token, healthy=False, reason=reason)

    async def free(self, exit_name: str) -> None:
        """Gives back the token used through an exit that this process uses no more."""
        token = self._held.pop(exit_name, None)
        if token is not None:
            await self._backend.release_token(token)

    async def beat(self) -> None:
        """Extends the leases: a pause may be longer than a lease holds."""
        if self._held:
            await self._backend.extend_tokens(self._owner())

    async def close(self) -> None:
        """Gives all tokens back."""
        for exit_name in list(self._held):
            await self.free(exit_name)
