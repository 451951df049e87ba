"""The switch that ends a run early: whoever waits through it is woken, and nobody waits through it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jobdata_scrapy.exceptions import Drained


class DrainSwitch:
    """Turned on once, never off. Belongs to one event loop."""

    def __init__(self) -> None:
        self.on = False
        self._waiting: set[asyncio.Task[Any]] = set()

    def turn_on(self) -> None:
        """Wakes every waiter; each raises Drained. Later calls do nothing."""
        if not self.on:
            self.on = True
            for task in self._waiting:
                task.cancel()

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Around a wait that must not hold up a drain: raises Drained when the switch is, or is turned, on.

        The task is cancelled where it waits and the cancellation taken back here, as `asyncio.timeout` does it.
        """
        if self.on:
            raise Drained
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - only coroutines wait
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self.on and task.uncancel() == 0:
                raise Drained from None
            raise
        finally:
            self._waiting.discard(task)
