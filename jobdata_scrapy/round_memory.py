"""What is known from before of the rounds under way: what their keywords' history lets expect, what earlier runs saw of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from jobdata_scrapy.anomaly_signs import believes_empty
from jobdata_scrapy.backend.base import Backend
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.report.health import make_limits
from jobdata_scrapy.report.history import LOOK_BACK, select_healthy


class RoundMemory:
    """By round: `expected` rows of a healthy round, `believable` where an empty list may be true, `sighted` ids of earlier pages.

    `result_cap`: the most a search of the site shows; `clock` returns an aware UTC datetime.
    """

    def __init__(self, backend: Backend, config: Config, result_cap: int, clock: Callable[[], datetime]) -> None:
        self._backend, self._config, self._result_cap, self._clock = backend, config, result_cap, clock
        self.expected: dict[str, int] = {}
        self.believable: set[str] = set()
        self.sighted: dict[str, frozenset[str]] = {}
        self._first_page: dict[str, int] = {}

    async def look_back(self, coverage: Coverage) -> None:
        """Asks for the history of the round's keyword. Raises StorageError."""
        search = coverage.platform, coverage.keyword, coverage.city
        count = max(self._config.monitor_history_rounds, 1)
        ended = await self._backend.last_healthy_rounds(*search, count * LOOK_BACK)
        healthy = select_healthy(ended, make_limits(self._config), count)
        rounds_needed = self._config.empty_believed_after
        if not healthy or not rounds_needed:  # none needed: the operator's word that an empty list is true
            return
        self.expected[coverage.round] = min(healthy[0].seen, self._result_cap)  # a split search sees more than one shows
        if believes_empty(await self._backend.found_empty(*search), self._clock(), rounds_needed):
            self.believable.add(coverage.round)

    async def go_on(self, coverage: Coverage) -> None:
        """Takes up a round that another run began; what was stored and never reported counts no more. Raises StorageError."""
        page = self._first_page[coverage.round] = coverage.pages_ok + 1
        await self._backend.set_aside_sightings(coverage.platform, coverage.round, page)
        if coverage.pages_ok:
            self.sighted[coverage.round] = await self._backend.sighted_ids(coverage.platform, coverage.round, page)

    async def count(self, coverage: Coverage) -> int:
        """What the warehouse counts of the round, without what an attempt thought lost has stored since. Raises StorageError."""
        key = coverage.platform, coverage.round
        stored = await self._backend.count_sightings(*key)
        if stored > coverage.distinct and coverage.round in self._first_page:
            await self._backend.set_aside_sightings(*key, self._first_page[coverage.round], coverage.run_id)
            stored = await self._backend.count_sightings(*key)
        return stored
