"""What a run tells the fleet of its exits, and its heartbeat. Real backends on one database, as two machines have it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.config import Config
from jobdata_scrapy.db.cipher import make_key
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.exits import known_exits
from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.leases import Owner
from jobdata_scrapy.pace import PaceGate
from jobdata_scrapy.run_leases import RunLeases

SECRET = "http://user:hunter2@b:2"


@pytest.fixture
async def make_leases(tmp_path):
    """`make_leases("node-1", proxy_list="http://a:1")`: the leases of a run on that machine."""
    backends = []

    def make(node: str, **settings) -> RunLeases:
        url = f"sqlite:///{tmp_path}/jobdata.sqlite"
        config = Config(_env_file=None, jobdata_dir=tmp_path, database_url=url, **settings)
        backends.append(DirectBackend(config))
        owner, draining = Owner(f"run-{len(backends)}", node), DrainSwitch()
        gate = PaceGate(0, 0, draining=draining)
        return RunLeases(backends[-1], config, "boss", lambda: owner, gate, draining, lambda: datetime.now(UTC))

    yield make
    for backend in backends:
        await backend.close()


@pytest.fixture
def known(tmp_path):
    """`known("node-1")`: exits that the machine may use."""
    database = open_database(Config(_env_file=None, jobdata_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/jobdata.sqlite"))
    yield lambda node: sorted(known_exits(database, node))
    database.close()


async def run(leases: RunLeases) -> None:
    await leases.begin()
    await leases.end()


async def test_a_machine_without_proxies_leaves_those_of_another_one_alone(make_leases: Callable[..., RunLeases], known):
    await run(make_leases("node-1", proxy_list="http://a:1"))
    await run(make_leases("node-2"))
    assert known("node-1") == known("node-2") == ["http://a:1"]
    await run(make_leases("node-1"))
    assert (known("node-1"), known("node-2")) == (["direct@node-1"], ["direct@node-2"])


async def test_without_a_key_a_proxy_with_a_password_stays_on_its_machine(make_leases, known):
    first = make_leases("node-1", proxy_list=f"http://a:1,{SECRET}")
    await first.begin()
    names = known("node-1")
    assert len(names) == 2
    assert known("node-2") == ["http://a:1"]
    found = {(await first.exits.acquire()).proxy_url}
    await first.end()
    second = make_leases("node-1", proxy_list=f"{SECRET}")
    await second.begin()
    found.add((await second.exits.acquire()).proxy_url)
    await second.end()
    assert SECRET in found


async def test_with_a_key_every_machine_may_use_it(make_leases, known):
    await run(make_leases("node-1", proxy_list=SECRET, token_key=make_key()))
    assert known("node-1") == known("node-2") != ["direct@node-2"]


async def test_the_heartbeat_outlives_an_error_of_any_kind(make_leases, monkeypatch, caplog):
    leases = make_leases("node-1", exit_lease_seconds=1)
    beats, twice = [], asyncio.Event()

    async def beat() -> None:
        beats.append(1)
        if len(beats) == 2:
            twice.set()
        raise RuntimeError("a bug")

    monkeypatch.setattr(leases.exits, "beat", beat)
    await leases.begin()
    await twice.wait()
    await leases.end()
    assert "a beat of the leases failed; the next one goes on" in caplog.text
