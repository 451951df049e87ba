"""The console of a run: the standard error."""

from __future__ import annotations

import os

from rich.console import Console


class RunConsole(Console):
    """Goes quiet when its reader has gone (`scrapy crawl ... 2>&1 | head`): Rich would end the process amid its closing.

    What comes then goes nowhere: left in its buffer, it would make the exit code 120.
    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """

    def __init__(self) -> None:
        super().__init__(stderr=True)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
