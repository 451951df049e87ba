"""How long the rounds of a run take, without what is not the site's doing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta


class RoundClock:
    """Times rounds from when they are taken up. `clock` returns an aware UTC datetime."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._began: dict[str, datetime] = {}

    def begin(self, round_id: str) -> None:
        """The round is taken up now."""
        self._began[round_id] = self._clock()

    def set_apart(self, round_id: str, time: timedelta) -> None:
        """Leaves time out: a list page waited for its turn, or for its postings' own pages. Nothing for a round not taken up."""
        if round_id in self._began:
            self._began[round_id] += time

    @contextmanager
    def apart(self, round_id: str) -> Iterator[None]:
        """Leaves out what the block takes, also where it fails: the round may go on in another run."""
        began = self._clock()
        try:
            yield
        finally:
            self.set_apart(round_id, self._clock() - began)

    def seconds(self, round_id: str) -> float:
        """Seconds until now, 0 for a round not taken up."""
        now = self._clock()
        return (now - self._began.get(round_id, now)).total_seconds()
