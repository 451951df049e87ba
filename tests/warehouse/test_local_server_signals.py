"""A signal ends the local server whatever it is doing at that moment."""

from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest

from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.local_server.owner import end_on, wait_for_end


@pytest.fixture
def handler():
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_signal_in_the_midst_of_a_wait_ends_it(tmp_path, handler):
    """The waits are so short that the signal meets them at every point: with an Event some hung for ever."""
    server = SimpleNamespace(idle_seconds=lambda: 0.0)
    for microseconds in range(100, 500):
        arrived = end_on(signal.SIGALRM)
        signal.setitimer(signal.ITIMER_REAL, microseconds / 1e6)
        assert wait_for_end(ServerFiles(tmp_path), server, 0.0001, arrived) is None
