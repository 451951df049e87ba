"""Runs the sandbox until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TextIO

from aiohttp import web

from jobdata_scrapy.sandbox.app import STATE, create_app
from jobdata_scrapy.sandbox.options import DEFAULT_TOKEN, SandboxOptions

SHUTDOWN_SECONDS = 1.0


def run_server(options: SandboxOptions, out: TextIO | None = None) -> int:
    """Serves until SIGINT or SIGTERM (or the end of standard input, where asked for). Prints one line when it is ready.

    Returns the exit code: 0, or 1 where the port is taken.
    """
    return asyncio.run(_serve(options, out or sys.stdout))


async def _serve(options: SandboxOptions, out: TextIO) -> int:
    app = create_app(options)
    replay = app[STATE].replay
    if replay is not None:
        for name, reason in replay.left_out:
            sys.stderr.write(f"sandbox: replay leaves out {name}: {reason}\n")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    ended = _watch_signals()  # before the line is printed: who reads it may send a signal at once
    try:
        try:
            await web.TCPSite(runner, options.host, options.port).start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            sys.stderr.write(f"sandbox: cannot listen on {options.host}:{options.port}: {reason}; --port 0 picks a free port\n")
            return 1
        out.write(f"{ready_line(_address(runner))}\n")
        out.flush()
        await _wait_for_end(ended, until_eof=options.until_eof)
    finally:
        await runner.cleanup()
    return 0


def ready_line(url: str) -> str:
    """The address, and how to aim a crawl at it."""
    aim = f"-s SANDBOX={url} -s BOSS_MPT_TOKEN={DEFAULT_TOKEN}"
    return f"sandbox ready at {url} | scrapy crawl boss -a keyword=python {aim} | Ctrl-C ends it"


def _address(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _watch_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    return ended


async def _wait_for_end(ended: asyncio.Event, *, until_eof: bool) -> None:
    if not until_eof:
        await ended.wait()
        return
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    watcher = asyncio.create_task(_watch_input(reader, ended))
    await ended.wait()
    watcher.cancel()


async def _watch_input(reader: asyncio.StreamReader, ended: asyncio.Event) -> None:
    while await reader.read(1024):
        pass
    ended.set()
