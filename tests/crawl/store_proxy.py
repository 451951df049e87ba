"""A TCP proxy between a crawl and its ClickHouse server, with faults on demand. It runs in a thread of the test's process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_to_bytes

NO_SPACE = b"Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE) (version 25.8.1.1)\n"
NO_SPACE_HEAD = (
    f"HTTP/1.1 500 Internal Server Error\r\nX-ClickHouse-Exception-Code: 243\r\nContent-Length: {len(NO_SPACE)}\r\n\r\n"
).encode()


class StoreProxy:
    """Forwards to 127.0.0.1:`port` as long as no fault is set.

    delay: seconds before each request goes on; full: INSERTs are refused with ClickHouse's NOT_ENOUGH_SPACE; lost_answers: so
    many INSERTs reach the server and get a closed connection for an answer. lost, refused, inserts: how many met which end.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.port = 0
        self.full = False
        self.delay = 0.0
        self.lost_answers = self.lost = self.refused = self.inserts = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def listen(self) -> None:
        """Takes connections, on the same port as before."""
        self._run(self._listen())

    def refuse(self) -> None:
        """Breaks what is under way, and takes no more connections."""
        self._run(self._refuse())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._loop.remove_reader(self._server.sockets[0].fileno())
            while (
                taken := asyncio.all_tasks() - self._tasks - {asyncio.current_task()}
            ):  # asyncio's own, which need the server open
                await asyncio.gather(*taken)
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # a connection that was broken off is closed in the loop's next turn

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.transport.abort())  # not in the task: cancelled before it begins, it does nothing

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server: asyncio.StreamWriter | None = None
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._target)
            while (request := await read_message(reader)) is not None:
                answer = await self._forward(request, answers, server)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            if server is not None:
                server.transport.abort()

    async def _forward(self, request: bytes, answers: asyncio.StreamReader, server: asyncio.StreamWriter) -> bytes | None:
        """The answer; None where the connection is to be closed instead."""
        is_insert = carries_rows(request)
        if self.delay:
            await asyncio.sleep(self.delay)
        if is_insert and self.full:
            self.refused += 1
            return NO_SPACE_HEAD + NO_SPACE
        server.write(request)
        await server.drain()
        answer = await read_message(answers)
        if is_insert and self.lost_answers:
            self.lost_answers -= 1
            self.lost += 1
            return None
        self.inserts += is_insert
        return answer


def carries_rows(request: bytes) -> bool:
    """Whether it is an INSERT of rows: its statement stands in the address, or before the rows."""
    start = unquote_to_bytes(request[:20_000].replace(b"+", b" "))
    return b"INSERT INTO" in start and (b"FORMAT JSONColumns" in start or b"FORMAT Native" in start)


async def read_message(reader: asyncio.StreamReader) -> bytes | None:
    """One HTTP message as it came, head and body; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        return head + await _read_chunks(reader)
    return head + await reader.readexactly(int(fields.get(b"content-length", 0)))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(line.split(b";")[0], 16) + 2)
        body += line + chunk
        if line.split(b";")[0].strip(b"0 \r\n") == b"":
            return body


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Polls until it holds."""
    done = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        done.wait(0.05)
    raise AssertionError(f"{condition} did not come true within {seconds:g} s")
