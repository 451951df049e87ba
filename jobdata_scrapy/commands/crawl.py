"""`scrapy crawl`: Scrapy's own command, whose exit code tells what the run was worth (also under Scrapyd).

0: every promise kept; 1: not; 2: wrong argument or setting, nothing was asked; 3: kept, but the site's cap hides postings.
"""

from __future__ import annotations

import argparse
import gc
from typing import Any

from scrapy.commands.crawl import Command as CrawlCommand
from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError
from scrapy.spiderloader import get_spider_loader

from jobdata_scrapy import stats as keys
from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.exceptions import ArgumentError, ConfigError


class Command(OneLineErrors, CrawlCommand):
    """Refuses wrong arguments before anything is started; starts as failing, and only the run's verdict clears it."""

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        if args:
            self._check(args[0], opts.spargs)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        self.exitcode = 1
        self._crawler: Crawler | None = None
        # Scrapy's deprecated classes look at the whole stack when they are made: here it is short, a fifth of a second a start
        import scrapy.core.downloader.contextfactory
        import scrapy.core.downloader.tls  # noqa: F401

        gc.freeze()  # what was imported stays to the end: no collection need look at it again
        super().run(args, opts)
        if self._crawler is not None and self._crawler.stats is not None:
            self.exitcode = self._crawler.stats.get_value(keys.RUN_EXIT_CODE, 1)

    def _check(self, name: str, arguments: dict[str, str]) -> None:
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before
        spiders = get_spider_loader(self.settings)
        try:
            spider_class = spiders.load(name)
        except KeyError:
            known = ", ".join(sorted(spiders.list()))
            raise UsageError(f"spider: {name!r} is unknown; allowed: {known}", print_help=False) from None
        try:
            spider_class.check(arguments, self.settings)
        except (ArgumentError, ConfigError) as error:
            raise UsageError(str(error), print_help=False) from None

    def _create_crawler(self, spidercls: Any) -> Crawler:
        self._crawler = super()._create_crawler(spidercls)
        return self._crawler
