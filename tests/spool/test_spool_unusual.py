"""Pages in the spool that are refused, belong to nobody, or come at a bad moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.coverage import Coverage, RoundState, add_page, finish
from jobdata_scrapy.db.keyword_list import NewKeyword, add_keywords
from jobdata_scrapy.items import Page
from jobdata_scrapy.leases import Owner
from jobdata_scrapy.spool.folder import SpoolFolder
from jobdata_scrapy.warehouse import writer
from jobdata_scrapy.warehouse.access import Warehouse
from jobdata_scrapy.warehouse.schema import apply_schema
from tests.spool.replay_parts import RUN, coverage, ledger, pages, rows, spool, spooled_round
from tests.spool.spool_parts import make_job, make_page

pytestmark = pytest.mark.slow


def bad_page(number: int, bad: int, size: int = 12) -> Page:
    """Of whose rows so many cannot be written."""
    jobs = [make_job(f"{number}-{place}") for place in range(size)]
    for job in jobs[:bad]:
        job.salary_months = -1
    return make_page(number, jobs=jobs, companies=[], rejected=[])


async def test_many_pages_with_a_few_bad_rows_hold_up_no_run(config, client):
    """More bad rows than a unit may have, yet no page has too many."""
    for number in range(1, 31):
        spool(config).put(bad_page(number, 2))
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    counts = await backend.spool_counts()
    await backend.close()
    assert (counts.replayed_pages, counts.damaged) == (30, ())
    assert spool(config).names() == []
    assert client.command("SELECT count() FROM boss_job") == 300
    assert client.command("SELECT count() FROM rejected_row") == 60


async def test_a_page_that_is_refused_alone_is_set_aside_and_its_round_read_anew(config, client):
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    line = Coverage("boss", "数据分析", "上海", "r1.1", "r1", pages_ok=1, seen=12, spooled=12, distinct=12)
    await backend.open_round(line)
    finish(line, "end", capped=False, failed=False, stored=None)
    await backend.close_round(line)
    refused = spool(config).put(bad_page(1, 12))
    spool(config).put(make_page(2, rejected=[]))
    assert await backend.replay_spool()
    assert (await backend.spool_counts()).damaged == (f"{refused}.damaged",)
    await backend.close()
    assert [job_id for job_id, _ in rows(client)] == ["a", "b"]
    assert (ledger(config).state, ledger(config).stop_reason) == (RoundState.FAILED, "spool_damaged")


async def test_a_page_that_was_never_reported_counts_for_no_round(config, client):
    """A process put page 3 on disk and was killed; another reads it anew, sees other postings, and ends the round."""
    orphan = make_page(3, ("x", "y"), run_id="r0", rejected=[])
    backend, line = DirectBackend(config), coverage()
    await backend.open_run(RUN)
    spool(config).put(orphan)
    await backend.open_round(line)
    for page in [make_page(1, ("a", "b")), make_page(2, ("c", "d")), make_page(3, ("e", "f"))]:
        page.rejected = []
        page.stored = await backend.store(page)
        add_page(line, page)
        await backend.report_page(line, page)
    assert await backend.replay_spool()
    assert {job_id for job_id, _ in rows(client)} == set("abcdefxy")
    assert await backend.count_sightings("boss", "r1.1") == 6
    await backend.close()


async def test_what_was_stored_and_never_reported_does_not_keep_a_round_from_its_end(config, proxy, client):
    await spooled_round(config, proxy)
    elsewhere = DirectBackend(config.model_copy(update={"jobdata_dir": config.jobdata_dir / "elsewhere"}))
    await elsewhere.store(make_page(4, ("x", "y"), run_id="r0", rejected=[]))
    await elsewhere.close()
    backend = DirectBackend(config)
    assert await backend.replay_spool()
    await backend.close()
    assert (ledger(config).state, ledger(config).stored) == (RoundState.DONE, 5)


async def test_a_round_that_could_not_be_counted_at_its_end_is_counted_when_the_next_run_begins(config):
    backend, line = DirectBackend(config), coverage()
    await backend.open_run(RUN)
    await backend.open_round(line)
    page = pages()[0]
    page.stored = await backend.store(page)
    add_page(line, page)
    await backend.report_page(line, page)
    finish(line, "end", capped=False, failed=False, stored=None)
    await backend.close_round(line)
    assert (line.state, line.stored) == (RoundState.PARTIAL, None)
    await backend.open_run(replace(RUN, run_id="r2"))
    await backend.refresh_round(line)
    await backend.close()
    assert (line.state, line.stop_reason, line.stored) == (RoundState.DONE, "end", 2)


async def test_while_the_warehouse_is_away_no_keyword_is_leased_that_goes_on(config, proxy):
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    await backend._database.run(lambda database: add_keywords(database, [NewKeyword("boss", "gone on", "上海", priority=9)]))
    first = await backend.lease_keyword("boss", Owner("r0"))
    assert first is not None
    await backend.release_keyword(first)
    await backend._database.run(lambda database: add_keywords(database, [NewKeyword("boss", "new", "上海", priority=0)]))
    proxy.refuse()
    await backend.store(pages()[0])
    leased = [await backend.lease_keyword("boss", Owner("r1")) for _ in range(2)]
    assert [lease and lease.keyword for lease in leased] == ["new", None]
    proxy.listen()
    await backend.look_once_more(in_a_hurry=False)
    going_on = await backend.lease_keyword("boss", Owner("r1"))
    assert going_on is not None
    assert (going_on.keyword, going_on.goes_on) == ("gone on", True)
    await backend.close()


async def test_the_folder_is_listed_once_a_pass(config, client, monkeypatch):
    for number in range(1, 70):
        spool(config).put(make_page(number, (f"j{number}",), rejected=[], companies=[]))
    listed: list[int] = []
    real_names = SpoolFolder.names
    monkeypatch.setattr(SpoolFolder, "names", lambda self: listed.append(1) or real_names(self))
    backend = DirectBackend(config)
    assert await backend.replay_spool()
    await backend.close()
    assert len(rows(client)) == 69
    assert len(listed) <= 3


async def test_a_replay_outlives_inserts_whose_outcome_is_not_known(config, client):
    """The embedded engine calls INSERTs so while another statement fails; a few in a row are no outage."""
    backend, left = DirectBackend(config), 3

    def step(driver: Client) -> int:
        nonlocal left
        left -= 1
        if left >= 0:
            raise DatabaseError("the outcome is unknown", code=319)
        return 1

    assert await backend._impatient.run(lambda warehouse: warehouse.ask("it", lambda opened: opened.run(step))) == 1
    await backend.close()


async def test_the_tables_of_a_site_are_made_once(config, client, monkeypatch):
    made: list[str] = []
    monkeypatch.setattr(writer, "apply_schema", lambda opened, sites: made.extend(sites) or apply_schema(opened, sites))
    warehouse = Warehouse(config)
    warehouse.writer_for("boss").store(make_page(1))
    assert warehouse.count_rounds("boss", ["r1.1"]) == [2]
    assert made == ["boss"]
    warehouse.close()
