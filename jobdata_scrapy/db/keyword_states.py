"""How a keyword moves: leased, given back, lapsed, woken. Pure: each function changes a row in place, none asks a database.

pending -> running -> done | capped -> (its interval is over) pending
                   -> partial | failed -> (back-off over) running
                   -> dead, after too many leases in a row that brought nothing; revived by hand
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import FOUND_EMPTY, RoundState
from jobdata_scrapy.db.intervals import next_due
from jobdata_scrapy.db.models import Keyword
from jobdata_scrapy.leases import Owner
from jobdata_scrapy.platform import Verdict

MAX_BACKOFF = timedelta(days=1)
MAX_PRIORITY = 9
SPOOLED = "spooled"  # given back with it: all pages were read, some wait on disk
SPOOL_PAUSE = timedelta(hours=1)  # then it is looked at again; the replay ends it before, without a lease
SPOOL_LOST_AFTER = timedelta(days=1)  # after its round began; then nobody is likely to write it any more
EMPTY_PAUSE = timedelta(hours=8)  # after FOUND_EMPTY on page 1, which may be true: so it is seen again and again over a day
UNREADABLE = Verdict.LAYOUT_CHANGED.lower()
MAX_ERROR_LENGTH = 500
RESUME, AGAIN, FIRST, DUE = range(4)  # the groups of the queue, in the order they are leased


class KeywordState(StrEnum):
    """A keyword is in one of these; `paused` stands beside them."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    CAPPED = "capped"
    PARTIAL = "partial"
    FAILED = "failed"
    DEAD = "dead"


COVERED = (KeywordState.DONE, KeywordState.CAPPED)
REVIVED = (KeywordState.DEAD, KeywordState.FAILED, KeywordState.PARTIAL)


