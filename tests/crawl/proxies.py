"""Real proxies on loopback, each leaving through an address of its own."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path


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


def socks_proxy(address: str, *options: str) -> AbstractContextManager[int]:
    """A SOCKS5 proxy that leaves through `address`: its port."""
    port = free_port()
    return running_proxy(["microsocks", "-i", "127.0.0.1", "-p", str(port), "-b", address, *options], port)


@contextmanager
def http_proxy(address: str, *options: str) -> Iterator[int]:
    """An HTTP proxy that leaves through `address`: its port. options: lines for tinyproxy's settings."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "tinyproxy.conf"
        lines = (f"Port {port}", "Listen 127.0.0.1", f"Bind {address}", "DisableViaHeader Yes", "MaxClients 20", *options)
        settings.write_text("\n".join(lines) + "\n", "utf-8")
        with running_proxy(["tinyproxy", "-d", "-c", str(settings)], port):
            yield port


STARTERS: dict[str, Callable[..., AbstractContextManager[int]]] = {"http": http_proxy, "socks5": socks_proxy}


def addresses(count: int) -> list[str]:
    """What the sandbox sees behind `count` proxies."""
    return [f"127.0.0.{11 + number}" for number in range(count)]


@contextmanager
def running_proxies(count: int, scheme: str = "socks5") -> Iterator[list[str]]:
    """`count` proxies, as PROXY_LIST takes them, that leave through `addresses(count)` in this order."""
    with ExitStack() as stack:
        yield [f"{scheme}://127.0.0.1:{stack.enter_context(STARTERS[scheme](address))}" for address in addresses(count)]
