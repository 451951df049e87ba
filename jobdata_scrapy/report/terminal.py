"""The report in a terminal, or as plain text in a pipe."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobdata_scrapy.normalize.published import BEIJING
from jobdata_scrapy.report.build import Report
from jobdata_scrapy.report.html import format_bytes, format_duration, format_latency, format_number

_STATE_STYLES = {"kept": "bold green", "capped": "bold yellow", "failed": "bold red"}
_HEADINGS = {"total": "on site", "stored": "in store"}
_NARROW = 112  # below it the headings are short, so that a keyword has room in 80 columns
_SHORT_HEADINGS = {
    "total": "site",
    "changed": "chgd",
    "unchanged": "same",
    "repeated": "rept",
    "rejected": "rejd",
    "stored": "store",
}
_NUMBERS = ("total", "seen", "new", "changed", "unchanged", "repeated", "rejected", "stored")
MAX_ROUNDS_SHOWN = 40
_PIPE_WIDTH = 250  # a pipe has no width: nothing is cut or wrapped there


def print_report(report: Report, console: Console, *, html_path: Path | None = None) -> None:
    """Prints the table per keyword and city, totals, answers, problems, and where the HTML is."""
    run, judgement = report["run"], report["judgement"]
    _print(console, Text(f"run {run['run_id']}  {run['platform']}  {format_duration(run['duration_seconds'])}", style="bold"))
    _print(console, _make_coverage_table(report, plain=not console.is_terminal, narrow=console.width < _NARROW))
    if (hidden := len(report["rounds"]) - MAX_ROUNDS_SHOWN) > 0:
        _print(console, Text(f"and {hidden} more searches: all are in the HTML report, and in `scrapy coverage`"))
    if report.get("queue"):  # a report of an earlier version has none
        _print(console, Text(report["queue"]))
    for line in (_describe_answers(report), _describe_traffic(report), *_describe_quality(report), *_describe_spool(report)):
        _print(console, Text(line))
    for check in report["checks"]:
        if not check["holds"]:
            numbers = f"{format_number(check['left'])} against {format_number(check['right'])}"
            _print(console, Text(f"does not add up: {check['name']}: {numbers}", style="red"))
    style = _STATE_STYLES.get(judgement["state"], "bold")
    for problem in judgement["problems"]:
        _print(console, Text.assemble(("! ", style), problem["line"]))
    if html_path is not None:
        _print(console, Text(f"report: {html_path}"))
    _print(console, Text(f"{judgement['state'].upper()} (exit code {judgement['exit_code']})", style=style))


def make_list_table(reports: list[Report], *, plain: bool) -> Table:
    """One line a run: for `scrapy report --list`."""
    table = Table(box=box.ASCII2 if plain else box.SIMPLE_HEAD)
    for heading in ("run", "site", "keywords", "started (Beijing)", "state"):
        table.add_column(heading, no_wrap=heading in ("run", "state"))
    for heading in ("seen", "new"):
        table.add_column(heading, justify="right", no_wrap=True)
    for report in reports:
        run, state, totals = report["run"], report["judgement"]["state"], report["totals"]
        keywords = ", ".join(dict.fromkeys(line["keyword"] for line in report["rounds"])) or "-"
        started = f"{datetime.fromisoformat(at).astimezone(BEIJING):%Y-%m-%d %H:%M:%S}" if (at := run["started_at"]) else "-"
        texts = [Text(run["run_id"]), Text(run["platform"]), Text(keywords), Text(started)]
        numbers = [format_number(totals["seen"]), format_number(totals["new"])]
        table.add_row(*texts, Text(state, style=_STATE_STYLES.get(state, "")), *numbers)
    return table


def print_table(table: Table, console: Console) -> None:
    """Prints a table; in a pipe at its full width."""
    _print(console, table)


def _make_coverage_table(report: Report, *, plain: bool, narrow: bool) -> Table:
    rounds, totals = report["rounds"], report["totals"]
    shape = box.ASCII2 if plain else box.SIMPLE_HEAD
    table = Table(box=shape, show_footer=len(rounds) > 1, collapse_padding=narrow, pad_edge=False)
    table.add_column("keyword / city", footer="total", overflow="fold", min_width=14)
    table.add_column("state", overflow="fold", min_width=7)
    table.add_column("pages", justify="right", footer=f"{totals['pages_ok']}/{totals['pages_asked']}", no_wrap=True)
    headings = _SHORT_HEADINGS if narrow and not plain else _HEADINGS
    for name in _NUMBERS:
        table.add_column(headings.get(name, name), justify="right", footer=format_number(totals[name]), no_wrap=True)
    for line in sorted(rounds, key=_ended_well)[:MAX_ROUNDS_SHOWN]:
        table.add_row(*_make_row(line))
    return table


def _ended_well(line: dict[str, Any]) -> bool:
    """What did not end well is shown first: of hundreds of searches not all are shown."""
    return bool(line["state"] == "done")


def _make_row(line: dict[str, Any]) -> list[Text]:
    state = line["state"] if line["stop_reason"] in ("", "end") else f"{line['state']} ({line['stop_reason']})"
    numbers = [format_number(line[name]) for name in _NUMBERS]
    cells = [f"{line['keyword']} / {line['city']}", state, f"{line['pages_ok']}/{line['pages_asked']}", *numbers]
    return [Text(cell) for cell in cells]


def _describe_answers(report: Report) -> str:
    verdicts = ", ".join(f"{name} {count}" for name, count in report["verdicts"].items()) or "none"
    latency = report["latency_seconds"]
    if not latency["count"]:
        return f"answers: {verdicts}"
    times = ", ".join(f"{name} {format_latency(latency[name])}" for name in ("median", "p95", "max"))
    return f"answers: {verdicts}; latency {times}"


def _describe_traffic(report: Report) -> str:
    traffic = report["traffic"]
    return f"requests: {format_number(traffic['requests'])}, {format_bytes(traffic['response_bytes'])} received"


def _describe_quality(report: Report) -> list[str]:
    lines = []
    if report["rejected"]:
        rejected = ", ".join(f"{row['field']} ({row['reason']}) {row['count']}" for row in report["rejected"][:5])
        lines.append(f"rejected: {rejected}")
    if report["unreadable"]:
        fields = ", ".join(f"{row['field']} {row['count']}" for row in report["unreadable"])
        lines.append(f"not readable, kept as text: {fields}")
    if report["details"]["pages"]:
        lines.append(f"details: {report['details']['seen']} postings, {report['details']['changed']} changed")
    return lines


def _describe_spool(report: Report) -> list[str]:
    spool = report.get("spool")  # a report of an earlier version has none
    if not spool or not any(spool.values()):
        return []
    told = [
        f"{spool['pages']} pages ({spool['postings']} postings) were kept on disk while the warehouse was away",
        f"{spool['replayed_pages']} ({spool['replayed_postings']}) written from there",
        f"{spool['waiting_pages']} ({spool['waiting_postings']}) of this run's still wait",
    ]
    damaged = [f"{len(spool['damaged'])} damaged files were set aside"] if spool["damaged"] else []
    return [f"spool: {', '.join([*told, *damaged])}"]


def _print(console: Console, renderable: Text | Table) -> None:
    if isinstance(renderable, Table) and not console.is_terminal:
        options = console.options.update(width=_PIPE_WIDTH, max_width=_PIPE_WIDTH)
        renderable = Text("".join(segment.text for segment in console.render(renderable, options)).rstrip("\n"))
    console.print(renderable, soft_wrap=not console.is_terminal)