@dataclass(frozen=True, slots=True)
class QueueRules:
    """lease_seconds: how long a lease holds without a sign of life; backoff_seconds: the first pause, doubled each time."""

    lease_seconds: float = 300
    max_attempts: int = 5
    backoff_seconds: float = 300

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The rules that the settings tell."""
        return cls(config.keyword_lease_seconds, config.keyword_max_attempts, config.keyword_backoff_seconds)

    def lease_end(self, now: datetime) -> datetime:
        """When a lease that is taken or extended now runs out."""
        return now + timedelta(seconds=self.lease_seconds)

    def backoff(self, attempts: int) -> timedelta:
        """The pause after the `attempts`th bad lease in a row."""
        return min(timedelta(seconds=self.backoff_seconds * 2.0 ** min(attempts - 1, 30)), MAX_BACKOFF)


def take(row: Keyword, owner: Owner, now: datetime, rules: QueueRules, *, new_round: str = "", pages: int = 0) -> None:
    """`owner` gets the keyword: with `new_round` (its id) a round begins, else one goes on that has `pages` pages."""
    if new_round:
        change(row, round=new_round, round_at=now, plan="")
    change(row, owner=owner.name, node=owner.node, job=owner.job, released_by="")
    change(row, attempts=row.attempts + 1, pages_before=pages, moved=False)
    extend(row, now, rules)


def extend(row: Keyword, now: datetime, rules: QueueRules) -> None:
    """The owner lives: its lease begins anew, also one that had run out while nobody else took the keyword."""
    change(row, state=KeywordState.RUNNING, lease_until=rules.lease_end(now))
    schedule(row, now)


def give_back(row: Keyword, outcome: RoundState, error: str, now: datetime, rules: QueueRules) -> None:
    """The owner lets go; `outcome` is how far its round came, `error` why it did not end well."""
    change(row, released_by=row.owner or "", owner=None, lease_until=None, last_error=error[:MAX_ERROR_LENGTH])
    if outcome in (RoundState.DONE, RoundState.CAPPED):
        change(row, state=KeywordState(outcome), attempts=0, not_before=None, due_at=next_due(row.interval, row.round_at))
    elif outcome is RoundState.RUNNING:
        _excuse(row, error, now, rules)
    elif outcome is RoundState.FAILED and error == FOUND_EMPTY:
        change(row, state=KeywordState.FAILED, attempts=max(row.attempts - 1, 0), not_before=now + EMPTY_PAUSE)
    elif outcome is RoundState.PARTIAL and error == SPOOLED:  # read to its end: what it waits for is not the site
        change(row, state=KeywordState.PARTIAL, attempts=0, not_before=now + SPOOL_PAUSE)
    elif outcome is RoundState.PARTIAL and not error:  # it went as far as it was allowed to (`pages=`, a budget)
        change(row, state=KeywordState.PARTIAL, attempts=0, not_before=now + rules.backoff(1))
    else:
        change(row, state=KeywordState(outcome))
        _count_bad_lease(row, rules)
        change(row, not_before=now + rules.backoff(row.attempts))
    change(row, last_state=row.state)
    schedule(row, now)


def wake(row: Keyword, now: datetime, rules: QueueRules) -> None:
    """What time alone has changed: the lease ran out, the back-off is over, the keyword is due again.

    A lapsed owner stays named: as long as nobody else takes the keyword, it is still the owner's.
    """
    if row.state == KeywordState.RUNNING:
        change(row, state=KeywordState.PARTIAL, not_before=None, last_error=f"the lease of {row.owner} ran out")
        _count_bad_lease(row, rules)
        change(row, last_state=row.state)
    elif row.state in COVERED:
        change(row, state=KeywordState.PENDING)
    schedule(row, now)


def revive(row: Keyword, now: datetime) -> None:
    """By hand: a dead or failed keyword begins anew, the back-off of a partial one ends; others stay as they are.

    One that has long waited for a spool begins anew, too: that spool may be gone with its machine.
    """
    if row.state not in REVIVED:
        return
    lost_spool = row.last_error == SPOOLED and row.round_at is not None and now - row.round_at > SPOOL_LOST_AFTER
    if row.state != KeywordState.PARTIAL or lost_spool:
        change(row, state=KeywordState.PENDING, owner=None)
    change(row, attempts=0, not_before=None)
    schedule(row, now)


def schedule(row: Keyword, now: datetime) -> None:
    """Sets queue_key, queued_at and wake_at by what the other columns say."""
    if row.state == KeywordState.RUNNING:
        change(row, queue_key=None, wake_at=row.lease_until)
    elif row.paused or row.state == KeywordState.DEAD:
        change(row, queue_key=None, wake_at=None)
    elif row.state in COVERED:
        change(row, queue_key=None, wake_at=row.due_at)
    elif row.not_before is not None and row.not_before > now:
        change(row, queue_key=None, wake_at=row.not_before)
    else:
        if row.queue_key is None:
            change(row, queued_at=now)
        change(row, queue_key=f"{row.platform}:{_group(row)}{MAX_PRIORITY - row.priority}", wake_at=None)


def queue_range(platform: str, *, going_on: bool = True) -> tuple[str, str]:
    """Every queue_key of the site is at least the first and less than the second; `going_on`: those of partial ones, too."""
    return f"{platform}:{'' if going_on else AGAIN}", f"{platform};"


def change(row: Keyword, **values: Any) -> None:
    """Sets columns; those that keep their value stay out of `row.dirty_fields`."""
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def _group(row: Keyword) -> int:
    if row.state == KeywordState.PARTIAL:
        return RESUME
    if row.state == KeywordState.FAILED:
        return AGAIN
    return DUE if row.last_state in COVERED else FIRST


def _excuse(row: Keyword, error: str, now: datetime, rules: QueueRules) -> None:
    """No fault of the keyword's: it costs it no attempt, and it never dies of it.

    Where an answer to this very keyword ended its run, others go first: it might end the next run, too. Longer each time for
    answers that could not be read, since some posting of its own may be all that cannot.
    """
    is_own = error.upper() in Verdict.__members__
    attempts = row.attempts if error == UNREADABLE and not row.moved else max(row.attempts - 1, 0)
    pause = now + rules.backoff(max(attempts, 1)) if is_own else None
    change(row, state=KeywordState.PARTIAL, attempts=attempts, not_before=pause)


def _count_bad_lease(row: Keyword, rules: QueueRules) -> None:
    """A round that moved on before it broke off begins to count anew; one that failed as a whole does not."""
    if row.moved and row.state == KeywordState.PARTIAL:
        change(row, attempts=1)
    if row.attempts >= rules.max_attempts:
        change(row, state=KeywordState.DEAD)
