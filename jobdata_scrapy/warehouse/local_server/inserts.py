"""An INSERT that says whether it was written.

A small one whose data are a single line of JSON is run as one statement, whose errors the engine raises. (Not with line ends
among the data: chDB takes what follows a blank line for the next statement.) Any other is streamed, and chDB returns from a
streamed INSERT as if all rows were written, also where the engine failed at the writing itself (a full disk, too many
parts, a constraint); only what fails at the reading of the rows is raised. The engine's counts of errors (`system.errors`) tell:
while they stand still, nothing failed. Where they moved, whoever moved them, the answer is "unknown" (code 319), which clients
answer by doing it again; for a while each INSERT is then looked after by its query id, so that its own error is found.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from jobdata_scrapy.warehouse.local_server.statement import Insert

if TYPE_CHECKING:
    from jobdata_scrapy.warehouse.local_server.engine import Handle

TEXT_FORMATS = frozenset({"JSONColumns", "JSONCompactColumns", "JSONEachRow", "JSONCompactEachRow"})
WHOLE_BYTES = 4 << 20  # of a statement with its data; beyond, streaming costs less
EXACT_SECONDS = 60.0
FRESH_SECONDS = 0.2  # so long a count holds for the INSERTs that follow each other: one costs a third of a small INSERT
UNKNOWN = "Code: 319. DB::Exception: The engine met errors while this INSERT was written, its outcome is unknown"


class InsertWatch:
    """One for an engine; it asks through a connection of its own."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._lock = threading.Lock()
        self._errors = ""
        self._counted_at = self._exact_until = -FRESH_SECONDS

    def run(self, handle: Handle, insert: Insert, chunks: Iterable[bytes]) -> str:
        """Runs the INSERT; rows written, as text. Raises RuntimeError with the engine's words where they were not."""
        head, chunks = insert.rest, iter(chunks)
        if insert.format in TEXT_FORMATS:
            head = read_head(head, chunks)
            if len(head) < WHOLE_BYTES and b"\n" not in head.strip():
                return str(handle.query(f"{insert.into} FORMAT {insert.format}\n{head.decode().strip()}").rows_written())
        return self._stream(handle, insert, itertools.chain([head], chunks))

    def _stream(self, handle: Handle, insert: Insert, chunks: Iterable[bytes]) -> str:
        before = self._errors if time.monotonic() - self._counted_at < FRESH_SECONDS else self._count_errors()
        exact, mark = time.monotonic() < self._exact_until, uuid.uuid4().hex
        if exact:
            handle.query(f"SET log_comment = '{mark}'")
        with handle.connection.send_insert(insert.into, insert.format) as inserter:
            for chunk in chunks:
                if chunk:
                    inserter.append(chunk)
            query_id = self._find_query(mark) if exact else ""
            rows = str(inserter.finish().rows_written or 0)
        if self._count_errors() != before:  # perhaps those of others: they are not taken for this one's, which is done again
            self._exact_until = time.monotonic() + EXACT_SECONDS
            raise RuntimeError(self._find_error(query_id) or UNKNOWN)
        return rows

    def expect_errors(self) -> None:
        """To be called where a request failed, and was told so: an INSERT that begins later has no part in it."""
        self._counted_at = -FRESH_SECONDS

    def _count_errors(self) -> str:
        with self._lock:
            self._errors = self._handle.text("SELECT sum(value) FROM system.errors")
            self._counted_at = time.monotonic()
            return self._errors

    def _find_query(self, mark: str) -> str:
        with self._lock:
            return self._handle.text(
                f"SELECT query_id FROM system.processes WHERE Settings['log_comment'] = '{mark}'"  # noqa: S608 - made here
            ).strip()

    def _find_error(self, query_id: str) -> str:
        if not query_id:
            return ""
        text = (
            "concat('Code: ', toString(code), '. DB::Exception: ', replaceAll(last_error_message, '\\n', ' '), ' (', name, ')')"
        )
        with self._lock:
            sql = f"SELECT {text} FROM system.errors WHERE query_id = '{query_id}' LIMIT 1"  # noqa: S608 - the engine's own id
            return self._handle.text(sql, "TSVRaw").strip()


def read_head(head: bytes, chunks: Iterator[bytes]) -> bytes:
    """The data up to their end, or up to WHOLE_BYTES or more; the rest stays in `chunks`."""
    parts, size = [head], len(head)
    while size < WHOLE_BYTES and (chunk := next(chunks, None)) is not None:
        parts.append(chunk)
        size += len(chunk)
    return b"".join(parts)
