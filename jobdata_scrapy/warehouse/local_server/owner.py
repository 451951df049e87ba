"""The owner process: takes the store, serves it, ends when it is told to or when nobody has needed it for a while."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import secrets
import signal
import threading
import time
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import IO

from jobdata_scrapy.warehouse.local_server.files import HOST, ServerFiles, ServerState, try_lock, wait_lock

logger = logging.getLogger("local_server")
PROBE_SECONDS = 0.5  # a client that looks whether an owner lives holds the lock for a moment
DRAIN_SECONDS = 10.0


def run_owner(files: ServerFiles, idle_seconds: float, ready: IO[bytes] | None = None) -> int:
    """Owns the store until the end; the exit code. `ready` gets one byte as soon as the server answers."""
    owner = wait_lock(files.owner_lock, fcntl.LOCK_EX, PROBE_SECONDS)
    if owner is None:
        logger.info("another process owns %s", files.store)
        _tell(ready)  # the caller looks at the state file, as always
        return 0
    stop = end_on(signal.SIGTERM, signal.SIGINT)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with owner:
        try:
            _serve(files, idle_seconds, stop, ready)
        except Exception as error:
            logger.info("it broke here:", exc_info=True)
            hint = "; install it, or set CLICKHOUSE_HOST to a server" if isinstance(error, ModuleNotFoundError) else ""
            logger.error("%s: %s%s", type(error).__name__, str(error).strip().split("\n", 1)[0], hint)  # last: clients quote it
            return 1
    return 0


def end_on(*numbers: int) -> SimpleQueue[int]:
    """Where these signals arrive. Not an Event: a handler that interrupts its `wait` would wait for the same lock for ever."""
    arrived: SimpleQueue[int] = SimpleQueue()
    for number in numbers:
        signal.signal(number, lambda number, _: arrived.put(number))
    return arrived


def _serve(files: ServerFiles, idle_seconds: float, stop: SimpleQueue[int], ready: IO[bytes] | None) -> None:
    # imported here: after the fork, and never in a client
    from jobdata_scrapy.warehouse.local_server.engine import Engine
    from jobdata_scrapy.warehouse.local_server.handler import Server

    begun = time.monotonic()
    server, state = _listen(files, Server)
    with contextlib.closing(server.socket), contextlib.closing(Engine(files.store)) as engine:
        server.open_to(engine, state.username, state.password)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="accept", daemon=True)
        thread.start()
        files.write_state(state := replace(state, state="ready"))
        seconds = time.monotonic() - begun
        logger.info("ready on %s:%d in %.1f s: engine %s, %s", state.host, state.port, seconds, engine.version, files.store)
        _tell(ready)
        last = wait_for_end(files, server, idle_seconds, stop)  # keeps clients out until the process is gone
        server.shutdown()
        is_drained = server.drain(DRAIN_SECONDS)
        files.write_state(replace(state, state="stopped", pid=0))
        if not is_drained:
            logger.warning("ending with requests still in flight")
            logging.shutdown()
            os._exit(0)  # to close the engine under them might wait for ever, with the store locked
    logger.info("ended: %s", "idle" if last else "told to")


def _listen(files: ServerFiles, server_class: type) -> tuple[object, ServerState]:
    """Binds the port of last time (another one if it is taken, then with a new password) and says so in the state file."""
    old = files.read_state()
    try:
        server = server_class((HOST, old.port if old else 0))
        password = old.password if old else secrets.token_urlsafe(24)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        logger.info("port %d is taken by another program, choosing another one", old.port if old else 0)
        server = server_class((HOST, 0))
        password = secrets.token_urlsafe(24)  # the old one may have been shown to whoever listens there
    port = server.server_address[1]
    state = ServerState(port=port, password=password, pid=os.getpid(), state="starting", started_at=time.time())
    files.write_state(state)
    return server, state


def wait_for_end(files: ServerFiles, server, idle_seconds: float, stop: SimpleQueue[int]) -> IO[bytes] | None:
    """Returns when told to end (None) or when idle with no client alive (the client lock, held alone)."""
    while True:
        with contextlib.suppress(Empty):
            stop.get(timeout=min(1.0, idle_seconds / 4))
            return None
        if server.idle_seconds() >= idle_seconds and (lock := try_lock(files.client_lock, fcntl.LOCK_EX)):
            return lock


def _tell(ready: IO[bytes] | None) -> None:
    if ready is None:
        return
    with contextlib.suppress(BrokenPipeError):  # the launcher was killed; others may wait for us all the same
        ready.write(b"1")
    ready.close()
