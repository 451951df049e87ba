"""What one run shares: its backend, its rounds, its tally. One per crawler, found by `session_of(crawler)`.

Closing happens here, in order and in one place: hooks of pipelines run in parallel and lose each other's errors.
"""

from __future__ import annotations

import logging
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from jobdata_scrapy import stats as keys
from jobdata_scrapy.anomaly_windows import AnomalyDetector
from jobdata_scrapy.backend import open_backend
from jobdata_scrapy.backend.base import Backend, RunRecord, SpoolCounts
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, RoundState, add_page, waits_for_spool
from jobdata_scrapy.draining import DrainSwitch
from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.items import Page, StoredPage
from jobdata_scrapy.leases import KeywordLease, Owner
from jobdata_scrapy.pace import PaceGate
from jobdata_scrapy.platform import Platform, Query
from jobdata_scrapy.probe import ProbeTurn
from jobdata_scrapy.report.build import build_report
from jobdata_scrapy.report.judge import Judgement, MonitorOutcome, judge_run
from jobdata_scrapy.report.tally import Tally
from jobdata_scrapy.report.write import write_report
from jobdata_scrapy.round_clock import RoundClock
from jobdata_scrapy.round_memory import RoundMemory
from jobdata_scrapy.run_leases import RunLeases
from jobdata_scrapy.run_spool import close_spool, finish_round, spool_stats
from jobdata_scrapy.site_silence import SiteSilence

logger = logging.getLogger(__name__)

Monitors = Callable[[str, Mapping[str, Any]], Awaitable[tuple[MonitorOutcome, ...]]]

_SESSIONS: WeakKeyDictionary[Any, RunSession] = WeakKeyDictionary()


def session_of(crawler: Any) -> RunSession:
    """The session of a Scrapy crawler, made at the first call (the crawler's spider class must carry `platform`)."""
    session = _SESSIONS.get(crawler)
    if session is None:
        config = Config.from_settings(crawler.settings)
        session = RunSession(config, crawler.spidercls.platform, open_backend(config))
        _SESSIONS[crawler] = session
    return session


def new_run_id(platform: str, now: datetime) -> str:
    """Sorts by time and names its site: 20261122T061500-boss-1a2b3c."""
    return f"{now:%Y%m%dT%H%M%S}-{platform}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True)
class ClosedRun:
    """How a run ended, and where its HTML report is (None: it could not be written)."""

    judgement: Judgement
    report: dict[str, Any]
    html_path: Path | None


