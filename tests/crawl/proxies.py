"""Real proxies on loopback, each leaving through an address of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_proxy(command: list[str], port: int) -> Iterator[int]:
    """A proxy that accepts connections; it is ended with the block."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
            yield port
        finally:
            process.kill()


@contextmanager
def socks_proxies(count: int) -> Iterator[list[str]]:
    """`count` SOCKS5 proxies, as PROXY_LIST takes them; the sandbox sees 127.0.0.11 and up behind them."""
    with ExitStack() as stack:
        ports = []
        for number in range(count):
            port = free_port()
            command = ["microsocks", "-i", "127.0.0.1", "-p", str(port), "-b", f"127.0.0.{11 + number}"]
            ports.append(stack.enter_context(running_proxy(command, port)))
        yield [f"socks5://127.0.0.1:{port}" for port in ports]
