"""Runs the Spidermon suite over a finished run before it is judged, so that a green run with no data is red.

Spidermon's own extension runs at `spider_closed`, together with everybody else: too early for the last counts of the rounds, too
late for the exit code. Hence its runner is driven from `RunSession.close`. Off-switch: MONITORS_ENABLED.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from spidermon import MonitorRunner
from spidermon.settings import MONITOR

from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.extensions.monitor_suite import RunMonitor, RunMonitorSuite
from jobdata_scrapy.report.health import COMPARED, make_limits
from jobdata_scrapy.report.history import LOOK_BACK, select_healthy
from jobdata_scrapy.report.judge import MonitorOutcome, Problem
from jobdata_scrapy.run_session import RunSession, session_of

logger = logging.getLogger(__name__)


class MonitorsExtension:
    """Hands the monitors to the session; asks the backend for the history that they compare with."""

    def __init__(self, session: RunSession) -> None:
        self._session = session
        self._limits = make_limits(session.config)
        session.judge_with(self.run)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Raises NotConfigured where MONITORS_ENABLED is off."""
        if not crawler.settings.getbool("MONITORS_ENABLED", True):
            raise NotConfigured("MONITORS_ENABLED is off")
        return cls(session_of(crawler))

    async def run(self, finish_reason: str, stats: Mapping[str, Any]) -> tuple[MonitorOutcome, ...]:
        """The outcome of every monitor."""
        rounds = list(self._session.rounds.values())
        history = {coverage.round: await self._find_history(coverage) for coverage in rounds}
        return run_suite(
            finish_reason=finish_reason,
            stats=dict(stats),
            tally=self._session.tally,
            limits=self._limits,
            rounds=rounds,
            history=history,
        )

    async def _find_history(self, coverage: Coverage) -> list[Coverage]:
        """This keyword's last healthy rounds, this one left out; empty where there is none, or where none can be read."""
        count = self._session.config.monitor_history_rounds
        if not count or coverage.state not in COMPARED:
            return []
        try:
            search = coverage.platform, coverage.keyword, coverage.city
            found = await self._session.backend.last_healthy_rounds(*search, count * LOOK_BACK + 1)
        except StorageError as error:
            self._session.errors.append(f"history of {coverage.keyword!r}: {error}")
            return []
        return select_healthy([one for one in found if one.round != coverage.round], self._limits, count)


def run_suite(**data: Any) -> tuple[MonitorOutcome, ...]:
    """Runs the suite over `data` (see `monitor_suite`). A monitor that breaks has failed, too."""
    result = MonitorRunner().run(RunMonitorSuite(), **data)
    return tuple(_read_outcome(one) for one in result.monitor_results)


def _read_outcome(result: Any) -> MonitorOutcome:
    monitor: RunMonitor = result.monitor
    name = monitor.monitor_name
    if result.status == MONITOR.STATUS.SUCCESS:
        return MonitorOutcome(name)
    if result.reason is None:
        logger.error("The monitor %r broke: %s", name, result.error)
    return MonitorOutcome(name, Problem(monitor.code, result.reason or f"the monitor {name!r} broke", monitor.action))
