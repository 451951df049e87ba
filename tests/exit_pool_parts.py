"""What tests of the exits of one process share: a real backend, pools on it, and a clock that is injected."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.config import Config
from jobdata_scrapy.db import exit_leases
from jobdata_scrapy.db.cipher import make_key
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.exit_health import Outcome
from jobdata_scrapy.exit_pool import ExitPool
from jobdata_scrapy.exits import Exit
from jobdata_scrapy.leases import Owner
from jobdata_scrapy.pace import PaceGate
from jobdata_scrapy.token_pool import TokenPool

A, B = (Exit(f"http://{name}:1", f"http://{name}:1") for name in "ab")
KEY = make_key()


class Clock:
    """Seconds that pass only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.began = datetime.now(UTC)
        self._alarm, self._rang = float("inf"), asyncio.Event()

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.seconds >= self._alarm:
            self._rang.set()
        await asyncio.sleep(0.001)

    async def reached(self, seconds: float) -> None:
        self._alarm = seconds
        await self._rang.wait()


@pytest.fixture
def config(tmp_path):
    return Config(_env_file=None, jobdata_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/jobdata.sqlite", token_key=KEY)


@pytest.fixture
def database(config):
    database = open_database(config)
    yield database
    database.close()


@pytest.fixture
async def backend(config, database):
    backend = DirectBackend(config)
    yield backend
    await backend.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_pool(backend, clock) -> Callable[..., ExitPool]:
    """`make_pool(size=2, needs_token=True, pause=10)`: the pool of a process of its own."""
    numbers = iter(range(100))

    def make(*, size: int = 1, needs_token: bool = False, pause: float = 0.0, wait: float = 30) -> ExitPool:
        owner = Owner(f"run-{next(numbers)}", "node-1")
        draining = DrainSwitch()
        gate = PaceGate(pause, pause, clock=clock.monotonic, sleep=clock.sleep, draining=draining)
        held = TokenPool(backend, "boss", lambda: owner)
        if needs_token:
            held.require()
        times = {"clock": clock.now, "monotonic": clock.monotonic, "sleep": clock.sleep}
        pool = ExitPool(
            backend, "boss", lambda: owner, gate, draining, tokens=held, size=size, wait_seconds=wait, **times
        )  # fmt: skip
        pool.held_tokens = held
        return pool

    return make


def uses(database) -> dict[str, exit_leases.ExitUse]:
    return {row.exit_name: row for row in exit_leases.list_uses(database)}


async def ask(pool: ExitPool, outcome: Outcome = Outcome.ANSWERED, **values) -> str:
    """One request, from its exit to its end; through which exit."""
    lease = await pool.acquire()
    await pool.leave(lease, outcome, **values)
    return lease.exit_name
