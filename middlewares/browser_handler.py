"""Reads a page in Chromium, by scrapy-playwright: for page kinds whose content is made by the page's own scripts.

An honest browser: our user agent, no disguise. One context (cookies, proxy) an exit, a fresh one after each cool-down; every page
is closed, whatever comes of it.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler
from scrapy_playwright.page import PageMethod

from jobdata_scrapy.browser import UNNEEDED, WRITE_STATE, browser_proxy, launch_options
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import RequestRefused

if TYPE_CHECKING:
    from playwright.async_api import Page as BrowserPage
    from playwright.async_api import Request as BrowserRequest
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

STATE_SECONDS = 5.0  # a healthy page has its state when it is loaded; a captcha page never has it
PREFIX = "Page.goto: "
VERIFY_CERTIFICATES = "DOWNLOAD_VERIFY_CERTIFICATES"  # Scrapy's setting, no switch of ours


class BrowserDownloadHandler(ScrapyPlaywrightDownloadHandler):
    """Started with the first page: most runs need no browser, and by then the signal that scrapy-playwright waits for is over."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        program = Config.from_settings(settings).browser_executable
        self.config.launch_options = launch_options(program, dict(os.environ), as_root=os.geteuid() == 0)
        self.config.navigation_timeout_ms = settings.getfloat("DOWNLOAD_TIMEOUT") * 1000
        self.abort_request = is_unneeded
        self._timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._context_kwargs = {
            "user_agent": settings["USER_AGENT"],
            "accept_downloads": False,
            "service_workers": "block",
            "ignore_https_errors": not settings.getbool(VERIFY_CERTIFICATES),
        }
        self._starting = asyncio.Lock()
        self._started = False
        self._contexts: dict[str, str] = {}

    async def download_request(self, request: Request) -> Response:
        """The page when its scripts have run. Raises Scrapy's download errors, and RequestRefused for a proxy it cannot use."""
        self._prepare(request)
        try:
            with scrapy_errors(request):
                await self._start()
                await self._end_old_session(request)
                async with asyncio.timeout(self._timeout):
                    return await super().download_request(request)
        finally:
            page = request.meta.pop("playwright_page", None)
            if page is not None and not page.is_closed():
                await page.close()

    async def _start(self) -> None:
        async with self._starting:
            if not self._started:
                await self._launch()
                await self._maybe_launch_browser()  # else its start would count as time of the first page
                self._started = True

    async def _end_old_session(self, request: Request) -> None:
        """Closes the exit's context of before its last cool-down, its cookies with it."""
        slot, name = request.meta["download_slot"], request.meta["exit_session"]
        old = self.context_wrappers.get(self._contexts.get(slot, name))
        if old is not None and self._contexts[slot] != name:
            await old.context.close()
        self._contexts[slot] = name

    def _prepare(self, request: Request) -> None:
        spec = request.meta["signed_spec"]
        context = dict(self._context_kwargs)
        if proxy_url := proxy_url_of(request):
            try:
                context["proxy"] = browser_proxy(proxy_url)
            except ValueError as error:
                raise RequestRefused("NO_BROWSER_PROXY", "no_proxy_left", cause=str(error)) from None
        request.headers.pop("Proxy-Authorization", None)  # a browser would send it to the site
        request.meta.update(
            playwright_context=request.meta["exit_session"],
            playwright_context_kwargs=context,
            playwright_include_page=True,  # closed here, also when the wait for it is cancelled
            playwright_page_methods=[PageMethod(write_state, spec.state)] if spec.state else [],
        )


@contextmanager
def scrapy_errors(request: Request) -> Iterator[None]:
    """Browser errors as Scrapy knows them, so that they are asked again and counted like any lost connection."""
    try:
        yield
    except (TimeoutError, PlaywrightTimeoutError):
        raise DownloadTimeoutError(f"Getting {request.url} in a browser took too long.") from None
    except PlaywrightError as error:
        raise DownloadFailedError(error.message.partition("\n")[0].removeprefix(PREFIX)) from None


async def write_state(page: BrowserPage, name: str) -> None:
    """Waits for the page's variable and writes it into the document; a page without it is left to the verdict."""
    try:
        await page.wait_for_function("name => window[name] !== undefined", arg=name, timeout=STATE_SECONDS * 1000)
    except PlaywrightTimeoutError:
        return
    await page.evaluate(WRITE_STATE, name)


def is_unneeded(request: BrowserRequest) -> bool:
    """What a page loads and we do not look at."""
    return request.resource_type in UNNEEDED


def proxy_url_of(request: Request) -> str:
    """The proxy with its credentials, which Scrapy's middleware has moved into a header; "" without one."""
    url: str = request.meta.get("proxy") or ""
    kind, _, credentials = (request.headers.get("Proxy-Authorization") or b"").decode("latin-1").partition(" ")
    if not url or kind.lower() != "basic":
        return url
    user, _, password = base64.b64decode(credentials).decode("latin-1").partition(":")
    parts = urlsplit(url)
    return f"{parts.scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"
