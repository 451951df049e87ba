"""`scrapy export jobs|analytics -o FILE`: postings and answers as a workbook, CSV, Parquet or JSON lines."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from pathlib import Path

from clickhouse_connect.driver.exceptions import DatabaseError
from rich.console import Console
from rich.filesize import decimal
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._export_progress import ExportProgress
from jobdata_scrapy.commands._export_questions import pick_questions
from jobdata_scrapy.commands._interrupt import told_when_interrupted
from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._subcommands import Action, LineParser, make_parser, run_subcommand, say
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ArgumentError, ExportError
from jobdata_scrapy.normalize.published import BEIJING
from jobdata_scrapy.warehouse.client import WarehouseClient, connect, describe_error
from jobdata_scrapy.warehouse.export import (
    FORMATS,
    Exported,
    Format,
    Selection,
    check_target,
    pick_format,
    select_answer,
    select_jobs,
    write_export,
)
from jobdata_scrapy.warehouse.export.stream import ANSWER_SECONDS
from jobdata_scrapy.warehouse.filters import FIELDS, Filters, parse_filters
from jobdata_scrapy.warehouse.local_server.files import ServerFiles

ATTEMPTS = 3  # somebody is waiting at the terminal
USAGE = (
    "jobs: the latest version of each posting; --columns NAME,NAME,... chooses. analytics [QUESTION [OPTION=VALUE ...] ...]: "
    "the answers, a sheet each (to all questions without one). Both: -o FILE "
    f"[--format {'|'.join(FORMATS)}] [--filter FIELD=VALUE ...] [--force]; FIELD is one of {', '.join(FIELDS)}. "
    "The format follows the file's suffix; --force replaces a file."
)


class Command(OneLineErrors, ScrapyCommand):
    """Exit code 2 for wrong arguments, 1 where no whole file could be written; then none is left."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "jobs|analytics ... -o FILE"

    def short_desc(self) -> str:
        return "Write postings or answers to a file (xlsx, csv, parquet, jsonl)"

    def long_desc(self) -> str:
        return f"{self.short_desc()}. {USAGE}"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        with told_when_interrupted(self, "scrapy export: interrupted, no file was written"):
            run_subcommand(self, build_parser(), args)


def build_parser() -> LineParser:
    """The words that are understood."""
    parser, add = make_parser("scrapy export")
    jobs, analytics = add("jobs", _explained(export_jobs)), add("analytics", _explained(export_analytics))
    jobs.add_argument("--columns", default="")
    analytics.add_argument("questions", nargs="*", metavar="QUESTION [OPTION=VALUE ...]")
    for one in (jobs, analytics):
        one.add_argument("-o", "--output", required=True)
        one.add_argument("--format", default="")
        one.add_argument("--filter", action="append", default=[])
        one.add_argument("--force", action="store_true")
    return parser


def export_jobs(config: Config, given: argparse.Namespace) -> None:
    """Rows of `job_analytics`."""
    path, fmt, filters = _read_words(given)
    columns = [name.strip() for name in given.columns.split(",") if name.strip()]
    with _connected(config, ANSWER_SECONDS) as client:
        _write(client, [select_jobs(client, filters, columns)], path, fmt, given, {})


def export_analytics(config: Config, given: argparse.Namespace) -> None:
    """Answers of `warehouse.analytics`."""
    from jobdata_scrapy.warehouse.analytics import ask  # late: every command is loaded at each start

    path, fmt, filters = _read_words(given)
    asked = pick_questions(given.questions, fmt)
    with _connected(config) as client:
        answers = [ask(client, one.question.name, filters, **one.options) for one in asked]
    titles = {one.name: f"{one.question.title_zh} / {one.question.title_en}" for one in asked}
    as_of = {"counted up to": _beijing(min(answer.as_of for answer in answers))}
    with _connected(config, ANSWER_SECONDS) as client:
        selections = [select_answer(one.question, answer, one.name) for one, answer in zip(asked, answers, strict=True)]
        _write(client, selections, path, fmt, given, as_of | titles)


def describe_export(done: Exported) -> str:
    """What was written, in one line."""
    rows = sum(done.rows.values())
    parts = [f"{rows:,} row{'' if rows == 1 else 's'}", decimal(done.size), f"{done.seconds:.1f} s"]
    if done.sheets:
        parts.append(f"sheets: {', '.join(done.sheets)}")
    if done.cut_cells:
        parts.append(f"{done.cut_cells:,} texts were longer than a cell and cut")
    return f"{done.path}: {', '.join(parts)}"


def _read_words(given: argparse.Namespace) -> tuple[Path, Format, Filters]:
    from spiders.registry import PLATFORMS  # late: nothing else here needs a site

    if given.output == "-":
        raise ArgumentError("-o: '-' names no file, and an export does not go to the standard output; allowed: a file's name")
    path = Path(given.output)
    fmt = pick_format(given.format, path)
    filters = parse_filters(given.filter, PLATFORMS)
    check_target(path, replace=given.force)
    return path, fmt, filters


def _write(
    client: WarehouseClient,
    selections: list[Selection],
    path: Path,
    fmt: Format,
    given: argparse.Namespace,
    facts: dict[str, str],
) -> None:
    about = {"exported": _beijing(datetime.now(BEIJING)), "filters": ", ".join(given.filter) or "none", **facts}
    try:
        with ExportProgress(Console(stderr=True)) as progress:
            done = write_export(client, selections, path, fmt, progress, about=about, replace=given.force)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    say(describe_export(done))


def _beijing(moment: datetime) -> str:
    return f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M} (Beijing)"


@contextmanager
def _connected(config: Config, answer_seconds: int = 60) -> Iterator[WarehouseClient]:
    client = connect(config, attempts=ATTEMPTS, makes_database=False, answer_seconds=answer_seconds)
    try:
        if client.embedded and not ServerFiles(config.jobdata_dir).has_store():  # no server is started to find nothing
            raise ExportError(f"nothing was stored yet in {config.jobdata_dir}: the first crawl makes the store")
        yield client
    finally:
        client.close()


def _explained(action: Action) -> Action:
    @wraps(action)
    def run(config: Config, given: argparse.Namespace) -> None:
        try:
            action(config, given)
        except DatabaseError as error:
            raise ExportError(describe_error(error)) from error

    return run
