"""Answers in a format that is one whole (Parquet: its footer points into it): the engine writes into a pipe, in constant memory.

chDB streams an answer block by block, each a document of its own. Rows and CSV lines may be joined, Parquet files may not, and a
large one as a whole would fill the memory.
"""

from __future__ import annotations

import os
import select
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from jobdata_scrapy.warehouse.local_server.engine import Engine, Handle
from jobdata_scrapy.warehouse.local_server.statement import quote

CHUNK_BYTES = 1 << 20
POLL_SECONDS = 0.05


@dataclass(slots=True)
class _Writer:
    """The query that fills the pipe, in a thread of its own: opening and filling a pipe waits for its reader."""

    handle: Handle
    sql: str
    parameters: dict[str, str]
    error: RuntimeError | None = None
    thread: threading.Thread = field(init=False)

    def start(self) -> None:
        self.thread = threading.Thread(target=self._write, name="piped answer", daemon=True)
        self.thread.start()

    def _write(self) -> None:
        try:
            self.handle.query(self.sql, "TSV", self.parameters)
        except RuntimeError as error:
            self.error = error


def read_piped(engine: Engine, handle: Handle, sql: str, fmt: str, parameters: dict[str, str]) -> Generator[bytes, None, None]:
    """The answer of a SELECT (`sql`, without its FORMAT) in chunks; closing the generator ends the query.

    Raises RuntimeError (with ClickHouse's text) where the query fails, before the first chunk or in the middle.
    """
    with tempfile.TemporaryDirectory(prefix="jobdata-pipe-") as folder:
        pipe = Path(folder) / f"answer.{fmt.lower()}"
        os.mkfifo(pipe, 0o600)
        source = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # opened for reading first: the writer's open returns at once
        writer = _Writer(handle, f"INSERT INTO FUNCTION file({quote(pipe)}, {quote(fmt)})\n{sql}", parameters)
        writer.start()
        try:
            yield from _read(source, writer.thread)
        finally:
            if writer.thread.is_alive():  # the client went away; the engine hangs on a pipe without a reader: stop it first
                _stop(engine, pipe)
                for _ in _read(source, writer.thread):
                    pass
            os.close(source)
        if writer.error:
            raise writer.error


def _read(source: int, thread: threading.Thread) -> Iterator[bytes]:
    """What comes out of the pipe until its writer has ended."""
    while True:
        ended = not thread.is_alive()  # before the read: what was written last is still in the pipe
        select.select([source], [], [], POLL_SECONDS)
        with suppress(BlockingIOError):
            if data := os.read(source, CHUNK_BYTES):
                yield data
                continue
        if ended:
            return
        thread.join(POLL_SECONDS / 10)  # a pipe that nobody has opened yet is readable at once


def _stop(engine: Engine, pipe: Path) -> None:
    sql = f"KILL QUERY WHERE query_kind = 'Insert' AND position(query, {quote(pipe)}) > 0 ASYNC"
    with suppress(RuntimeError), engine.handle("") as other:  # it may have ended by itself
        other.query(sql)
