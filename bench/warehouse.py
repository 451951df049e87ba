"""The warehouse: ingest against the engine's own limit, look-ups of known ids, the analytics over millions of postings.

Rows are made by the engine itself, in a store of their own. `--rows 1000000,10000000` measures look-ups at each size, the
questions at the last one. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from parts.warehouse_ingest import compare_ingest
from parts.warehouse_lookup import measure_lookup
from parts.warehouse_questions import build_analytics, measure_questions, measure_refresh
from parts.warehouse_rows import fill_postings, top_up_boss
from parts.warehouse_store import open_store, show_load

PARTS = ("ingest", "lookup", "questions", "refresh")


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", default="1000000,10000000", help="postings stored, each size in turn (default 1000000,10000000)"
    )
    parser.add_argument("--only", default=",".join(PARTS), help=f"what to measure, of {','.join(PARTS)} (default: all)")
    parser.add_argument("--ingest-rows", type=int, default=100_000, help="rows that the writer stores (default 100000)")
    parser.add_argument("--repeat", type=int, default=5, help="times each question is asked (default 5)")
    parser.add_argument("--keep", type=Path, help="JOBDATA_DIR to make the store in, and to leave (default: a temporary one)")
    given = parser.parse_args()
    parts = given.only.split(",")
    if wrong := next((part for part in parts if part not in PARTS), None):
        parser.error(f"--only: {wrong!r} is not one of {','.join(PARTS)}")
    print(show_load(), flush=True)
    if "ingest" in parts:
        with TemporaryDirectory() as folder, open_store(Path(folder) / "data") as store:
            compare_ingest(store, given.ingest_rows)
    sizes = [int(size) for size in given.rows.split(",")] if {*parts} - {"ingest"} else []
    for size in sizes:
        with nullcontext(str(given.keep)) if given.keep else TemporaryDirectory() as folder:
            measure_stored(Path(folder) / f"rows-{size}", size, parts, given.repeat, last=size == sizes[-1])


def measure_stored(folder: Path, rows: int, parts: list[str], repeat: int, *, last: bool) -> None:
    """Measures what is measured over stored postings; questions and refresh at the last size only."""
    with open_store(folder) as store:
        if not store.client.command("SELECT count() FROM boss_job"):
            begun = time.perf_counter()
            fill_postings(store.client, rows)
            print(f"{rows:,} postings made in {time.perf_counter() - begun:.0f} s; {show_load()}", flush=True)
        if last and {"questions", "refresh"} & {*parts}:
            build_analytics(store, rows)
            if "questions" in parts:
                measure_questions(store, repeat)
            if "refresh" in parts:
                measure_refresh(store)
        if "lookup" in parts:
            top_up_boss(store.client, rows)
            measure_lookup(store)


if __name__ == "__main__":
    main()
