"""How far an export is: a bar on a terminal, a plain line now and then elsewhere; both on the standard error."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

LOG_SECONDS = 30.0


class ExportProgress:
    """Is told by `write_export`. log_seconds: between two plain lines; clock: monotonic seconds."""

    def __init__(
        self, console: Console, *, log_seconds: float = LOG_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._log_seconds = log_seconds
        self._clock = clock
        self._logged_at = clock()
        self._name, self._total, self._rows, self._size = "", None, 0, 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if console.is_terminal and not console.is_dumb_terminal:
            text = TextColumn("{task.description}", markup=False)
            self._bar = Progress(
                SpinnerColumn("line"), text, BarColumn(24), TimeRemainingColumn(), console=console, transient=True
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            with suppress(OSError):  # the terminal may have been closed
                self._bar.stop()

    def start(self, name: str, total: int | None) -> None:
        """A table of `total` rows begins (None: its rows cannot be counted on the way)."""
        self._name, self._total, self._rows, self._size = name, total, 0, 0
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(self._describe(), total=total)

    def advance(self, rows: int, size: int) -> None:
        """So many more rows and bytes."""
        self._rows += rows
        self._size += size
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=rows, description=self._describe())
        elif self._bar is None and self._clock() - self._logged_at >= self._log_seconds:
            self._logged_at = self._clock()
            self._console.print(self._describe(), markup=False, highlight=False, soft_wrap=True)

    def _describe(self) -> str:
        parts = [] if self._total is None else [f"{self._rows:,} of {self._total:,} rows"]
        if self._size:
            parts.append(decimal(self._size))
        return f"{self._name}: {', '.join(parts)}" if parts else self._name
