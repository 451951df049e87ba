"""What the detector's findings do: exits cool down, tokens are marked, locks open and close, events are kept for the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobdata_scrapy.anomaly_signs import Observation
from jobdata_scrapy.anomaly_windows import Finding, Measure
from jobdata_scrapy.leases import AnomalyEvent, ExitLease
from jobdata_scrapy.platform import PageKind, Verdict
from jobdata_scrapy.run_session import RunSession

if TYPE_CHECKING:
    from scrapy import Request

HEALTHY = frozenset({Verdict.OK, Verdict.EMPTY, Verdict.CAPPED, Verdict.GONE})
NEEDS_EXIT = frozenset({Verdict.CAPTCHA, Verdict.IP_BANNED})
NEEDS_TOKEN = frozenset({Verdict.TOKEN_EXPIRED, Verdict.LOGIN_REQUIRED})


async def take_measures(session: RunSession, request: Request, verdict: Verdict) -> bool:
    """Shows an answer to the detector and does what its findings ask. True: the page is a soft block and not to be parsed."""
    observation = observe_answer(session, request, verdict)
    findings = session.detector.observe(observation)
    for finding in findings:
        await _apply(session, request, finding, observation)
    if request.meta.pop("is_probe", False):
        await _end_probe(session, observation, healthy=verdict in HEALTHY and not findings)
    return any(Measure.SOFT_BLOCK in finding.measures for finding in findings)


async def another_way(session: RunSession, request: Request, verdict: Verdict) -> bool:
    """Whether a refused request may go again: through another exit, or with another token of the pool, where it needs one."""
    if verdict in NEEDS_EXIT:
        return await session.backend.count_exits(session.platform.name) > 0
    return verdict not in NEEDS_TOKEN or bool(request.meta.get("token_name"))


def observe_answer(session: RunSession, request: Request, verdict: Verdict) -> Observation:
    """One answer as the detector wants it."""
    query = request.meta.get("query")
    return Observation(
        platform=session.platform.name,
        exit_name=request.meta["exit"].exit_name,
        verdict=verdict,
        page_kind=PageKind(request.meta["page_kind"]),
        token_name=request.meta.get("token_name", ""),
        keyword=query.keyword if query else "",
        city=query.city if query else "",
        page=request.meta.get("page_number", 0),
        latency=request.meta.get("download_latency", 0.0),
        page_size=session.platform.page_size,
        expected=request.meta.get("expected"),
    )


async def _apply(session: RunSession, request: Request, finding: Finding, seen: Observation) -> None:
    exit_: ExitLease = request.meta["exit"]
    if Measure.COOL_EXIT in finding.measures:
        await session.leases.exits.cool(exit_, finding.reason)
    if Measure.MARK_TOKEN in finding.measures:
        await session.leases.drop_token(exit_.exit_name, finding.reason)
    if Measure.OPEN_LOCK in finding.measures:
        await session.backend.trip_lock(finding.key, finding.reason)
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


async def _end_probe(session: RunSession, seen: Observation, *, healthy: bool) -> None:
    """The one request that a half-open lock let through decides: closed again, or open for longer."""
    if healthy:
        session.detector.forget(seen.platform)
        for key in (seen.platform, seen.exit_key):
            await session.backend.close_lock(key)
    else:
        await session.backend.trip_lock(seen.platform, f"the probe through {seen.exit_name} was answered {seen.verdict}")
