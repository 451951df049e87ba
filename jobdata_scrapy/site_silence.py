"""Whether the site answers at all: searches that its errors ended, since a page was stored last.

Whether that is a keyword's own doing or the site is down shows only later; until then its keyword is not given back.
"""

from __future__ import annotations

from collections.abc import Mapping

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.run_leases import RunLeases


class SiteSilence:
    """`rounds`: the run's, by id."""

    def __init__(self, rounds: Mapping[str, Coverage], leases: RunLeases) -> None:
        self._rounds, self._leases = rounds, leases
        self._silent: list[str] = []

    def __contains__(self, round_id: str) -> bool:
        return round_id in self._silent

    def note(self, round_id: str) -> int:
        """The site's errors end this round: how many in a row they did by now. At once, whatever else is under way."""
        self._silent.append(round_id)
        return len(self._silent)

    async def end(self) -> None:
        """The site answers: what its errors ended before, they did on the keyword's own account. Raises StorageError."""
        silent, self._silent = self._silent, []
        for round_id in silent:
            coverage = self._rounds[round_id]
            if coverage.state is not RoundState.RUNNING:  # else whoever ends the round gives the keyword back
                await self._leases.give_back(round_id, coverage.stop_reason)

    async def settle(self, finish_reason: str) -> None:
        """The run ends, and its rounds have. Raises StorageError."""
        for round_id in self._silent:
            why = finish_reason if finish_reason == "site_down" else self._rounds[round_id].stop_reason
            await self._leases.give_back(round_id, why)
