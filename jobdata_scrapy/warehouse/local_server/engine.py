"""The chDB engine: one store, a fresh handle for each request, kept handles for sessions that have state."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chdb

SESSION_SECONDS = 60.0
# the engine's own defaults suit a machine of its own: caches of 5 GB, 90 % of the memory
OPTIONS = "mark_cache_size=268435456&index_mark_cache_size=134217728&max_server_memory_usage_to_ram_ratio=0.5"


@dataclass(slots=True)
class Handle:
    """One connection to the engine. kept: it belongs to a session and outlives the request."""

    connection: Any
    kept: bool = False
    used: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def query(self, sql: str, fmt: str = "TSV", params: dict[str, str] | None = None) -> Any:
        return self.connection.query(sql, fmt, params=params)

    def text(self, sql: str, fmt: str = "TSV") -> str:
        """The answer of a small query of our own."""
        data = self.query(sql, fmt).bytes()
        return data.decode() if data else ""


class Engine:
    """Opens the store below `path`; raises RuntimeError (with ClickHouse's text) when it cannot. folder: where drafts may lie."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = path.parent
        self._url = f"{path}?{OPTIONS}"
        self._first = chdb.connect(self._url)  # keeps the store open between requests
        self._sessions: dict[str, Handle] = {}
        self._lock = threading.Lock()
        self.version, self.timezone = Handle(self._first).text("SELECT version(), timezone()").rstrip("\n").split("\t")

    @contextlib.contextmanager
    def handle(self, session: str) -> Iterator[Handle]:
        """A handle for one request. Set `handle.kept` inside to keep it for the session; requests of a session take turns."""
        handle = self._find(session) or Handle(chdb.connect(self._url))
        with handle.lock:
            was_kept = handle.kept
            try:
                yield handle
            finally:
                handle.used = time.monotonic()
                if not handle.kept:
                    handle.connection.close()
                elif not was_kept:
                    with self._lock:
                        self._sessions[session] = handle

    def _find(self, session: str) -> Handle | None:
        with self._lock:
            now = time.monotonic()
            for name, handle in list(self._sessions.items()):
                if name != session and now - handle.used > SESSION_SECONDS and handle.lock.acquire(blocking=False):
                    handle.connection.close()
                    del self._sessions[name]
            return self._sessions.get(session) if session else None

    def close(self) -> None:
        """Closes the sessions and the store."""
        for handle in self._sessions.values():
            handle.connection.close()
        self._first.close()
