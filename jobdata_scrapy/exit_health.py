"""What the requests through an exit tell of it: its score, whether it still brings answers, how often it was blocked."""

from __future__ import annotations

from collections import Counter
from enum import Enum, auto

from jobdata_scrapy.leases import ExitLease

SCORE_STEP = 0.2  # how fast a score follows the answers
LOST_IN_A_ROW = 2  # one less than a request is sent (RETRY_TIMES): its last try goes another way


class Outcome(Enum):
    """What came of a request: an answer; an error of the server's; no answer at all; or it never left."""

    ANSWERED = auto()
    FAILED = auto()
    LOST = auto()
    UNSENT = auto()


class ExitHealth:
    """Of the exits of one process. The score goes with the lease, the rest is forgotten with the process."""

    def __init__(self) -> None:
        self._lost: Counter[str] = Counter()
        self._cooled: Counter[str] = Counter()

    def note(self, lease: ExitLease, outcome: Outcome) -> bool:
        """Moves the exit's score. True where several requests in a row have brought no answer."""
        lease.score += SCORE_STEP * ((1.0 if outcome is Outcome.ANSWERED else 0.0) - lease.score)
        self._lost[lease.exit_name] = self._lost[lease.exit_name] + 1 if outcome is Outcome.LOST else 0
        return self._lost[lease.exit_name] >= LOST_IN_A_ROW

    def cooled(self, exit_name: str) -> None:
        """The exit was given back to cool down: what comes after begins afresh."""
        self._cooled[exit_name] += 1
        self._lost.pop(exit_name, None)

    def session(self, exit_name: str) -> int:
        """The number of the exit's session at the site: another one after each cool-down."""
        return self._cooled[exit_name]
