"""A local server of its own for a benchmark, and what its work costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from jobdata_scrapy.config import Config
from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.schema import apply_schema


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of one step: by the clock (median, and the fastest), and of the server's CPU (all cores, median)."""

    wall: float
    fastest: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:7.0f} ms (fastest {self.fastest:.0f}, CPU {self.cpu:.0f})"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one step: by the clock, and of CPU (ours and the server's)."""

    wall: float
    cpu: float


class Store:
    """An open store: its client and its server's process."""

    def __init__(self, jobdata_dir: Path) -> None:
        self.client: WarehouseClient = connect(
            Config(_env_file=None, jobdata_dir=jobdata_dir, clickhouse_host=""), answer_seconds=1800
        )
        apply_schema(self.client)
        state = ServerFiles(jobdata_dir).read_state()
        assert state is not None
        self.server = psutil.Process(state.pid)

    def measure(self, step: Callable[[], Any], repeat: int) -> Took:
        """Runs `step` once to warm up, then `repeat` times."""
        step()
        walls, cpus = [], []
        for _ in range(repeat):
            before, begun = self._cpu(), time.perf_counter()
            step()
            walls.append((time.perf_counter() - begun) * 1000)
            cpus.append((self._cpu() - before) * 1000)
        return Took(median(walls), min(walls), median(cpus))

    def cost(self, step: Callable[[], Any]) -> Cost:
        """Runs `step` once."""
        cpu, begun = self._cpu() + time.process_time(), time.perf_counter()
        step()
        return Cost(time.perf_counter() - begun, self._cpu() + time.process_time() - cpu)

    def _cpu(self) -> float:
        times = self.server.cpu_times()
        return float(times.user + times.system)


@contextmanager
def open_store(jobdata_dir: Path) -> Iterator[Store]:
    """Starts the server, with our tables; ends it afterwards."""
    store = Store(jobdata_dir)
    try:
        yield store
    finally:
        store.client.close()
        store.server.terminate()
        store.server.wait(60)


def show_load() -> str:
    """How busy the machine is: figures are worth what this leaves them."""
    one, five, _ = psutil.getloadavg()
    return f"load {one:.1f} (5 minutes: {five:.1f}) on {psutil.cpu_count()} cores"
