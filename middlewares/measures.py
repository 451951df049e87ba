"""What the detector's findings do: exits cool down, tokens are marked, locks open and close, events are kept for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobdata_scrapy.anomaly_signs import Observation
from jobdata_scrapy.anomaly_watch import observe_answer, record_finding
from jobdata_scrapy.anomaly_windows import Finding, Measure
from jobdata_scrapy.leases import ExitLease
from jobdata_scrapy.platform import Verdict
from jobdata_scrapy.run_session import RunSession

if TYPE_CHECKING:
    from scrapy import Request

HEALTHY = frozenset({Verdict.OK, Verdict.EMPTY, Verdict.CAPPED, Verdict.GONE})
NEEDS_EXIT = frozenset({Verdict.CAPTCHA, Verdict.IP_BANNED})
NEEDS_TOKEN = frozenset({Verdict.TOKEN_EXPIRED, Verdict.LOGIN_REQUIRED})


async def take_measures(session: RunSession, request: Request, verdict: Verdict) -> bool:
    """Shows an answer to the detector and does what its findings ask. True: the page is a soft block and not to be parsed."""
    observation = observe_answer(session, request.meta, verdict)
    findings = session.detector.observe(observation)
    for finding in findings:
        await _apply(session, request, finding, observation)
    if probed := request.meta.pop("probed_locks", ()):
        measures = {measure for finding in findings for measure in finding.measures}
        try:
            await _end_probe(session, observation, probed, healthy=verdict in HEALTHY and measures <= {Measure.RECORD})
        finally:
            session.probe.end()
    return any(Measure.SOFT_BLOCK in finding.measures for finding in findings)


async def another_way(session: RunSession, request: Request, verdict: Verdict) -> bool:
    """Whether a refused request may go again: through another exit, or with another token of the pool, where it needs one."""
    if verdict in NEEDS_EXIT:
        return await session.backend.count_exits(session.platform.name) > 0
    return verdict not in NEEDS_TOKEN or bool(request.meta.get("token_name"))


async def _apply(session: RunSession, request: Request, finding: Finding, seen: Observation) -> None:
    exit_: ExitLease = request.meta["exit"]
    if Measure.COOL_EXIT in finding.measures:
        await session.leases.exits.cool(exit_, finding.reason)
    if Measure.MARK_TOKEN in finding.measures:
        await session.leases.tokens.drop(exit_.exit_name, finding.reason)
    if Measure.OPEN_LOCK in finding.measures:
        await session.backend.trip_lock(finding.key, finding.reason)
    await record_finding(session, finding, seen)


async def _end_probe(session: RunSession, seen: Observation, probed: Sequence[str], *, healthy: bool) -> None:
    """The one request that half-open locks let through decides on each of them: closed again, or open for longer."""
    if healthy and seen.platform in probed:
        session.detector.forget(seen.platform)
    for key in probed:
        if healthy:
            await session.backend.close_lock(key)
        else:
            await session.backend.trip_lock(key, f"the probe through {seen.exit_name} was answered {seen.verdict}")
