"""What each question costs, unfiltered and with each filter; and what it costs to be up to date."""

from __future__ import annotations

import time
from typing import Any

from jobdata_scrapy.warehouse.analytics import ask
from jobdata_scrapy.warehouse.analytics.refresh import refresh
from jobdata_scrapy.warehouse.filters import parse_filters
from jobdata_scrapy.warehouse.writer import Writer
from parts.warehouse_ingest import make_pages
from parts.warehouse_store import Store, show_load

UNFILTERED_MS, WITH_FILTER_MS = 100, 1_000
FILTERS = {
    "": [],
    "site": ["site=boss"],
    "city": ["city=上海"],
    "keyword": ["keyword=数据分析师"],
    "date": ["from=2025-03-01", "to=2025-12-31"],
    "salary": ["salary=10000-20000"],
    "employer": ["employer=华"],
    "all": ["site=boss", "city=北京", "keyword=数据分析师", "salary=5000-"],
}
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("postings", {}), ("postings", {"every": "week"}), ("salary", {"by": "city"}), ("salary", {"by": "degree"}),
    ("salary", {"by": "experience"}), ("salary", {"by": "title"}), ("distribution", {"of": "experience"}),
    ("distribution", {"of": "degree"}), ("distribution", {"of": "company_size"}), ("distribution", {"of": "company_stage"}),
    ("distribution", {"of": "industry"}), ("skills", {"today": "2026-06-01"}), ("employers", {}), ("closing", {}),
    ("reposts", {}), ("overlap", {}), ("quality", {}),
]  # fmt: skip


def build_analytics(store: Store, rows: int) -> None:
    """The first reading of everything."""
    begun = time.perf_counter()
    refresh(store.client)
    seconds = time.perf_counter() - begun
    print(f"first reading of {rows:,} postings: {seconds:.0f} s, {rows / seconds:,.0f} postings/s; {show_load()}", flush=True)


def measure_questions(store: Store, repeat: int) -> None:
    """Prints a line for each question, unfiltered, and one for each filter that takes longest."""
    worst: dict[str, tuple[float, str]] = {}
    for name, options in QUESTIONS:
        cells = []
        for filter_name, pairs in FILTERS.items():
            filters = parse_filters(pairs)
            took = store.measure(lambda filters=filters: ask(store.client, name, filters, **options), repeat)  # noqa: B023
            cells.append(f"{filter_name or 'all postings'} {took.wall:.0f}/{took.fastest:.0f}/{took.cpu:.0f}")
            told = " ".join((name, *map(str, options.values())))
            worst[filter_name] = max(worst.get(filter_name, (0, "")), (took.wall, told))
        print(f"{' '.join((name, *map(str, options.values()))):28} {'   '.join(cells)}", flush=True)
    print(f"(milliseconds: median/fastest/CPU of the server; {show_load()})")
    for filter_name, (wall, told) in worst.items():
        target = WITH_FILTER_MS if filter_name else UNFILTERED_MS
        print(f"  slowest {filter_name or 'unfiltered':10} {wall:6.0f} ms ({told}); to reach: {target} ms")


def measure_refresh(store: Store) -> None:
    """What a question pays for pages that came in before it: one page, and 167 of them."""
    writer = Writer(store.client)
    for number, count in ((900_001, 1), (900_002, 167)):
        pages = list(make_pages(number))[:count]
        writer.store_pages(pages)
        begun = time.perf_counter()
        refresh(store.client)
        rows = sum(len(page.jobs) for page in pages)
        print(f"refresh after {rows:5,} new postings: {(time.perf_counter() - begun) * 1000:6.0f} ms", flush=True)
    took = store.measure(lambda: refresh(store.client), 5)
    print(f"refresh with nothing new: {took}", flush=True)
