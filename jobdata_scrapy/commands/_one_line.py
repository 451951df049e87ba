"""A wrong word is one line."""

from __future__ import annotations

import argparse


class OneLineErrors:
    """Mixed into a ScrapyCommand: what is wrong stands alone on the standard error (exit code 2), without Scrapy's heading.

    That holds for a UsageError of ours and for what Scrapy's own parser refuses; `scrapy COMMAND -h` shows the usage as ever.
    """

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)  # type: ignore[misc]
        parser.print_usage = lambda file=None: None  # type: ignore[method-assign]
