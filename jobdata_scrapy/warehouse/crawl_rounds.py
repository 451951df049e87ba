"""Copies what the coverage ledger says of ended rounds to the warehouse: `crawl_round`, which the lifecycle of postings hangs on.

The ledger is the truth and the copy follows it: whoever copies, copies all that has ended since the last line that is there (and
an hour before, for clocks that differ and transactions that came late), so that what could not be copied while the warehouse
was away comes with the next copy, or the next run that begins.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import peewee as pw

from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.ended_rounds import FIRST_TIME, EndedRound, healthy_before
from jobdata_scrapy.report.health import Limits, compare_with_history, make_limits
from jobdata_scrapy.report.judge import judge_run
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.lifecycle_rule import LifecycleRule

logger = logging.getLogger(__name__)
OVERLAP = timedelta(hours=1)
REFUSED_ALLOWED = 0.02  # of the postings shown: one that was refused was shown all the same, but is not among the sightings
# with their types, so that the driver does not ask for them at each INSERT
COLUMNS = {
    "platform": "String", "keyword": "String", "city": "String", "round": "String", "run_id": "String", "state": "String",
    "stop_reason": "String", "healthy": "Bool", "total": "Nullable(UInt32)", "seen": "UInt32", "distinct": "UInt32",
    "started_at": "Nullable(DateTime64(3, 'UTC'))", "finished_at": "Nullable(DateTime64(3, 'UTC'))",
    "ledger_at": "DateTime64(6, 'UTC')",
}  # fmt: skip
COPIED_UNTIL_SQL = "SELECT max(ledger_at), count() FROM crawl_round WHERE ledger_at <= now64(6)"
COPIED_SQL = """
SELECT platform, round, max(ledger_at) FROM crawl_round
WHERE platform IN {platforms:Array(String)} AND round IN {rounds:Array(String)} GROUP BY platform, round"""
SPANS_SQL = """
SELECT platform, round, min(seen_at), max(seen_at) FROM job_sighting
WHERE platform IN {platforms:Array(String)} AND round IN {rounds:Array(String)} GROUP BY platform, round"""
RULE_SQL = "SELECT closed_after, wait_days FROM lifecycle_rule ORDER BY set_at DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class JudgedRound:
    """A round that has ended, and whether it may close postings."""

    ended: EndedRound
    healthy: bool


def judge_rounds(database: pw.Database, rounds: Sequence[EndedRound], config: Config) -> list[JudgedRound]:
    """Looks at each round as the monitors do: alone, and beside its search's last healthy ones before it. Raises StorageError."""
    limits, count = make_limits(config), config.monitor_history_rounds
    judged = []
    for one in rounds:
        is_done = one.coverage.state is RoundState.DONE
        history = healthy_before(database, one, count) if is_done and count else []
        judged.append(JudgedRound(one, is_done and is_healthy(one.coverage, history, limits)))
    return judged


def is_healthy(coverage: Coverage, history: Sequence[Coverage], limits: Limits) -> bool:
    """Whether a posting that the round does not show was not on the site: it is `done`, a report of it alone would be green, next
    to nothing was refused, and it looks like the rounds of `history`. A round that saw nothing at all proves nothing.
    """
    judgement = judge_run([coverage], pages_yielded=0, pages_stored=0, finish_reason="finished", errors=[])
    return (
        coverage.state is RoundState.DONE
        and judgement.state == "kept"
        and coverage.rejected <= max(1, REFUSED_ALLOWED * coverage.seen)
        and not compare_with_history(coverage, history, limits)
    )


def copied_until(client: WarehouseClient) -> datetime:
    """Every round that ended more than OVERLAP before is in the warehouse. Lines from a clock that is ahead do not count."""
    ((until, count),) = client.query(COPIED_UNTIL_SQL).result_rows
    return until if count else FIRST_TIME


def find_missing(client: WarehouseClient, rounds: Sequence[EndedRound]) -> list[EndedRound]:
    """Those that `crawl_round` does not have as the ledger has them now."""
    found = client.query(COPIED_SQL, _name_rounds(rounds)).result_rows
    copied = {(platform, round): at for platform, round, at in found}
    return [one for one in rounds if copied.get((one.coverage.platform, one.coverage.round), FIRST_TIME) < one.updated_at]


def write_rounds(client: WarehouseClient, rounds: Sequence[JudgedRound], pruned_until: datetime | None = None) -> None:
    """Writes the rounds, with the time of their first and last sighting. Done again it changes nothing.

    pruned_until: sightings from before may have been deleted; a round that began earlier is written without its times.
    """
    if not rounds:
        return
    found = client.query(SPANS_SQL, _name_rounds([one.ended for one in rounds])).result_rows
    spans = {(platform, round): (first, last) for platform, round, first, last in found}
    rows = [_make_row(one, spans, pruned_until) for one in rounds]
    names, types = list(COLUMNS), list(COLUMNS.values())
    client.run(lambda driver: driver.insert("crawl_round", rows, column_names=names, column_type_names=types))


def write_rule(client: WarehouseClient, rule: LifecycleRule) -> bool:
    """Makes `rule` the one that `job_lifecycle` goes by; whether it was none, or another one before."""
    wanted = (rule.closed_after, rule.wait_days)
    former = tuple(client.query(RULE_SQL).first_row or ())
    if former == wanted:
        return False
    if former:
        logger.warning("the rule of closed postings changes for all machines: %s, before %s", *map(_name_rule, (wanted, former)))
    names = ["closed_after", "wait_days"]
    client.run(lambda driver: driver.insert("lifecycle_rule", [wanted], column_names=names))
    return True


def _name_rule(rule: tuple[int, ...]) -> str:
    return "CLOSED_AFTER_ROUNDS={}, CLOSED_WAIT_DAYS={}".format(*rule)


def _name_rounds(rounds: Sequence[EndedRound]) -> dict[str, list[str]]:
    platforms = sorted({one.coverage.platform for one in rounds})
    return {"platforms": platforms, "rounds": [one.coverage.round for one in rounds]}


def _make_row(
    judged: JudgedRound, spans: dict[tuple[str, str], tuple[datetime, datetime]], pruned_until: datetime | None
) -> list[Any]:
    line, at = judged.ended.coverage, judged.ended.updated_at
    span = spans.get((line.platform, line.round), (None, None))
    first, last = (None, None) if pruned_until and span[0] and span[0] < pruned_until else span
    return [
        *(line.platform, line.keyword, line.city, line.round, line.run_id, line.state.value, line.stop_reason, judged.healthy),
        *(line.total, line.seen, line.distinct, first, last, at),
    ]
