"""`scrapy report`: shows the report of a run again."""

from __future__ import annotations

import argparse
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.console import Console
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._subcommands import unread_is_quiet
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ConfigError
from jobdata_scrapy.report.build import Report
from jobdata_scrapy.report.html import render_html
from jobdata_scrapy.report.terminal import make_list_table, print_report, print_table
from jobdata_scrapy.report.write import ReportError, dump_report, list_reports, read_report, replace_file

RUNS_LISTED = 20
NEAREST_SHOWN = 3


class Command(OneLineErrors, ScrapyCommand):
    """Shows one run's report, the latest without an argument."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "[RUN] [--json] [--html PATH] [--list]"

    def short_desc(self) -> str:
        return "Show the report of a run again (the latest without RUN)"

    def long_desc(self) -> str:
        return f"{self.short_desc()}. RUN is a run id or the beginning of one; reports are read from JOBDATA_DIR/reports."

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument("--html", metavar="PATH", help="write the report's HTML page to PATH")
        parser.add_argument("--list", action="store_true", help=f"list the newest {RUNS_LISTED} runs")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) > 1 or (args and args[0].startswith("-")):
            raise UsageError(f"report takes at most one RUN, got {' '.join(args)!r}", print_help=False)
        paths = list_reports(_find_folder(self.settings))
        with unread_is_quiet(self):
            if opts.list:
                _show_list(paths)
            else:
                _show_report(pick_report(paths, args[0] if args else ""), opts)


def pick_report(paths: list[Path], run: str) -> Path:
    """The report of `run` (whole id or a unique beginning) among `paths`, newest first; the newest for "".

    Raises UsageError in one line where there is none, or several.
    """
    if not paths:
        raise UsageError("no report yet: a run writes one into JOBDATA_DIR/reports when it ends", print_help=False)
    by_id = {path.stem: path for path in paths}
    if not run or run in by_id:
        return by_id[run] if run else paths[0]
    found = [run_id for run_id in by_id if run_id.startswith(run)]
    if len(found) == 1:
        return by_id[found[0]]
    if found:
        shown = ", ".join(found[:NEAREST_SHOWN])
        raise UsageError(f"RUN {run!r} fits {len(found)} runs: {shown}; give more of the id", print_help=False)
    nearest = get_close_matches(run, list(by_id), NEAREST_SHOWN, cutoff=0.3) or list(by_id)[:NEAREST_SHOWN]
    raise UsageError(f"RUN {run!r} is not known; nearest: {', '.join(nearest)}", print_help=False)


def _find_folder(settings: Any) -> Path:
    try:
        return Config.from_settings(settings).jobdata_dir / "reports"
    except ConfigError as error:
        raise UsageError(str(error), print_help=False) from None


def _read(path: Path) -> Report:
    try:
        return read_report(path)
    except ReportError as error:
        raise UsageError(str(error), print_help=False) from None


def _show_report(path: Path, opts: argparse.Namespace) -> None:
    report = _read(path)
    html_path = path.with_suffix(".html")
    if opts.html:
        html_path = Path(opts.html)
        _write_html(html_path, report)
    if opts.json:
        sys.stdout.write(dump_report(report))
    else:
        print_report(report, Console(), html_path=html_path if html_path.exists() else None)


def _write_html(path: Path, report: Report) -> None:
    try:
        replace_file(path, render_html(report))
    except OSError as error:
        raise UsageError(f"--html {path}: cannot be written ({error.strerror})", print_help=False) from None


def _show_list(paths: list[Path]) -> None:
    console = Console()
    reports = []
    for path in paths[:RUNS_LISTED]:
        try:
            reports.append(read_report(path))
        except ReportError as error:
            sys.stderr.write(f"{error}\n")  # one damaged file must not hide the others
    print_table(make_list_table(reports, plain=not console.is_terminal), console)