class RunSession:
    """One run of one spider. `clock` returns an aware UTC datetime."""

    def __init__(
        self,
        config: Config,
        platform: Platform,
        backend: Backend,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.config = config
        self.platform = platform
        self.backend = backend
        self.clock = clock
        self.tally = Tally()
        self.draining = DrainSwitch()
        self.gate = PaceGate(*config.pause_range(), draining=self.draining)
        self.probe = ProbeTurn(self.draining)
        self.detector = AnomalyDetector(time.monotonic)
        self.leases = RunLeases(backend, config, platform.name, lambda: self.owner, self.gate, self.draining, clock)
        self.run = RunRecord(run_id=new_run_id(platform.name, clock()), platform=platform.name)
        self.rounds: dict[str, Coverage] = {}
        self.memory = RoundMemory(backend, config, platform.result_cap, clock)
        self.waiting: dict[str, int] | None = None
        self.silence = SiteSilence(self.rounds, self.leases)
        self.round_clock = RoundClock(clock)
        self.errors: list[str] = []
        self.spool = SpoolCounts()
        self.stores = True
        self._asked_queue = False
        self._round_end_hooks: dict[str, Callable[[], None]] = {}
        self._release_hooks: list[Callable[[], Awaitable[None]]] = []
        self._monitors: Monitors | None = None
        self._monitored: tuple[MonitorOutcome, ...] = ()

    @property
    def answers_folder(self) -> Path:
        """Where answers that could not be understood are kept."""
        return self.config.jobdata_dir / "answers" / self.run.run_id

    async def open(self, arguments: Mapping[str, Any]) -> None:
        """Records the run as begun; makes the stores on first use. Raises StorageError."""
        self.run.arguments = {name: value for name, value in arguments.items() if not name.startswith("_")}
        self.run.started_at, self.run.node = self.clock(), socket.gethostname()
        self.run.job = str(arguments.get("_job", ""))  # Scrapyd's job id comes as an argument
        await self.backend.open_run(self.run)
        self.on_release(self.leases.end)
        await self.leases.begin()

    @property
    def owner(self) -> Owner:
        """Who holds what this run leases."""
        return Owner(self.run.run_id, self.run.node, self.run.job)

    async def open_round(self, query: Query) -> Coverage:
        """Begins one pass over a keyword and puts it into the ledger. Raises StorageError."""
        round_id = f"{self.run.run_id}.{len(self.rounds) + 1}"
        coverage = Coverage(self.platform.name, query.keyword, query.city, round_id, self.run.run_id)
        await self._take_up(coverage)
        await self.backend.open_round(coverage)
        return coverage

    @property
    def _is_idle(self) -> bool:
        """The queue was asked and had nothing to do."""
        return self._asked_queue and not self.rounds

    async def lease_keyword(self) -> KeywordLease | None:
        """The next keyword of the queue, its round taken up where earlier runs left it; None when none is ready."""
        self._asked_queue = True
        lease = await self.leases.next_keyword()
        if lease is not None:
            await self._take_up(lease.coverage)
            if lease.goes_on:
                await self.memory.go_on(lease.coverage)
        return lease

    async def _take_up(self, coverage: Coverage) -> None:
        self.rounds[coverage.round] = coverage
        coverage.cap = self.platform.result_cap
        self.round_clock.begin(coverage.round)
        await self.memory.look_back(coverage)

    def forget_round(self, round_id: str) -> None:
        """Stops working on a round that somebody else has taken over: it is theirs in the ledger."""
        self.rounds[round_id].state, self.rounds[round_id].stop_reason = RoundState.PARTIAL, "lease_lost"
        self.leases.keywords.pop(round_id, None)
        self.release(round_id)

    def on_round_end(self, round_id: str, hook: Callable[[], None]) -> None:
        """Calls `hook` once when the round has ended."""
        self._round_end_hooks[round_id] = hook

    def release(self, round_id: str) -> None:
        """Calls the round's hook, if that has not been done: nothing more will be asked for it."""
        self._round_end_hooks.pop(round_id, lambda: None)()

    def on_release(self, hook: Callable[[], Awaitable[None]]) -> None:
        """Awaits `hook` when the rounds have ended, before the run is judged: for feeds and what is held on lease."""
        self._release_hooks.append(hook)

    def judge_with(self, monitors: Monitors) -> None:
        """Lets `monitors` (finish reason, stats -> outcomes) look at the run before it is judged."""
        self._monitors = monitors

    async def store(self, page: Page) -> StoredPage:
        """`Backend.store`."""
        stored = await self.backend.store(page)
        await self.silence.end()
        return stored

    async def report_page(self, page: Page) -> None:
        """Counts a stored page into its round and writes the ledger line: the last step before a page's outcome."""
        coverage = self.rounds[page.round]
        add_page(coverage, page)
        await self.backend.report_page(coverage, page)
        await self.silence.end()

    async def end_round(
        self, round_id: str, stop_reason: str, *, failed: bool, uncovered: str = "", bystander: bool = False
    ) -> Coverage:
        """Asks the warehouse what arrived, judges the round, writes it down, gives its keyword back. Later calls do nothing.

        uncovered: what the site's result cap keeps out of reach, in words; bystander: it was only in hand when its run ended.
        """
        coverage = self.rounds[round_id]
        if coverage.state is not RoundState.RUNNING:
            return coverage
        failed = failed and stop_reason != "drained"  # a run that was asked to end is no fault of its keywords
        coverage.seconds += self.round_clock.seconds(round_id)
        coverage.uncovered_parts = uncovered
        try:
            await finish_round(self.backend, coverage, stop_reason, self._count_sightings, failed=failed)
        finally:
            self.release(round_id)
        ended_well = coverage.state in (RoundState.DONE, RoundState.CAPPED)
        why = "spooled" if waits_for_spool(coverage) else coverage.stop_reason
        if round_id not in self.silence:
            await self.leases.give_back(round_id, "" if ended_well else why, bystander=bystander)
        logger.info(
            "%s %s: %s (%s), %d pages, %d postings", coverage.keyword, coverage.city, coverage.state, coverage.stop_reason,
            coverage.pages_ok, coverage.seen,
        )  # fmt: skip
        return coverage

    async def _count_sightings(self, coverage: Coverage) -> int | None:
        if not self.stores:
            return coverage.distinct
        try:
            return await self.memory.count(coverage)
        except StorageError as error:
            self.errors.append(f"count check of {coverage.keyword!r}: {error}")
            return None

    async def close(self, finish_reason: str, stats: Mapping[str, Any]) -> ClosedRun:
        """Ends what is still open, judges the run, writes its report, closes the backend. Errors are judged, not raised."""
        self.draining.turn_on()  # a round that ends would let the next one begin
        why = "lost" if finish_reason == "finished" else finish_reason
        for coverage in list(self.rounds.values()):
            if coverage.state is RoundState.RUNNING:
                await self._guard(self.end_round(coverage.round, why, failed=True, bystander=why != "lost"))
        await self._guard(self.silence.settle(finish_reason))
        if self._is_idle and finish_reason == "finished":  # nothing was ready: why?
            await self._guard(self._look_at_queue())
        for release in self._release_hooks:
            await self._guard(release())
        await self._guard(self._close_spool(in_a_hurry=finish_reason == "drained"))
        stats = {**stats, **spool_stats(self.spool)}
        self.run.finished_at = self.clock()
        self.run.finish_reason = finish_reason
        if self._monitors is not None and not self._is_idle:
            self._monitored = await self._monitors(finish_reason, stats)
        judgement = self._judge(finish_reason, stats)
        self.run.state, self.run.exit_code = judgement.state, judgement.exit_code
        self.run.summary = self._build_report(judgement, stats)
        errors_before = len(self.errors)
        await self._guard(self.backend.close_run(self.run))
        await self._guard(self.backend.close())
        if len(self.errors) > errors_before:
            judgement = self._judge(finish_reason, stats)
        report = self._build_report(judgement, stats)
        return ClosedRun(judgement, report, self._write_report(report))

    async def _look_at_queue(self) -> None:
        self.waiting = await self.backend.count_waiting(self.platform.name)

    async def _close_spool(self, *, in_a_hurry: bool) -> None:
        self.spool = await close_spool(self.backend, list(self.rounds.values()), in_a_hurry=in_a_hurry)

    def give_up(self, finish_reason: str, stats: Mapping[str, Any]) -> None:
        """Writes the report of a run that cannot be closed in order any more, to its file alone; nothing where it was closed."""
        if self.run.finished_at is None:
            self.run.finished_at, self.run.finish_reason = self.clock(), finish_reason
            self.errors.append("the run did not end in the time it was given; its rounds stay open in the ledger")
            self._write_report(self._build_report(self._judge(finish_reason, stats), stats))

    def _judge(self, finish_reason: str, stats: Mapping[str, Any]) -> Judgement:
        return judge_run(
            list(self.rounds.values()),
            pages_yielded=stats.get(keys.PAGE_YIELDED, 0),
            pages_stored=stats.get(keys.PAGE_STORED, 0),
            finish_reason=finish_reason,
            errors=self.errors,
            monitored=self._monitored,
            idle=self._is_idle,
            waiting=self.waiting or {},
            spool=self.spool,
        )

    def _build_report(self, judgement: Judgement, stats: Mapping[str, Any]) -> dict[str, Any]:
        rounds = list(self.rounds.values())
        return build_report(self.run, rounds, self.tally, judgement, stats, self._monitored, self.spool, self.waiting)

    def _write_report(self, report: Mapping[str, Any]) -> Path | None:
        folder = self.config.jobdata_dir / "reports"
        try:
            return write_report(report, folder)[1]
        except OSError as error:
            logger.error("The report could not be written to %s: %s", folder, error.strerror)
            return None

    async def _guard(self, step: Any) -> None:
        try:
            await step
        except StorageError as error:
            self.errors.append(str(error))
            logger.error("%s", error)
