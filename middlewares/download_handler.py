"""Puts a request on the wire: applies its signature, then Scrapy's default handler, its httpx handler for SOCKS proxies, or a
browser where the page needs one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from scrapy.core.downloader.handlers._httpx import HttpxDownloadHandler
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import DownloadTimeoutError

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from middlewares.browser_handler import BrowserDownloadHandler

SOCKS_SCHEMES = ("socks5://", "socks5h://")


class SocksDownloadHandler(HttpxDownloadHandler):
    """Scrapy's httpx handler with a limit on the whole download; upstream limits each read only."""

    experimental = False  # pinned to one Scrapy release and tested; no warning at every start

    async def download_request(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(_limit_of(request, self.crawler)):
                return await super().download_request(request)
        except TimeoutError:
            raise DownloadTimeoutError from None  # worded by the handler for all


class SignedDownloadHandler:
    """One handler for http and https. `meta["signed_spec"]` is what leaves; the Request keeps the unsigned address."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._plain = HTTP11DownloadHandler(crawler)
        self._socks: SocksDownloadHandler | None = None
        self._browser: BrowserDownloadHandler | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        signed = apply_signature(request)
        try:
            response = await self._handler_for(signed).download_request(signed)
            response.request = request  # scrapy-playwright sets the signed copy
            return response
        except DownloadTimeoutError:  # Scrapy's words hold the whole signed address, and they reach log and report
            where = urlsplit(request.url)
            limit = f"{_limit_of(request, self._crawler):g} seconds"
            raise DownloadTimeoutError(f"{where.netloc}{where.path} gave no whole answer within {limit}") from None
        finally:
            if "download_latency" in signed.meta:
                request.meta["download_latency"] = signed.meta["download_latency"]

    def _handler_for(self, request: Request) -> HTTP11DownloadHandler | SocksDownloadHandler:
        if request.meta.get("playwright"):
            return self._open_browser()
        if not (request.meta.get("proxy") or "").startswith(SOCKS_SCHEMES):
            return self._plain
        if self._socks is None:
            self._socks = SocksDownloadHandler(self._crawler)
        return self._socks

    def _open_browser(self) -> BrowserDownloadHandler:
        if self._browser is None:
            from middlewares.browser_handler import BrowserDownloadHandler  # half a second that most runs do not need

            self._browser = BrowserDownloadHandler(self._crawler)
        return self._browser

    async def close(self) -> None:
        if self._browser is not None:
            await self._browser.close()
        await self._plain.close()
        if self._socks is not None:
            await self._socks.close()


def _limit_of(request: Request, crawler: Crawler) -> float:
    return float(request.meta.get("download_timeout") or crawler.settings.getfloat("DOWNLOAD_TIMEOUT"))


def apply_signature(request: Request) -> Request:
    """The request as it goes on the wire: signed target, headers and body below the base URL it was made for."""
    spec = request.meta.get("signed_spec")
    if spec is None:
        return request
    headers = request.headers.copy()
    for name, value in spec.headers:
        headers[name] = value
    return request.replace(url=spec.url(request.meta["base_url"]), method=spec.method, headers=headers, body=spec.body)
