"""Instructions a page, counted by valgrind: free of the noise of a busy machine. Needs Debian's package `valgrind`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from parts.crawls import Work, bare_command, our_command, our_environment
from parts.page_server import ROWS_A_PAGE
from parts.processes import clean_environment, page_server, run_measured

SEARCHES, FEW, MANY = 24, 1, 6
VALGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
FETCH_ONLY = (f"ITEM_PIPELINES={json.dumps({'parts.outcome.OutcomePipeline': 1})}", "CLICKHOUSE_ENABLED=0")


def count_a_page(kind: str) -> float:
    """Instructions a page of "fetch" (our spider with an empty pipeline), "ours" (without the local server's) or "bare".

    The slope between two numbers of pages, so that starting and stopping are not counted.
    """
    few, many = (_count(kind, pages) for pages in (FEW, MANY))
    return (many - few) / (SEARCHES * (MANY - FEW))


def _count(kind: str, pages: int) -> int:
    work = Work(SEARCHES, pages)
    with page_server(work.searches, work.pages) as url, TemporaryDirectory() as folder:
        environment = our_environment(Path(folder))
        if kind == "bare":
            command, environment = bare_command(work, url), clean_environment()
        elif kind == "fetch":
            command = our_command(work, url, SEARCHES, *FETCH_ONLY)
            environment["PYTHONPATH"] += f":{Path(__file__).parents[1]}"
        else:
            command = our_command(work, url, SEARCHES)
        done = run_measured([*VALGRIND, *command], Path(folder), environment)
    found = re.search(r"Collected : (\d+)", done.log)
    if not found or not re.search(rf"(items|postings) *.*\b{work.postings}\b|OK {work.total_pages}\b|{work.postings}", done.log):
        raise RuntimeError(f"{kind}: the pages were not read:\n{done.log[-3000:]}")
    return int(found[1])


def show_instructions() -> None:
    """Prints all three."""
    print(f"instructions a page of {ROWS_A_PAGE}, in millions (some minutes)", flush=True)
    for kind, label in (
        ("fetch", "our fetching and parsing alone (to reach: 6.5, then 4.9)"),
        ("ours", "our whole crawl, the local server left aside"),
        ("bare", "bare Scrapy"),
    ):
        print(f"  {count_a_page(kind) / 1e6:6.2f}  {label}", flush=True)


if __name__ == "__main__":
    sys.exit("run crawl.py --instructions")
