"""One thread that owns one connection."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from jobdata_scrapy.exceptions import StorageError

logger = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")


class Worker(Generic[T]):
    """Runs blocking calls, one after the other, on a thread of its own, on a resource that the thread opens at the first call.

    Not on asyncio's default pool: whatever else is slow there would hold up a page, and connections belong to one thread each.
    """

    def __init__(
        self,
        name: str,
        open_resource: Callable[[], T],
        close_resource: Callable[[T], object],
        *,
        interrupt: Callable[[T], object] | None = None,
    ) -> None:
        """`interrupt` is called from another thread to end a call that does not end by itself."""
        self.name = name
        self._open_resource = open_resource
        self._close_resource = close_resource
        self._interrupt = interrupt
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"backend-{name}")
        self._resource: T | None = None
        self._closing = False

    async def run(self, work: Callable[[T], R]) -> R:
        """`work(resource)` on the thread. Opening that failed is tried again at the next call.

        What has begun is finished even when the caller is cancelled: a page half stored would be worse than one stored unheard.
        """
        if self._closing:
            raise StorageError(f"the {self.name} was asked after the backend was closed")
        future = asyncio.get_running_loop().run_in_executor(self._executor, functools.partial(self._do, work))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(self._log_unheard)
            raise

    async def close(self, seconds: float) -> None:
        """Lets the calls under way end, then closes the resource. Raises StorageError when that takes longer than `seconds`."""
        if self._closing:
            return
        self._closing = True
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        self._executor.shutdown(wait=False)
        try:
            await asyncio.wait_for(asyncio.shield(future), seconds)
        except TimeoutError:
            future.add_done_callback(self._log_unheard)
            if self._interrupt and self._resource is not None:  # it may wait for a lock itself: not on the event loop's thread
                threading.Thread(target=self._interrupt, args=(self._resource,), daemon=True).start()
            raise StorageError(f"the {self.name} did not close within {seconds:g} s") from None

    def _do(self, work: Callable[[T], R]) -> R:
        if self._resource is None:
            self._resource = self._open_resource()
        return work(self._resource)

    def _close(self) -> None:
        resource, self._resource = self._resource, None
        if resource is not None:
            self._close_resource(resource)

    def _log_unheard(self, future: asyncio.Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()):
            logger.error("%s: a call whose caller had gone failed: %s", self.name, error)
