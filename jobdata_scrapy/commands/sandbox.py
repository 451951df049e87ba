"""`scrapy sandbox`: the three sites on loopback, with faults on demand (docs/sandbox.md)."""

from __future__ import annotations

import argparse

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.sandbox.options import add_arguments, read_options


class Command(OneLineErrors, ScrapyCommand):
    """Serves until Ctrl-C; a wrong argument ends with one line and exit code 2."""

    requires_project = False
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own form

    def syntax(self) -> str:
        """The arguments, as `scrapy sandbox -h` shows them."""
        return "[options]"

    def short_desc(self) -> str:
        """One line for `scrapy -h`."""
        return "Serve fakes of the three sites on loopback, with faults on demand"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Scrapy's own options and the sandbox's."""
        super().add_options(parser)
        add_arguments(parser)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Raises UsageError for a wrong argument."""
        if args:
            raise UsageError(f"unknown argument {args[0]!r}; the options are listed by: scrapy sandbox -h")
        from jobdata_scrapy.sandbox.server import run_server  # late: Scrapy imports every command at each start, and this aiohttp

        try:
            self.exitcode = run_server(read_options(opts))
        except ArgumentError as error:
            raise UsageError(str(error), print_help=False) from None
