"""What one run shares: its backend, its rounds, its tally. One per crawler, found by `session_of(crawler)`.

Closing happens here, in order and in one place: hooks of pipelines run in parallel and lose each other's errors.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from jobdata_scrapy import stats as keys
from jobdata_scrapy.backend import open_backend
from jobdata_scrapy.backend.base import Backend, RunRecord
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, RoundState, add_page, finish
from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.items import Page, StoredPage
from jobdata_scrapy.pace import PaceGate
from jobdata_scrapy.platform import Platform, Query
from jobdata_scrapy.report.build import build_report
from jobdata_scrapy.report.judge import Judgement, judge_run
from jobdata_scrapy.report.tally import Tally
from jobdata_scrapy.report.write import write_report

logger = logging.getLogger(__name__)

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
        self.gate = PaceGate(*config.pause_range())
        self.run = RunRecord(run_id=new_run_id(platform.name, clock()), platform=platform.name)
        self.rounds: dict[str, Coverage] = {}
        self.capped: set[str] = set()
        self.errors: list[str] = []
        self.stores = True
        self._round_end_hooks: dict[str, Callable[[], None]] = {}

    @property
    def answers_folder(self) -> Path:
        """Where answers that could not be understood are kept."""
        return self.config.jobdata_dir / "answers" / self.run.run_id

    async def open(self, arguments: Mapping[str, Any]) -> None:
        """Records the run as begun; makes the stores on first use. Raises StorageError."""
        self.run.arguments = dict(arguments)
        self.run.started_at = self.clock()
        self.run.node = socket.gethostname()
        self.run.job = os.environ.get("SCRAPY_JOB", "")
        await self.backend.open_run(self.run)

    async def open_round(self, query: Query) -> Coverage:
        """Begins one pass over a keyword and puts it into the ledger. Raises StorageError."""
        coverage = Coverage(
            platform=self.platform.name,
            keyword=query.keyword,
            city=query.city,
            round=f"{self.run.run_id}.{len(self.rounds) + 1}",
            run_id=self.run.run_id,
            cap=self.platform.result_cap,
        )
        self.rounds[coverage.round] = coverage
        await self.backend.open_round(coverage)
        return coverage

    def on_round_end(self, round_id: str, hook: Callable[[], None]) -> None:
        """Calls `hook` once when the round has ended."""
        self._round_end_hooks[round_id] = hook

    async def store(self, page: Page) -> StoredPage:
        """`Backend.store`; a cancelled wait becomes a StorageError, since Scrapy's scraper gives no signal for it."""
        try:
            return await self.backend.store(page)
        except asyncio.CancelledError:
            raise StorageError(f"storing page {page.number} of {page.keyword!r} was cancelled") from None

    async def report_page(self, page: Page) -> None:
        """Counts a stored page into its round and writes the ledger line: the last step before a page's outcome."""
        coverage = self.rounds[page.round]
        add_page(coverage, page)
        if page.capped:
            self.capped.add(page.round)
        try:
            await self.backend.report_page(coverage, page)
        except asyncio.CancelledError:
            raise StorageError(f"reporting page {page.number} of {page.keyword!r} was cancelled") from None

    async def end_round(self, round_id: str, stop_reason: str, *, failed: bool) -> Coverage:
        """Asks the warehouse what arrived, judges the round, writes its last line. Later calls do nothing."""
        coverage = self.rounds[round_id]
        if coverage.state is not RoundState.RUNNING:
            return coverage
        stored: int | None = None
        try:
            stored = await self._count_sightings(coverage)
        except StorageError as error:
            self.errors.append(f"count check of {coverage.keyword!r}: {error}")
        finish(coverage, stop_reason, capped=round_id in self.capped, failed=failed, stored=stored)
        self._round_end_hooks.pop(round_id, lambda: None)()
        await self.backend.close_round(coverage)
        logger.info(
            "%s %s: %s (%s), %d pages, %d postings", coverage.keyword, coverage.city, coverage.state, coverage.stop_reason,
            coverage.pages_ok, coverage.seen,
        )  # fmt: skip
        return coverage

    async def _count_sightings(self, coverage: Coverage) -> int:
        if not self.stores:
            return coverage.distinct
        return await self.backend.count_sightings(coverage.platform, coverage.round)

    async def close(self, finish_reason: str, stats: Mapping[str, Any]) -> ClosedRun:
        """Ends what is still open, judges the run, writes its report, closes the backend. Errors are judged, not raised."""
        for coverage in list(self.rounds.values()):
            if coverage.state is RoundState.RUNNING:
                await self._guard(
                    self.end_round(coverage.round, finish_reason if finish_reason != "finished" else "lost", failed=True)
                )
        self.run.finished_at = self.clock()
        self.run.finish_reason = finish_reason
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

    def _judge(self, finish_reason: str, stats: Mapping[str, Any]) -> Judgement:
        return judge_run(
            list(self.rounds.values()),
            pages_yielded=stats.get(keys.PAGE_YIELDED, 0),
            pages_stored=stats.get(keys.PAGE_STORED, 0),
            finish_reason=finish_reason,
            errors=self.errors,
        )

    def _build_report(self, judgement: Judgement, stats: Mapping[str, Any]) -> dict[str, Any]:
        return build_report(self.run, list(self.rounds.values()), self.tally, judgement, stats)

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
