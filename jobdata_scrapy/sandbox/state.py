"""What one running sandbox holds."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from jobdata_scrapy.sandbox.data import COUNTRY
from jobdata_scrapy.sandbox.firing import ActiveRules
from jobdata_scrapy.sandbox.options import DEFAULT_TOKEN, SandboxOptions
from jobdata_scrapy.sandbox.postings import SearchKey
from jobdata_scrapy.sandbox.replay import Replay
from jobdata_scrapy.sandbox.rules import Control
from jobdata_scrapy.sandbox.world import World

LOG_LENGTH = 200_000


class SandboxState:
    """Postings, rules, log. The clocks are handed in by tests: `clock` monotonic seconds, `wall_clock` POSIX seconds."""

    def __init__(
        self, options: SandboxOptions, clock: Callable[[], float] = time.monotonic, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self.options = options
        self.clock = clock
        self.wall_clock = wall_clock
        self.world = World(options.seed)
        self.rules = ActiveRules(clock)
        self.replay = Replay.load(options.replay) if options.replay else None
        self.boss_tokens = frozenset({DEFAULT_TOKEN, *options.boss_tokens})
        self.require_stoken = False
        self.seen_request_ids: OrderedDict[str, None] = OrderedDict()
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self._number = 0
        if options.scenario:
            self.apply(options.scenario)

    def next_number(self) -> int:
        """1, 2, 3...: makes request ids that differ."""
        self._number += 1
        return self._number

    def apply(self, control: Control) -> None:
        """Does what a control document says, in the order its docstring gives."""
        if control.reset:
            self.rules.clear()
            self.world.reset()
            self.require_stoken = False
        if control.require_stoken is not None:
            self.require_stoken = control.require_stoken
        for total in control.total:
            self.world.set_total(SearchKey(total.site, total.keyword, total.city), total.total)
        for change in control.mutate:
            key = SearchKey(change.site, change.keyword, change.city)
            self.world.mutate(key, change_salary=change.change_salary, add=change.add, remove=change.remove)
        self.rules.add(control)

    def describe(self) -> dict[str, Any]:
        """What is in force, for the answer of the control endpoint."""
        return {"rules": self.rules.describe(), "require_stoken": self.require_stoken}

    def truth(self, site: str, keyword: str, city: str) -> dict[str, Any]:
        """The distinct ids of a search in the order of its list. `reachable`: how many of them, from the first, the site shows;
        `rows`: rows it shows, repeats counted."""
        if self.replay:
            ids = self.replay.ids(site)
            return {"total": len(ids), "ids": ids, "reachable": len(ids), "rows": self.replay.count_rows(site)}
        key = SearchKey(site, keyword, city or COUNTRY)
        window = self.world.window(key, self.rules.smallest_cap(site, keyword))
        ids = self.world.all_ids(key)
        return {"total": len(ids), "ids": ids, "reachable": len(set(window.rows)), "rows": len(window.rows)}
