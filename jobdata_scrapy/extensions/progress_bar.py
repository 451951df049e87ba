"""The bar that a run shows on a terminal, together with its log lines."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.text import Text

from jobdata_scrapy.extensions.progress_state import ProgressState


class ProgressBar:
    """The bar on a terminal. While it lives, log lines go through the same console, so that neither tears the other."""

    def __init__(self, console: Console, name: str, describe: Callable[[], str]) -> None:
        # A pipe behind stdout (`-o -:csv | ...`) must get every byte that is written to it: only a terminal is redirected.
        columns = (SpinnerColumn("line"), _TextColumn(lambda: name), BarColumn(bar_width=12), _TextColumn(describe))
        self._progress = Progress(*columns, console=console, refresh_per_second=4, redirect_stdout=sys.stdout.isatty())
        self._task = self._progress.add_task(name, total=None)
        self._handlers: list[tuple[logging.StreamHandler[Any], Any]] = []

    def start(self) -> None:
        """Shows the bar and routes the log handlers that write to stderr through its console."""
        stderr = sys.stderr
        self._progress.start()
        for handler in logging.root.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is stderr:
                self._handlers.append((handler, handler.setStream(sys.stderr)))

    def update(self, state: ProgressState) -> None:
        """Moves the bar; it pulses while nobody knows how far it is."""
        self._progress.update(self._task, completed=state.pages, total=state.expected)

    def stop(self) -> None:
        """Draws the bar a last time and gives the handlers their stream back."""
        for handler, stream in self._handlers:
            handler.setStream(stream)
        self._handlers.clear()
        self._progress.stop()


class _TextColumn(ProgressColumn):
    """A text made anew at each refresh; never read as markup, keywords may hold brackets."""

    def __init__(self, make_text: Callable[[], str]) -> None:
        super().__init__()
        self._make_text = make_text

    def render(self, task: Task) -> Text:
        return Text(self._make_text())
