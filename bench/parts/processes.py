"""Starts, ends and measures the processes of a benchmark."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
QUIET_SECONDS = 0.5
QUIET_SHARE = 0.05
MAX_QUIET_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One process from its start to its end. cpu: user and system seconds; peak: resident set in MB."""

    code: int
    wall: float
    cpu: float
    peak: float
    log: str


def run_measured(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Measured:
    """Runs `command` in `folder`; its output goes to a file there, as a pipe would have to be read meanwhile."""
    log = folder / "output.log"
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env={**environment}, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text("utf-8", "replace")
    return Measured(process.returncode, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


@contextmanager
def page_server(searches: int, pages: int) -> Iterator[str]:
    """The benchmark's site; its base URL."""
    command = [sys.executable, str(Path(__file__).with_name("page_server.py")), str(searches), str(pages)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()
        if not port:
            raise RuntimeError("the page server did not start")
        yield f"http://127.0.0.1:{port}"
        process.stdin.close()


def cpu_seconds(pid: int) -> float:
    """What this process has used so far."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def cpu_seconds_at_rest(pid: int) -> float:
    """The same, once it has come to rest: what it does after the last answer (merges, say) counts as well."""
    deadline = time.monotonic() + MAX_QUIET_SECONDS
    used = cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(QUIET_SECONDS)
        before, used = used, cpu_seconds(pid)
        if used - before <= QUIET_SECONDS * QUIET_SHARE:
            break
    return used


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of a benchmark's process: none of the operator's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "VIRTUAL_ENV") if name in os.environ}
    return kept | {"PYTHONHASHSEED": "0"} | more
