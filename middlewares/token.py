"""Tokens: gives each request a session token of the operator's, from the pool, or the one that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy.exceptions import NotConfigured

from jobdata_scrapy.config import secret_value
from jobdata_scrapy.exceptions import RequestRefused
from jobdata_scrapy.run_session import RunSession, session_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class TokenMiddleware:
    """Leaves `meta["token"]` for the signing middleware and `meta["token_name"]` for the verdict's measures.

    A token is held while it is healthy and used through one exit at a time; `static` is the setting's own, in no pool.
    """

    def __init__(self, session: RunSession, static: str) -> None:
        self._session = session
        self._static = static

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        session = session_of(crawler)
        if not session.platform.token_setting:
            raise NotConfigured
        return cls(session, secret_value(crawler.settings.get(session.platform.token_setting)))

    async def process_request(self, request: Request) -> None:
        if "spec" not in request.meta:  # robots.txt is asked without a token
            return
        if self._static:
            request.meta.update(token=self._static, token_name="")
            return
        lease = await self._session.leases.find_token(request.meta["exit"].exit_name)
        if lease is None:
            cause = f"no healthy token of {self._session.platform.name} is free (scrapy tokens list)"
            raise RequestRefused("LOGIN_REQUIRED", "login_required", cause=cause)
        request.meta.update(token=lease.value, token_name=lease.name)
