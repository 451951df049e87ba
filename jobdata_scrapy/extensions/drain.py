"""Ends a run in order when it is asked to: SIGTERM, SIGINT (Scrapyd's cancel), a file, or an HTTP notice (nodes to be reclaimed).

Scrapy's own handlers wait for every queued request, and at a second signal skip `spider_closed`. Ours replace them: whoever
waits at the pace gate is woken, the page in flight is finished and stored, the rounds are written down as partial, what was
leased is given back. Off-switch: DRAIN_ENABLED.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx2
from scrapy import signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.ossignal import install_shutdown_handlers

from jobdata_scrapy.run_session import RunSession, session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

WATCHDOG_SECONDS = 19.0  # whoever asked kills after 20
NOTICE_TIMEOUT_SECONDS = 3.0
REASON = "drained"


class DrainExtension:
    """`drain(why)` begins it; later calls change nothing. `path`, `url`: the notices to look for ("" for none)."""

    def __init__(self, crawler: Crawler, session: RunSession) -> None:
        self._crawler = crawler
        self._session = session
        self._path = session.config.drain_file
        self._url = session.config.drain_url
        self._poll_seconds = session.config.drain_poll_seconds
        self._draining = False
        self._watching: asyncio.Task[None] | None = None
        self._path_failed = self._url_failed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Raises NotConfigured where DRAIN_ENABLED is off."""
        if not crawler.settings.getbool("DRAIN_ENABLED", True):
            raise NotConfigured("DRAIN_ENABLED is off")
        extension = cls(crawler, session_of(crawler))
        crawler.signals.connect(extension.engine_started, signals.engine_started)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def engine_started(self) -> None:
        loop = asyncio.get_running_loop()

        def ask_to_drain(number: int, _frame: Any) -> None:  # between any two bytecodes: no logging, no locks here
            loop.call_soon_threadsafe(self.drain, signal.Signals(number).name)

        install_shutdown_handlers(ask_to_drain)
        if self._path or self._url:
            self._watching = asyncio.ensure_future(self._watch())

    def spider_closed(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    def drain(self, why: str) -> None:
        """Stops beginning things, wakes who waits, closes the run as `drained`."""
        if self._draining:
            logger.info("%s: the run is ending already", why)
            return
        self._draining = True
        logger.info("%s: the run ends now, within %g seconds; the page in flight is finished", why, WATCHDOG_SECONDS)
        self._start_watchdog()
        self._session.draining.turn_on()
        assert self._crawler.engine is not None  # noqa: S101 - it has started
        closing = asyncio.ensure_future(self._crawler.engine.close_spider_async(reason=REASON))
        closing.add_done_callback(asyncio.Future.exception)  # closed already: all the better

    async def _watch(self) -> None:
        async with httpx2.AsyncClient(timeout=NOTICE_TIMEOUT_SECONDS, trust_env=False) as client:
            while True:
                if self._path and await asyncio.to_thread(self._is_left):
                    return self.drain(f"DRAIN_FILE {self._path}")
                if self._url and await self._is_announced(client):
                    return self.drain("DRAIN_URL")
                await asyncio.sleep(self._poll_seconds)

    def _is_left(self) -> bool:
        try:
            Path(self._path).stat()
            return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            if not self._path_failed:
                logger.warning("DRAIN_FILE could not be looked for, a notice there would be missed: %s", error)
            self._path_failed = True
            return False

    async def _is_announced(self, client: httpx2.AsyncClient) -> bool:
        try:
            return (await client.get(self._url)).status_code == httpx2.codes.OK
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            if not self._url_failed:
                logger.warning("DRAIN_URL could not be asked, a notice there would be missed: %s", type(error).__name__)
            self._url_failed = True
            return False

    def _start_watchdog(self) -> None:
        timer = threading.Timer(WATCHDOG_SECONDS, self._end_process)
        timer.daemon = True  # a process that ends in time does not wait for it
        timer.start()

    def _end_process(self) -> None:
        """In a thread of its own: whatever holds the event loop, or the exit of the process, does not hold this."""
        try:
            logger.critical(
                "The run did not end within %g seconds and is ended now; its rounds go on in another run", WATCHDOG_SECONDS
            )
            assert self._crawler.stats is not None  # noqa: S101 - set before components are made
            self._session.give_up(REASON, dict(self._crawler.stats.get_stats()))
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(1)
