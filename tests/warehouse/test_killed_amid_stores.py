"""kill -9 of the server or of the client amid stores: afterwards everything is there, exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jobdata_scrapy.items import Page, StoredPage
from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.sightings import count_rounds
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import ROOT, WAIT_SECONDS, make_config, make_ids, make_job, make_page

pytestmark = pytest.mark.slow

PAGES = 24
KILLS = 3
STORE_THEM = """
import sys
from pathlib import Path
from jobdata_scrapy.warehouse.client import connect
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import make_config
from tests.warehouse.test_killed_amid_stores import make_pages
writer = Writer(connect(make_config(Path(sys.argv[1]))))
for page in make_pages("killed"):
    writer.store(page)
    print(page.number, flush=True)
"""


def make_pages(run_id: str) -> list[Page]:
    numbers = range(1, PAGES + 1)
    return [make_page([make_job(one) for one in make_ids(30, f"{number}-")], number=number, run_id=run_id) for number in numbers]


def assert_all_there_once(client: WarehouseClient) -> None:
    counts = client.query("SELECT count(), uniqExact(job_id) FROM boss_job").result_rows
    assert counts == [(PAGES * 30, PAGES * 30)]
    assert client.command("SELECT count() FROM job_sighting FINAL") == PAGES * 30
    assert count_rounds(client, "boss", ["round-1"]) == [PAGES * 30]


def test_the_server_is_killed(own_dir: Path):
    client = connect(make_config(own_dir))
    writer = Writer(client)
    stored: list[StoredPage] = []
    progress = threading.Condition()

    def store() -> None:
        for page in make_pages("run-1"):
            one = writer.store(page)
            with progress:
                stored.append(one)
                progress.notify_all()

    thread = threading.Thread(target=store)
    thread.start()
    for kill in range(1, KILLS + 1):
        with progress:
            assert progress.wait_for(lambda: len(stored) >= kill * PAGES // (KILLS + 1), WAIT_SECONDS)  # noqa: B023
        state = ServerFiles(own_dir).running_state()
        assert state is not None
        os.kill(state.pid, signal.SIGKILL)
    thread.join(WAIT_SECONDS)
    assert [one.new for one in stored] == [30] * PAGES
    assert ServerFiles(own_dir).log.read_text().count("ready on") == KILLS + 1
    assert_all_there_once(client)
    client.close()


def test_the_client_is_killed(own_dir: Path):
    command = [sys.executable, "-c", STORE_THEM, str(own_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        while user.stdout.readline() != f"{PAGES // 3}\n":
            assert user.poll() is None
        user.kill()
    client = connect(make_config(own_dir))
    writer = Writer(client)
    stored = [writer.store(page) for page in make_pages("run-2")]
    assert sum(one.unchanged for one in stored) >= PAGES // 3 * 30
    assert all(one.new + one.unchanged == 30 for one in stored)
    assert_all_there_once(client)
    client.close()
