"""Queries about rounds whose pages went through the spool: they end anew when the last of them is written, or is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import peewee as pw

from jobdata_scrapy.coverage import READ_ON_PURPOSE, Coverage, RoundState, fail_damaged, settle
from jobdata_scrapy.db.coverage import find_round, read_line, search_of_round, update_line
from jobdata_scrapy.db.keyword_rows import save_rows
from jobdata_scrapy.db.keyword_states import KeywordState, QueueRules, change, give_back
from jobdata_scrapy.db.keywords import QUEUE_ROUND, find_row
from jobdata_scrapy.db.models import CoverageLine
from jobdata_scrapy.db.transaction import reading, writing

RoundKey = tuple[str, str, str, str]
"""platform, keyword, city, round."""
COUNTED_WITHIN = timedelta(days=7)  # of a later one the queue takes the keyword up again, which counts it, too


@writing
def find_unsettled(database: pw.Database, rounds: Iterable[RoundKey]) -> list[Coverage]:
    """Those of `rounds` that have ended, of which everything is written by now, and which were not counted since."""
    lines = [find_round(database, *key) for key in sorted(set(rounds))]
    return [line for line in lines if line is not None and _waits_for_count(line)]


@reading
def find_uncounted(database: pw.Database, *, now: datetime | None = None) -> list[Coverage]:
    """Rounds of the last days that were read as far as they were to be, and at whose end the warehouse could not be asked."""
    query = CoverageLine.select().where(
        CoverageLine.updated_at >= (now or datetime.now(UTC)) - COUNTED_WITHIN,
        CoverageLine.state == RoundState.PARTIAL.value,
        CoverageLine.stored.is_null(),
        CoverageLine.spooled == 0,
        CoverageLine.stop_reason.in_(READ_ON_PURPOSE),
    )
    return [read_line(line) for line in query.order_by(CoverageLine.updated_at).execute(database)]


@writing
def settle_round(
    database: pw.Database, round: RoundKey, stored: int, rules: QueueRules, *, now: datetime | None = None
) -> Coverage | None:
    """Ends the round as it would have ended with a warehouse at hand, and its keyword in the queue accordingly.

    `stored`: what the warehouse counts. None where there is nothing to settle (any more).
    """
    line = find_round(database, *round)
    if line is None or not _waits_for_count(line):
        return None
    settle(line, stored)
    _end(database, line, rules, now or datetime.now(UTC))
    return line


@writing
def fail_round(
    database: pw.Database, platform: str, round: str, rules: QueueRules, *, now: datetime | None = None
) -> Coverage | None:
    """Ends a round of which a file of the spool is damaged, so that its keyword is read anew.

    None where it has ended otherwise, goes on, or misses nothing.
    """
    search = search_of_round(database, platform, round)
    line = find_round(database, platform, *search, round) if search else None  # by its key: it locks this line alone
    if line is None or line.state is not RoundState.PARTIAL or not line.spooled:
        return None
    fail_damaged(line)
    _end(database, line, rules, now or datetime.now(UTC))
    return line


def round_keys(lines: Sequence[Coverage]) -> list[RoundKey]:
    """What tells the rounds apart."""
    return [(line.platform, line.keyword, line.city, line.round) for line in lines]


def _waits_for_count(line: Coverage) -> bool:
    ended = line.state is not RoundState.RUNNING
    was_read = line.state is RoundState.PARTIAL and line.stop_reason in READ_ON_PURPOSE
    return ended and not line.spooled and line.stored is None and (was_read or any(line.replayed.values()))


def _end(database: pw.Database, line: Coverage, rules: QueueRules, now: datetime) -> None:
    """The keyword follows where nobody works on it and it was not given back for another reason than the spool."""
    update_line(database, line, at=now)
    found = QUEUE_ROUND.fullmatch(line.round)
    row = find_row(database, int(found[1])) if found else None
    if row is None or row.round != line.round or row.state != KeywordState.PARTIAL or row.owner is not None:
        return
    released_by, ended = row.released_by, line.state in (RoundState.DONE, RoundState.CAPPED)
    if ended or line.state is RoundState.FAILED:
        give_back(row, line.state, "" if ended else line.stop_reason, now, rules)
        change(row, released_by=released_by)  # a release that is sent again is still the same
        save_rows(database, [row], now)
