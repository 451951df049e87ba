"""What a process holds for a while: a keyword, a token, an exit. Plain data; the backend hands it out and takes it back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from jobdata_scrapy.coverage import Coverage


class LockState(StrEnum):
    """A site lock (circuit breaker): CLOSED lets everything through, OPEN nothing, HALF_OPEN one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class LockCheck:
    """What the locks say of one request. keys: those that are OPEN; or those that the request is the probe of (HALF_OPEN)."""

    state: LockState
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lease. name: unique to the process (the run id); node: host name; job: Scrapyd job id, "" without one."""

    name: str
    node: str = ""
    job: str = ""


@dataclass(slots=True)
class KeywordLease:
    """One keyword of the queue in one process's hands.

    coverage: the ledger line of its round, as far as earlier runs brought it; plan: the search plan of the round as JSON
    (`jobdata_scrapy.search_plan`), "" for a round that begins; attempts: leases in a row that came to nothing, this one included;
    goes_on: another run began the round.
    """

    keyword_id: int
    platform: str
    keyword: str
    city: str
    owner: str
    expires_at: datetime
    coverage: Coverage
    plan: str = ""
    attempts: int = 1
    goes_on: bool = False


@dataclass(slots=True)
class TokenLease:
    """One session token of the operator's, used through one exit by one process. The value is never logged."""

    token_id: int
    platform: str
    name: str
    owner: str
    expires_at: datetime
    value: str = field(repr=False)
    exit_name: str = ""


@dataclass(slots=True)
class ExitLease:
    """One (site, exit) pair in one process's hands.

    exit_name: without credentials; proxy_url: None for the machine's own address; last_end: when the pair's last answer ended,
    whoever asked (None: never asked); slowness: factor on the pause, 1 is normal; score: 0 (bad) to 1 (healthy); not_before:
    the site asked for a rest until then.
    """

    platform: str
    exit_name: str
    owner: str
    expires_at: datetime
    proxy_url: str | None = field(default=None, repr=False)
    last_end: datetime | None = None
    slowness: float = 1.0
    score: float = 1.0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class AnomalyEvent:
    """Something that the anomaly detector saw, with what it saw: counts and window, no answer bodies, no secrets."""

    platform: str
    verdict: str
    reason: str
    at: datetime
    exit_name: str = ""
    token_name: str = ""
    keyword: str = ""
    city: str = ""
    run_id: str = ""
    seen: dict[str, float] = field(default_factory=dict)
