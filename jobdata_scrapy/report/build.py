"""The report of a run as plain JSON-able data. Pure. docs/operations.md explains the fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from jobdata_scrapy import __version__
from jobdata_scrapy import stats as keys
from jobdata_scrapy.backend.base import RunRecord, SpoolCounts
from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.report.judge import Judgement, MonitorOutcome, count_uncovered, describe_queue
from jobdata_scrapy.report.tally import SALARY_EDGES, SalaryBands, Tally
from jobdata_scrapy.report.text import clean_text, hide_secrets

SCHEMA_VERSION = 1
TOP_SHOWN = 20

Report = dict[str, Any]

_SUMMED = ("pages_asked", "pages_ok", "seen", "new", "changed", "unchanged", "repeated", "rejected", "spooled", "distinct")
_SUMMED_IF_KNOWN = ("total", "stored", "uncovered")
_PARTS = ("new", "changed", "unchanged", "repeated", "rejected", "spooled")


def build_report(
    run: RunRecord,
    rounds: Sequence[Coverage],
    tally: Tally,
    judgement: Judgement,
    stats: Mapping[str, Any],
    monitored: Sequence[MonitorOutcome] = (),
    spool: SpoolCounts | None = None,
    waiting: Mapping[str, int] | None = None,
) -> Report:
    """Everything about a run that is worth keeping; `stats` are Scrapy's. Times are ISO 8601, durations seconds.

    `rounds` are the ledger's lines (a resumed round counts earlier runs too), `totals` their sums, `this_run` what this run alone
    read, `queue` why a run over the queue had nothing to do (from `waiting`; None: it had). Secrets in the run's arguments are
    hidden, every text is one printable line.
    """
    lines = [_build_round(coverage) for coverage in rounds]
    return {
        "schema": SCHEMA_VERSION,
        "version": __version__,
        "run": _build_run(run, stats),
        "judgement": _build_judgement(judgement),
        "monitors": [{"name": one.name, "passed": one.problem is None} for one in monitored],
        "totals": _sum_rounds(lines),
        "rounds": lines,
        "this_run": asdict(tally.postings),
        "details": asdict(tally.details),
        "companies_seen": tally.companies_seen,
        "spool": _build_spool(spool or SpoolCounts()),
        "queue": None if waiting is None else describe_queue(run.platform, waiting),
        "checks": _build_checks(lines, stats),
        "verdicts": dict(tally.verdicts.most_common()),
        "latency_seconds": tally.latency.summary(),
        "unreadable": [
            {"field": field, "count": count, "examples": list(tally.examples.get(field, ()))}
            for field, count in tally.unreadable.most_common()
        ],
        "rejected": [
            {"page_kind": kind, "field": field, "reason": reason, "count": count}
            for (kind, field, reason), count in tally.rejected.most_common()
        ],
        "salary": _build_salary(tally.salaries),
        "skills": _build_top(tally.skills.most_common(TOP_SHOWN)),
        "skills_exact": tally.skills.exact,
        "companies": _build_top(tally.companies.most_common(TOP_SHOWN)),
        "companies_exact": tally.companies.exact,
        "traffic": _build_traffic(stats),
        "stats": {clean_text(key, 200): _plain(value) for key, value in sorted(stats.items())},
    }


def _build_run(run: RunRecord, stats: Mapping[str, Any]) -> dict[str, Any]:
    duration = stats.get("elapsed_time_seconds")
    if run.started_at and run.finished_at:
        duration = (run.finished_at - run.started_at).total_seconds()
    return {
        "run_id": clean_text(run.run_id, 100),
        "platform": clean_text(run.platform, 40),
        "arguments": hide_secrets(run.arguments),
        "started_at": _plain(run.started_at),
        "finished_at": _plain(run.finished_at),
        "duration_seconds": None if duration is None else round(float(duration), 3),
        "finish_reason": clean_text(run.finish_reason, 60),
        "node": clean_text(run.node, 100),
        "job": clean_text(run.job, 100),
    }


def _build_judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "state": judgement.state,
        "exit_code": judgement.exit_code,
        "problems": [asdict(problem) | {"line": str(problem)} for problem in judgement.problems],
    }


def _build_round(coverage: Coverage) -> dict[str, Any]:
    texts = ("platform", "keyword", "city", "round", "run_id", "stop_reason")
    line: dict[str, Any] = {name: clean_text(getattr(coverage, name), 100) for name in texts}
    numbers = ("total", "cap", *_SUMMED, "stored")
    line |= {name: getattr(coverage, name) for name in numbers}
    line["uncovered_parts"] = clean_text(coverage.uncovered_parts, 1000)
    return line | {"state": coverage.state.value, "uncovered": count_uncovered(coverage), "adds_up": coverage.adds_up}


def _sum_rounds(lines: list[dict[str, Any]]) -> dict[str, int | None]:
    """Sums over the lines; what one line does not know (None), the sum does not know."""
    sums: dict[str, int | None] = {name: sum(line[name] for line in lines) for name in _SUMMED}
    for name in _SUMMED_IF_KNOWN:
        known = [line[name] for line in lines if line[name] is not None]
        sums[name] = sum(known) if len(known) == len(lines) else None
    return sums


def _build_checks(lines: list[dict[str, Any]], stats: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sums that must hold, with both sides, so that a reader can check them."""
    totals = _sum_rounds(lines)
    parts = sum(totals[name] or 0 for name in _PARTS)
    yielded, stored = stats.get("page/yielded", 0), stats.get("page/stored", 0)
    return [
        {"name": "seen", "left": totals["seen"], "right": parts, "holds": all(line["adds_up"] for line in lines)},
        {
            "name": "warehouse",
            "left": totals["distinct"],
            "right": totals["stored"],
            "holds": all(line["distinct"] == line["stored"] for line in lines),
        },
        {"name": "pages", "left": yielded, "right": stored, "holds": yielded == stored},
    ]


def _build_spool(spool: SpoolCounts) -> dict[str, Any]:
    """What went through the spool; `waiting_*` are still on disk, `damaged` the files that were set aside."""
    return asdict(spool) | {"damaged": [clean_text(name, 255) for name in spool.damaged]}


def _build_salary(salaries: SalaryBands) -> dict[str, Any]:
    highs = (*SALARY_EDGES[1:], None)
    bands = [
        {"low": low, "high": high, "count": count} for low, high, count in zip(SALARY_EDGES, highs, salaries.bands, strict=True)
    ]
    return {"bands": bands, "open_ended": salaries.open_ended, "undisclosed": salaries.undisclosed}


def _build_top(pairs: list[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"name": name, "count": count} for name, count in pairs]


def _build_traffic(stats: Mapping[str, Any]) -> dict[str, Any]:
    prefix = "downloader/response_status_count/"
    again = keys.labelled(keys.ANOMALY_RETRY_COUNT, verdict="")
    return {
        "requests": stats.get("downloader/request_count", 0),
        "request_bytes": stats.get("downloader/request_bytes", 0),
        "responses": stats.get("downloader/response_count", 0),
        "response_bytes": stats.get("downloader/response_bytes", 0),
        "retries": sum(value for key, value in stats.items() if key == "retry/count" or key.startswith(again)),
        "statuses": {key.removeprefix(prefix): value for key, value in sorted(stats.items()) if key.startswith(prefix)},
    }


def _plain(value: Any) -> Any:
    """A JSON-able value: numbers and None as they are, times as ISO 8601, the rest as one line of text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, datetime):
        return value.isoformat()
    return clean_text(value)
