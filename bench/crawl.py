"""Our whole crawl (validate, privacy, normalise, dedup, warehouse, ledger) against bare Scrapy without any pipeline.

Both sides read the same pages in one run, in turn; the figures are medians. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from parts.crawls import PAGES_A_SEARCH, Side, Work, crawl_bare, crawl_ours
from parts.instructions import show_instructions
from parts.memory import show_memory
from parts.processes import page_server

TO_REACH = (1.4, 2.2)


def main() -> None:
    """Reads the arguments and runs the comparison that they ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2000, help="list pages of 30 postings (default 2000)")
    parser.add_argument("--repeat", type=int, default=3, help="times each side runs (default 3)")
    parser.add_argument("--in-hand", type=int, default=128, help="our KEYWORDS_IN_HAND (default 128)")
    parser.add_argument("--instructions", action="store_true", help="count instructions a page instead (needs valgrind)")
    parser.add_argument("--memory", action="store_true", help="peak memory over --pages and a fifth of them instead (take 5000)")
    given = parser.parse_args()
    if given.instructions:
        show_instructions()
        return
    if given.memory:
        show_memory(given.pages)
        return
    work = Work(max(1, given.pages // PAGES_A_SEARCH))
    print(f"{work.total_pages} pages, {work.postings} postings, {given.repeat} times each, in turn", flush=True)
    with page_server(work.searches, work.pages) as url:
        compare(work, url, given.repeat, given.in_hand)


def compare(work: Work, url: str, repeat: int, in_hand: int) -> None:
    """Runs both sides in turn and prints each run, then the medians and their ratios."""
    bare, ours = [], []
    for _ in range(repeat):
        bare.append(show("bare Scrapy", crawl_bare(work, url), work))
        ours.append(show("our crawl", crawl_ours(work, url, in_hand), work))
    print("medians, and our items/s as a multiple of bare Scrapy's (to reach: {}, then {})".format(*TO_REACH))
    for name, unit in (("wall", "second"), ("cpu", "CPU second")):
        base, other = (work.postings / median(getattr(side, name) for side in sides) for sides in (bare, ours))
        print(f"  items a {unit:10}  bare {base:7,.0f}   ours {other:7,.0f}   ratio {other / base:.2f}")


def show(name: str, side: Side, work: Work) -> Side:
    """Prints one run."""
    store = f", {side.store_cpu:.1f} of it the local server's" if side.store_cpu else ""
    print(
        f"  {name:12} {side.wall:6.1f} s, {side.cpu:6.1f} CPU s{store}: {work.postings / side.wall:6,.0f} items/s,"
        f" {work.postings / side.cpu:6,.0f} a CPU s; {side.peak:.0f} MB",
        flush=True,
    )
    return side


if __name__ == "__main__":
    main()
