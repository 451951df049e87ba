"""Peak memory of an export, and of the engine that serves it, over N postings and a tenth of them: does it stay flat?

Each export meets a server that was just started: its peak is that of this export. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from parts.processes import ROOT, clean_environment, run_measured
from parts.warehouse_rows import fill_postings

from jobdata_scrapy.config import Config
from jobdata_scrapy.warehouse.client import connect
from jobdata_scrapy.warehouse.export import FORMATS
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.schema import apply_schema

TO_REACH = 1.1  # the export's own; the engine's caches and merges are in the server's
POLL_SECONDS = 0.1


def main() -> None:
    """Reads the arguments, makes both stores, exports each in each format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="postings (default 100000)")
    parser.add_argument("--formats", default=",".join(FORMATS), help="with commas between them (default: all)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jobdata-bench-") as folder:
        stores = {rows: Path(folder) / str(rows) for rows in (given.rows // 10, given.rows)}
        for rows, store in stores.items():
            fill_store(store, rows)
        for name in given.formats.split(","):
            (few, few_server), (many, many_server) = (show_export(store, rows, name) for rows, store in stores.items())
            print(
                f"  {name}: 10x the rows make the export's peak {many / few:.2f}x (to reach: {TO_REACH}), "
                f"the server's {many_server / few_server:.2f}x",
                flush=True,
            )


def fill_store(store: Path, rows: int) -> None:
    """A store of `rows` postings."""
    client = connect(Config(_env_file=None, jobdata_dir=store, clickhouse_host=""))
    apply_schema(client)
    fill_postings(client, rows)
    client.close()


def show_export(store: Path, rows: int, name: str) -> tuple[float, float]:
    """Exports the store once and prints it; the peaks of the export and of the server in MB."""
    end_server(ServerFiles(store))
    client = connect(Config(_env_file=None, jobdata_dir=store, clickhouse_host=""))
    client.command("SELECT 1")
    target = store.parent / f"jobs.{name}"
    command = [sys.executable, "-m", "scrapy", "export", "jobs", "-o", str(target), "--force"]
    environment = clean_environment(
        JOBDATA_DIR=str(store), SCRAPY_SETTINGS_MODULE="jobdata_scrapy.settings", PYTHONPATH=str(ROOT)
    )
    done = run_measured(command, store.parent, environment)
    if done.code:
        raise RuntimeError(f"the export failed: {done.log}")
    state = ServerFiles(store).read_state()
    assert state is not None
    server = peak_memory(state.pid)
    client.close()
    end_server(ServerFiles(store))
    size = target.stat().st_size / 1e6
    print(
        f"  {name:8}{rows:10,} rows{size:9.1f} MB{done.wall:7.1f} s: export {done.peak:.0f} MB, server {server:.0f} MB",
        flush=True,
    )
    return done.peak, server


def end_server(files: ServerFiles) -> None:
    """Ends the local server where one runs, and waits for it."""
    while files.owner_alive():
        state = files.read_state()
        if state is not None and state.state == "ready":
            os.kill(state.pid, signal.SIGTERM)
        time.sleep(POLL_SECONDS)


def peak_memory(pid: int) -> float:
    """The highest resident set of a process in MB (Linux)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
