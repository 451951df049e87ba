"""Between a run and the anomaly detector: answers counted, and as it wants them, and what it found kept for the operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobdata_scrapy import stats as keys
from jobdata_scrapy.anomaly_signs import Observation
from jobdata_scrapy.anomaly_windows import Finding
from jobdata_scrapy.leases import AnomalyEvent
from jobdata_scrapy.platform import PageKind, SearchPage, Verdict
from jobdata_scrapy.run_session import RunSession

if TYPE_CHECKING:
    from scrapy.statscollectors import StatsCollector


def observe_answer(session: RunSession, meta: Mapping[str, Any], verdict: Verdict) -> Observation:
    """One answer as the detector wants it; `meta`: of its request."""
    query = meta.get("query")
    return Observation(
        platform=session.platform.name,
        exit_name=meta["exit"].exit_name,
        verdict=verdict,
        page_kind=PageKind(meta["page_kind"]),
        token_name=meta.get("token_name", ""),
        keyword=query.keyword if query else "",
        city=query.city if query else "",
        page=meta.get("page_number", 0),
        latency=meta.get("download_latency", 0.0),
        page_size=session.platform.page_size,
        expected=meta.get("expected"),
        believable=meta.get("believable", False),
    )


def count_verdict(
    session: RunSession, stats: StatsCollector, verdict: Verdict, latency: float | None = None, *, is_further: bool = False
) -> None:
    """Counts what an answer was worth, in stats and report alike. latency, is_further: as for `Tally.add_answer`."""
    stats.inc_value(keys.labelled(keys.VERDICT_COUNT, verdict=verdict))
    session.tally.add_answer(verdict, latency, is_further=is_further)


async def watch_length(session: RunSession, meta: Mapping[str, Any], parsed: SearchPage) -> None:
    """Shows the length of a list page to the detector, where another page follows: the last one may be short."""
    if parsed.next_page is None or "exit" not in meta:
        return
    seen = observe_answer(session, meta, Verdict.OK)
    for finding in session.detector.observe_length(seen, len(parsed.jobs) + len(parsed.rejected) + parsed.skipped):
        await record_finding(session, finding, seen)


async def record_finding(session: RunSession, finding: Finding, seen: Observation) -> None:
    """Keeps an event with what was seen. Raises StorageError."""
    await session.backend.record_anomaly(
        AnomalyEvent(
            platform=seen.platform,
            verdict=seen.verdict,
            reason=finding.reason,
            at=session.clock(),
            exit_name=seen.exit_name,
            token_name=seen.token_name,
            keyword=seen.keyword,
            city=seen.city,
            run_id=session.run.run_id,
            seen=finding.seen,
        )
    )
