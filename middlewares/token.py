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

    `static` is the setting's own, in no pool; else an exit is picked together with its token (`jobdata_scrapy.token_pool`).
    """

    def __init__(self, session: RunSession, static: str) -> None:
        self._session = session
        self._static = static

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        session = session_of(crawler)
        if not session.platform.token_setting:
            raise NotConfigured
        static = secret_value(crawler.settings.get(session.platform.token_setting))
        if not static:
            session.leases.tokens.require()
        return cls(session, static)

    async def process_request(self, request: Request) -> None:
        if "spec" not in request.meta:  # robots.txt is asked without a token
            return
        if self._static:
            request.meta.update(token=self._static, token_name="")
            return
        exit_name = request.meta["exit"].exit_name
        lease = self._session.leases.tokens.token_of(exit_name)
        if lease is None:  # gone since the exit was picked
            raise RequestRefused("NO_TOKEN_FREE", "", cause=f"exit {exit_name} was lost just before a request through it")
        request.meta.update(token=lease.value, token_name=lease.name)
