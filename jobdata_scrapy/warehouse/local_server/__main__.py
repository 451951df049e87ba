"""`python -m jobdata_scrapy.warehouse.local_server --jobdata-dir DIR`: what `starter.launch` runs; may be run by hand too."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.local_server.owner import run_owner


def main() -> int:
    """Exit code 0: the server ended clean (with --detach: it is ready, or another one is); 1: it could not start."""
    parser = argparse.ArgumentParser(prog="local_server", description="The embedded ClickHouse engine on loopback, over HTTP.")
    parser.add_argument("--jobdata-dir", type=Path, required=True)
    parser.add_argument("--idle-seconds", type=float, default=300.0, help="end after this time without a client (default 300)")
    parser.add_argument("--detach", action="store_true", help="return when the server is ready, and leave it running")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s [%(process)d] %(levelname)s %(message)s")
    files = ServerFiles(arguments.jobdata_dir)
    files.make()
    if not arguments.detach:
        return run_owner(files, arguments.idle_seconds)
    ready_read, ready_write = os.pipe()
    if os.fork():  # before chDB is imported: it must not be forked
        os.close(ready_write)
        with open(ready_read, "rb") as reader:
            return 0 if reader.read() else 1  # an empty answer: the owner ended before it was ready
    os.close(ready_read)
    with open(ready_write, "wb", buffering=0) as writer:
        return run_owner(files, arguments.idle_seconds, writer)


if __name__ == "__main__":
    sys.exit(main())
