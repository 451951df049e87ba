"""What the look-up of one page's ids costs, with few and with many postings stored."""

from __future__ import annotations

import random

from jobdata_scrapy.warehouse.known import Known
from parts.warehouse_store import Store

IDS, REPEAT = 30, 60
TO_REACH_MS = 15


def measure_lookup(store: Store) -> None:
    """Prints the time for 30 ids that are known, and for 30 that are not, in `boss_job`; other ids each time.

    Each part of the table is looked into: before the merges, as after a day of heavy crawling, and after them.
    """
    _measure(store)
    store.client.command("OPTIMIZE TABLE boss_job FINAL")
    _measure(store)


def _measure(store: Store) -> None:
    sample = store.client.query("SELECT arrayJoin(groupArraySample(6000, 7)(job_id)) FROM boss_job").result_columns[0]
    known, draw = list(sample), random.Random(1)

    def look_up(ids: list[str]) -> Known:
        return store.client.run(lambda driver: Known.look_up(driver, "boss_job", "job_id", ids))

    found = look_up(known[:IDS])
    assert all((one, "search") in found for one in known[:IDS])
    stored = store.client.command("SELECT count() FROM boss_job")
    parts = store.client.command(
        "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'boss_job'"
    )
    for name, make in (
        ("known", lambda: draw.sample(known, IDS)),
        ("new", lambda: [f"{draw.getrandbits(128):032x}" for _ in range(IDS)]),
    ):
        took = store.measure(lambda make=make: look_up(make()), REPEAT)
        print(
            f"look-up of {IDS} {name:5} ids among {stored:>10,} in {parts:>2} parts: {took} (to reach: {TO_REACH_MS} ms)",
            flush=True,
        )
