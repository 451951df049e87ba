"""Peak memory of the spider over more and more pages: does it stay flat?"""

from __future__ import annotations

from parts.crawls import PAGES_A_SEARCH, Work, crawl_ours
from parts.processes import page_server

MILLION = 1_000_000
TO_REACH_MB = 200
IN_HAND = 16  # fewer than the searches of the shorter crawl: both hold as many pages at a time


def show_memory(pages: int) -> None:
    """Crawls a fifth of `pages`, then all of them; prints both peaks and what the slope between them makes of a million."""
    peaks: list[tuple[int, float]] = []
    for count in (pages // 5, pages):
        work = Work(max(1, count // PAGES_A_SEARCH))
        with page_server(work.searches, work.pages) as url:
            peaks.append((work.postings, crawl_ours(work, url, IN_HAND).peak))
        print(f"  {work.postings:9,} postings: the spider's peak is {peaks[-1][1]:.0f} MB", flush=True)
    (few, low), (many, high) = peaks
    slope = (high - low) / (many - few) * MILLION
    print(f"  {slope:+.0f} MB a million postings, so {low + slope:.0f} MB over a million (to reach: {TO_REACH_MB})")
