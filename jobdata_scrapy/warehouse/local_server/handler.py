"""ClickHouse's HTTP interface: one request, its authentication, its body, its answer.

Wire format: https://clickhouse.com/docs/interfaces/http. What differs from a server: no external data, no roles and quotas, no
progress headers, no TLS, client_protocol_version is always 0.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import re
import secrets
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jobdata_scrapy.warehouse.local_server.compression import Encoder, decompress
from jobdata_scrapy.warehouse.local_server.engine import Engine
from jobdata_scrapy.warehouse.local_server.execute import Answer, Request, run_request

logger = logging.getLogger("local_server")
HTTP_STATUS = {516: 401, 60: 404, 81: 404, 62: 400, 48: 501, 164: 403, 159: 408}
UNKNOWN_EXCEPTION = 1002
AUTHENTICATION_FAILED = "Code: 516. DB::Exception: {user}: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"


class Server(ThreadingHTTPServer):
    """Listens from its construction on (requests wait in the backlog), answers once `open_to` and `serve_forever` are called."""

    daemon_threads = True
    request_queue_size = 128
    engine: Engine

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        self._activity = threading.Condition()
        self._active = 0
        self._closing = False
        self._last_end = time.monotonic()
        self.credentials = b""

    def open_to(self, engine: Engine, username: str, password: str) -> None:
        """Whom to answer, and what answers."""
        self.engine = engine
        self.credentials = f"{username}:{password}".encode()
        self._last_end = time.monotonic()

    def idle_seconds(self) -> float:
        """Seconds since the last request ended; 0 while one is in flight."""
        with self._activity:
            return 0.0 if self._active else time.monotonic() - self._last_end

    def drain(self, seconds: float) -> bool:
        """Takes no further request, on kept connections either, and waits for those in flight; whether they ended in time."""
        with self._activity:
            self._closing = True
            return self._activity.wait_for(lambda: not self._active, seconds)

    def __enter__(self) -> Server:
        """Counts a request in flight. Raises ConnectionResetError once it drains: the client asks again, and is served anew."""
        with self._activity:
            if self._closing:
                raise ConnectionResetError("the server is ending")
            self._active += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._activity:
            self._active -= 1
            self._last_end = time.monotonic()
            self._activity.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is not worth a line; anything else is."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            logger.exception("the connection of %s broke", client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection. Without TCP_NODELAY and a write buffer each answer would cost 40 ms."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: Server

    def do_GET(self) -> None:
        """`/ping`, or a query that may only read."""
        if urlsplit(self.path).path in ("/ping", "/replicas_status"):
            self._reply(200, [], b"Ok.\n")
        else:
            self._answer({"readonly": "2"})

    def do_POST(self) -> None:
        """Any statement: in the URL, in the body, or begun in the one and ended in the other."""
        self._answer({})

    def _answer(self, settings: dict[str, str]) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        self._unread = self._read_raw()
        with self.server:
            try:
                if not self._may_enter(query):
                    self._fail(AUTHENTICATION_FAILED.format(user=self.server.credentials.split(b":")[0].decode()))
                    return
                body = decompress(self._unread, self.headers.get("Content-Encoding", ""))
                run_request(self.server.engine, Request(query | settings, self.headers.get("Content-Type", ""), body), self._send)
            except ConnectionError:
                self.close_connection = True  # the client went away
            except Exception as error:  # whatever it was, the client is told
                self._fail(str(error) or type(error).__name__)

    def _may_enter(self, query: dict[str, str]) -> bool:
        kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            try:
                given = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                return False
        else:
            user = self.headers.get("X-ClickHouse-User", query.get("user", ""))
            given = f"{user}:{self.headers.get('X-ClickHouse-Key', query.get('password', ''))}".encode()
        return hmac.compare_digest(given, self.server.credentials)

    def _read_raw(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            yield from self._read_chunked()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            chunk = self._read(min(left, 1 << 20))
            left -= len(chunk)
            yield chunk

    def _read_chunked(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0].strip() or b"x", 16):
            yield self._read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def _read(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionResetError("the body was cut short")
        return data

    def _send(self, answer: Answer) -> None:
        compressed = Encoder(self.headers.get("Accept-Encoding", "")) if answer.may_compress else Encoder("")
        headers = [("X-ClickHouse-Timezone", self.server.engine.timezone), ("X-ClickHouse-Server-Display-Name", "chdb")]
        headers += answer.headers
        if compressed.name:
            headers.append(("Content-Encoding", compressed.name))
        if not answer.streamed:
            self._reply(200, headers, b"".join(compressed.encode(answer.chunks)))
            return
        tag = secrets.token_hex(8)
        self._head(200, [*headers, ("Transfer-Encoding", "chunked"), ("X-ClickHouse-Exception-Tag", tag)])
        for data in compressed.encode(_with_late_error(answer.chunks, tag)):
            if data:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _fail(self, message: str) -> None:
        found = re.search(r"Code: (\d+)", message)
        code = int(found[1]) if found else UNKNOWN_EXCEPTION
        text = message[found.start() :] if found else f"Code: {code}. DB::Exception: {message}"
        try:
            for _ in self._unread:
                pass  # an answer before the end of the body would break the connection
        except (ConnectionError, ValueError):
            self.close_connection = True
        body = f"{text} (version {self.server.engine.version} (embedded))\n".encode()
        self._reply(HTTP_STATUS.get(code, 500), [("X-ClickHouse-Exception-Code", str(code))], body)

    def _head(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def _reply(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        self._head(status, [*headers, ("Content-Length", str(len(body)))])
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """No access log: it would hold the statements."""


def _with_late_error(chunks: Iterable[bytes], tag: str) -> Iterator[bytes]:
    """The chunks; an error after the status line travels as ClickHouse's tagged exception block."""
    try:
        yield from chunks
    except (RuntimeError, ValueError) as error:
        text = str(error).strip()
        yield f"\r\n__exception__\r\n{tag}\r\n{text}\n{len(text.encode()) + 1} {tag}\r\n__exception__\r\n".encode()
