"""The console of a run: the standard error."""

from __future__ import annotations

from rich.console import Console


class RunConsole(Console):
    """Goes quiet when its reader has gone (`scrapy crawl ... 2>&1 | head`): Rich would end the process amid its closing."""

    def __init__(self) -> None:
        super().__init__(stderr=True)

    def on_broken_pipe(self) -> None:
        self.quiet = True
