"""Whatever is lost between store and report, on a site that changes: a round counts what it reported, and forgets nothing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobdata_scrapy.items import RowState
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.sightings import count_rounds, set_aside, sighted_ids
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import NOW, make_job, make_page

pytestmark = pytest.mark.slow
_rounds = itertools.count()


@dataclass
class Round:
    """One round in many hands; `counted` is what the ledger says, `shown` what the site ever showed."""

    writer: Writer
    client: WarehouseClient
    name: str = field(default_factory=lambda: f"round-{next(_rounds)}")
    pages: int = 0
    counted: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    moment: int = 0

    def take_over(self) -> set[str]:
        set_aside(self.client, "boss", self.name, self.pages + 1)
        return set(sighted_ids(self.client, "boss", self.name, self.pages + 1))

    def store(self, ids: str, seen: set[str], *, run: str, reported: bool = True) -> None:
        self.moment += 1
        fresh = sorted(set(ids) - seen)
        jobs = [make_job(one) for one in fresh] + [make_job(one, state=RowState.REPEATED) for one in sorted(set(ids) & seen)]
        moment = NOW + timedelta(seconds=self.moment)
        self.writer.store(make_page(jobs, round=self.name, run_id=run, number=self.pages + 1, fetched_at=moment))
        seen |= set(ids)
        self.shown |= set(fresh)
        if reported:
            self.pages += 1
            self.counted |= set(fresh)

    def check(self, client: WarehouseClient) -> None:
        assert count_rounds(client, "boss", [self.name]) == [len(self.counted)]
        sql = f"SELECT DISTINCT job_id FROM job_sighting FINAL WHERE round = '{self.name}'"
        assert {row[0] for row in client.query(sql).result_rows} == self.shown


PAGE = st.text("abcdefgh", max_size=4)
ATTEMPT = st.tuples(st.lists(PAGE, max_size=3), PAGE)  # pages it reports, and one that it stores and never reports


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ATTEMPT, min_size=1, max_size=4), st.booleans())
@example([([], "ab"), (["bc"], "")], False)  # page 1 is stored, its process dies, and the list has moved on
@example([(["ab"], "xc"), (["cd"], "y"), (["ex"], "")], True)  # one that was lost is seen again by a third
def test_a_round_counts_what_it_reported(writer, client, attempts, merged):
    one = Round(writer, client)
    for number, (pages, lost) in enumerate(attempts):
        seen = one.take_over()
        assert seen == one.counted
        for ids in pages:
            one.store(ids, seen, run=f"run-{number}")
        one.store(lost, seen, run=f"run-{number}", reported=False)
        if merged:
            client.command("OPTIMIZE TABLE job_sighting FINAL")
    one.take_over()
    one.check(client)
    one.take_over()
    one.check(client)


def test_what_comes_late_from_a_lost_attempt_is_set_aside_at_the_end(writer, client):
    """Its lease ran out while its answer was under way: it stores what another run has read anew."""
    one = Round(writer, client)
    slow = one.take_over()
    seen = one.take_over()
    one.store("bc", seen, run="quick")
    one.pages -= 1
    one.store("ab", slow, run="slow", reported=False)
    one.pages += 1
    assert count_rounds(client, "boss", [one.name]) == [3]
    for _ in range(2):
        set_aside(client, "boss", one.name, 1, "quick")
        one.check(client)
