"""Signing: the moment before a request leaves, computes what the site's own `sign` makes of it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Self

from scrapy import signals

from jobdata_scrapy import stats as keys
from jobdata_scrapy.config import secret_value
from jobdata_scrapy.js_signer import JsSigner
from jobdata_scrapy.platform import SignContext
from jobdata_scrapy.run_session import RunSession, session_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector


class SigningMiddleware:
    """Puts the signed spec into meta; the download handler applies it, since a Request has no setters for URL and body."""

    def __init__(self, session: RunSession, secret: str, signer: JsSigner | None, stats: StatsCollector) -> None:
        self._session = session
        self._secret = secret
        self._signer = signer
        self._stats = stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        session = session_of(crawler)
        platform, settings = session.platform, crawler.settings
        script = settings.get(platform.script_setting) if platform.script_setting else ""
        signer = JsSigner(script, platform.script_setting) if script else None
        secret = secret_value(settings.get(platform.secret_setting)) if platform.secret_setting else ""
        assert crawler.stats is not None  # noqa: S101 - set before components are made
        middleware = cls(session, secret, signer, crawler.stats)
        crawler.signals.connect(middleware.spider_closed, signals.spider_closed)
        return middleware

    async def process_request(self, request: Request) -> None:
        spec = request.meta.get("spec")
        if spec is None:  # robots.txt is asked unsigned
            return
        now, token = self._session.clock().timestamp(), request.meta.get("token", "")
        script_value = ""
        if self._signer is not None:
            self._stats.inc_value(keys.SIGNING_SCRIPT_CALLS)
            script_value = await self._signer.sign(spec.target, token, now)
        context = SignContext(now, secrets.token_hex(16), token, self._secret, script_value)
        request.meta["signed_spec"] = self._session.platform.sign(spec, context)
        self._stats.inc_value(keys.SIGNING_SIGNED)

    def spider_closed(self) -> None:
        if self._signer is not None:
            self._signer.close()
