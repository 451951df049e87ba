"""Runs one HTTP request on the engine: settings, parameters, the statement, the shape of its answer."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP

from jobdata_scrapy.warehouse.local_server.engine import Engine, Handle
from jobdata_scrapy.warehouse.local_server.inserts import run_insert
from jobdata_scrapy.warehouse.local_server.piped import read_piped
from jobdata_scrapy.warehouse.local_server.statement import (
    Insert,
    keeps_state,
    native_header,
    quote,
    quote_name,
    read_insert,
    selects,
    shows_rows,
    split_format,
)

# URL parameters of the HTTP interface; every other one is a setting of the query
TRANSPORT = frozenset(
    {
        "query", "database", "query_id", "quota_key", "role", "user", "password", "default_format", "client_protocol_version",
        "session_id", "session_timeout", "session_check", "compress", "decompress", "enable_http_compression", "buffer_size",
        "wait_end_of_query", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
    }
)  # fmt: skip
STREAMABLE = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow", "JSONCompactEachRow"})
PIPED = frozenset({"Parquet"})
INSERT_HEAD_BYTES = 1 << 18


@dataclass(slots=True)
class Request:
    """One request: the parameters of its URL, its content type and its decoded body."""

    query: dict[str, str]
    content_type: str
    body: Iterator[bytes]

    @property
    def settings(self) -> dict[str, str]:
        """Settings of the query; `readonly` last, since it locks the others."""
        names = [name for name in self.query if name not in TRANSPORT and not name.startswith("param_")]
        if wrong := next((name for name in names if not re.fullmatch(r"\w+", name)), None):
            raise ValueError(f"Code: 115. DB::Exception: Unknown setting {wrong!r}. (UNKNOWN_SETTING)")
        return {name: self.query[name] for name in sorted(names, key=lambda name: name == "readonly")}

    @property
    def parameters(self) -> dict[str, str]:
        """Values for `{name:Type}`."""
        return {name.removeprefix("param_"): value for name, value in self.query.items() if name.startswith("param_")}


@dataclass(slots=True)
class Answer:
    """What to send. streamed: in chunks as they come, else as a whole; close: ends what makes the chunks."""

    headers: list[tuple[str, str]]
    chunks: Iterable[bytes]
    streamed: bool = False
    may_compress: bool = False
    summary: dict[str, str] = field(default_factory=dict)
    close: Callable[[], None] = field(default=lambda: None)


def run_request(engine: Engine, request: Request, send: Callable[[Answer], None]) -> None:
    """Runs the statement and sends its answer. What it raises (with ClickHouse's text) comes before anything was sent."""
    if request.content_type.startswith("multipart/form-data"):
        _read_form(request)
    session = request.query.get("session_id", "")
    with engine.handle(session) as handle, _settings(handle, request):
        answer = _run_statement(engine, handle, request, bool(session))
        query_id = request.query.get("query_id", "")
        answer.headers += [("X-ClickHouse-Query-Id", query_id), ("X-ClickHouse-Summary", json.dumps(answer.summary))]
        try:
            send(answer)
        finally:
            answer.close()


def _read_form(request: Request) -> None:
    head = b"Content-Type: " + request.content_type.encode() + b"\r\n\r\n"
    for part in BytesParser(policy=HTTP).parsebytes(head + b"".join(request.body)).iter_parts():
        if part.get_filename():
            raise ValueError("Code: 48. DB::Exception: External data is not supported by the embedded engine. (NOT_IMPLEMENTED)")
        name = part.get_param("name", header="content-disposition")
        request.query[str(name)] = part.get_payload(decode=True).decode()
    request.body = iter(())


@contextlib.contextmanager
def _settings(handle: Handle, request: Request) -> Iterator[None]:
    """Applies database and settings; on a kept handle for this request only (what SET and USE did in the session stays)."""
    settings = request.settings
    undo = _remember(handle, settings) if handle.kept else []
    try:
        if database := request.query.get("database"):
            handle.query(f"USE {quote_name(database)}")
        if settings:
            handle.query("SET " + ", ".join(f"{name} = {quote(value)}" for name, value in settings.items()))
        yield
    finally:
        for statement in undo:
            handle.query(statement)


def _remember(handle: Handle, settings: dict[str, str]) -> list[str]:
    database = handle.text("SELECT currentDatabase()").rstrip("\n")
    undo = [f"USE {quote_name(database)}"]
    if settings:
        names = ", ".join(map(quote, settings))
        old = handle.text(f"SELECT name, value, changed FROM system.settings WHERE name IN ({names})", "JSONEachRow")  # noqa: S608
        for row in map(json.loads, old.splitlines()):
            undo.append(f"SET {row['name']} = " + (quote(row["value"]) if row["changed"] else "DEFAULT"))
    return undo


def _run_statement(engine: Engine, handle: Handle, request: Request, has_session: bool) -> Answer:
    head = (request.query["query"] + "\n").encode() if request.query.get("query") else b""
    for chunk in request.body:
        head += chunk
        if insert := read_insert(head, whole=False):
            return _run_insert(engine, handle, insert, request.body)
        if len(head) > INSERT_HEAD_BYTES:
            break
    if insert := read_insert(head, whole=True):
        return _run_insert(engine, handle, insert, request.body)
    sql = (head + b"".join(request.body)).decode()
    handle.kept = handle.kept or (has_session and keeps_state(sql))
    return _run_query(engine, handle, request, sql)


def _run_insert(engine: Engine, handle: Handle, insert: Insert, chunks: Iterable[bytes]) -> Answer:
    rows = run_insert(handle, insert, chunks, engine.folder)
    return Answer([], (), summary={"written_rows": rows, "read_rows": rows})


def _run_query(engine: Engine, handle: Handle, request: Request, sql: str) -> Answer:
    select, named = split_format(sql)
    fmt = named or request.query.get("default_format", "TabSeparated")
    may_compress = request.query.get("enable_http_compression") == "1"
    headers = [("X-ClickHouse-Format", fmt)] if named or shows_rows(sql) else []

    def empty() -> bytes:
        return _empty_block(handle, select, request.parameters) if headers and fmt == "Native" else b""

    if request.query.get("wait_end_of_query") == "1":
        named = ""
    if named in PIPED and selects(sql) and request.settings.get("readonly", "0") == "0":
        piped = read_piped(engine, handle, select, fmt, request.parameters)
        start = next(piped, b"")
        return Answer(headers, itertools.chain([start], piped), streamed=True, may_compress=may_compress, close=piped.close)
    if named in STREAMABLE:
        blocks = iter(handle.connection.send_query(sql, fmt, params=request.parameters))
        first = next(blocks, None)  # an error before the first block keeps its status
        chunks = itertools.chain([first.bytes() if first else empty()], (block.bytes() for block in blocks))
        return Answer(headers, chunks, streamed=True, may_compress=may_compress)
    result = handle.query(sql, fmt, request.parameters)
    summary = {"read_rows": result.rows_read(), "read_bytes": result.bytes_read(), "elapsed_ns": int(result.elapsed() * 1e9)}
    texts = {name: str(value) for name, value in summary.items()}
    return Answer(headers, [result.bytes() or empty()], may_compress=may_compress, summary=texts)


def _empty_block(handle: Handle, select: str, parameters: dict[str, str]) -> bytes:
    """The header block of a query without rows, b"" for a statement that is no SELECT (a DESCRIBE, say)."""
    probe = f"SELECT * FROM ({select.strip().rstrip(';')}\n) LIMIT 0"  # noqa: S608 - the client's own statement
    try:
        meta = json.loads(handle.query(probe, "JSON", parameters).bytes())["meta"]
    except RuntimeError:
        return b""
    return native_header([(column["name"], column["type"]) for column in meta])
