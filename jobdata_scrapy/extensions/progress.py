"""Shows how far a run is: a bar on a terminal, plain log lines elsewhere. Off-switch: PROGRESS_ENABLED."""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from scrapy import signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from jobdata_scrapy import stats as keys
from jobdata_scrapy.extensions.progress_bar import ProgressBar
from jobdata_scrapy.extensions.progress_state import ProgressState
from jobdata_scrapy.extensions.run_console import RunConsole
from jobdata_scrapy.items import Page
from jobdata_scrapy.platform import Platform
from jobdata_scrapy.verdict_policy import BLOCKS

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from scrapy.statscollectors import StatsCollector

logger = logging.getLogger(__name__)

_NARROW = 120
_BLOCK_KEYS = tuple(keys.labelled(keys.VERDICT_COUNT, verdict=verdict) for verdict in BLOCKS)


class ProgressExtension:
    """Counts pages as they leave the pipelines.

    log_pages, log_seconds: without a terminal, one line each so many pages, or after so many seconds; clock: monotonic seconds.
    """

    def __init__(
        self,
        stats: StatsCollector,
        console: Console,
        *,
        log_pages: int = 10,
        log_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stats = stats
        self._console = console
        self._log_pages = log_pages
        self._log_seconds = log_seconds
        self._clock = clock
        self._state = ProgressState()
        self._started_at = self._logged_at = clock()
        self._logged_pages = 0
        self._bar: ProgressBar | None = None
        self._timer: Any = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Raises NotConfigured where PROGRESS_ENABLED is off."""
        settings = crawler.settings
        if not settings.getbool("PROGRESS_ENABLED", True):
            raise NotConfigured
        log_pages, log_seconds = settings.getint("PROGRESS_LOG_PAGES", 10), settings.getfloat("PROGRESS_LOG_SECONDS", 30.0)
        assert crawler.stats is not None  # noqa: S101 - Scrapy makes it before the extensions
        extension = cls(crawler.stats, RunConsole(), log_pages=log_pages, log_seconds=log_seconds)
        extension.connect(crawler)
        return extension

    def connect(self, crawler: Crawler) -> None:
        """Listens to the crawler. `engine_stopped` comes also where a failed start leaves out `spider_closed`."""
        crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self.item_scraped, signal=signals.item_scraped)
        crawler.signals.connect(self.spider_closed, signal=signals.spider_closed)
        crawler.signals.connect(self.stop, signal=signals.engine_stopped)

    def spider_opened(self, spider: Spider) -> None:
        self._state = make_state(spider, spider.settings)
        self._started_at = self._logged_at = self._clock()
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._bar = ProgressBar(self._console, spider.name, self._describe_bar)
            self._bar.start()
            atexit.register(self.stop)  # a second Ctrl-C skips every signal and would leave the cursor hidden
        else:
            self._timer = create_looping_call(self._log_when_due)
            self._timer.start(self._log_seconds, now=False)

    def item_scraped(self, item: Any) -> None:
        if not isinstance(item, Page):
            return
        self._state.add_page(item)
        if self._bar is not None:
            self._bar.update(self._state)
        elif self._state.pages - self._logged_pages >= self._log_pages:
            self._log()
        else:
            self._log_when_due()

    def spider_closed(self) -> None:
        if self._bar is None and (self._state.pages > self._logged_pages or not self._logged_pages):
            self._log()
        self.stop()

    def stop(self) -> None:
        """Takes the bar away and gives the log its stream back. May be called again."""
        atexit.unregister(self.stop)
        if self._timer is not None and self._timer.running:
            self._timer.stop()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def describe(self, *, short: bool = False) -> str:
        """The state in one line: pages, postings, new/changed/unchanged, bans, time to go; `short`: for 80 columns."""
        state = self._state
        expected = "?" if state.expected is None else state.expected
        counts = f"{state.new} new, {state.changed} changed, {state.unchanged} unchanged"
        if short:
            counts = f"+{state.new} ~{state.changed} ={state.unchanged}"
        parts = [f"pages {state.pages}/{expected}", f"postings {state.seen} ({counts})"]
        if state.details:
            parts.append(f"details {state.details}")
        parts.append(f"bans {sum(self._stats.get_value(key, 0) for key in _BLOCK_KEYS)}")
        to_go = state.estimate_seconds(self._clock() - self._started_at)
        if to_go:
            parts.append(f"ETA {format_clock(to_go)}")
        return ", ".join(parts)

    def _describe_bar(self) -> str:
        return self.describe(short=self._console.width < _NARROW)

    def _log_when_due(self) -> None:
        if self._clock() - self._logged_at >= self._log_seconds:
            self._log()

    def _log(self) -> None:
        self._logged_at, self._logged_pages = self._clock(), self._state.pages
        logger.info("Progress: %s", self.describe())


def make_state(spider: Spider, settings: BaseSettings) -> ProgressState:
    """What is known of the run's length before it begins: keywords x cities, `pages` or MAX_PAGES, the site's result cap."""
    given: Mapping[str, str] = getattr(spider, "given", {})
    platform = getattr(spider, "platform", None)
    pages = int(given["pages"]) if given.get("pages", "").isdecimal() else settings.getint("MAX_PAGES")
    return ProgressState(
        searches=_count_parts(given.get("keyword", "")) * _count_parts(given.get("city", "")),
        pages_limit=pages or None,
        result_cap=platform.result_cap if isinstance(platform, Platform) else None,
    )


def format_clock(seconds: float) -> str:
    """ "0:42", "3:05", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _count_parts(text: str) -> int:
    return max(len({part.strip() for part in text.replace("，", ",").split(",")} - {""}), 1)
