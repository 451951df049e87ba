"""`scrapy warehouse status|migrate|verify|prune|query`: what runs where, the schema, an audit, what goes, and questions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

from clickhouse_connect.driver.exceptions import DatabaseError
from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._prune import run_prune
from jobdata_scrapy.commands._subcommands import LineParser, make_parser, run_subcommand, say
from jobdata_scrapy.commands._verify import add_arguments, run_verify
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ArgumentError, StorageError
from jobdata_scrapy.warehouse.client import WarehouseClient, connect, describe_error
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.schema import describe_plan, migrate, schema_version
from jobdata_scrapy.warehouse.status import WarehouseStatus, read_status

FORMATS = {"json": "JSON", "csv": "CSVWithNames", "tsv": "TSVWithNames"}
READ_ONLY = {"readonly": 2}
PENDING_SHOWN = 3
NARROWEST = 9  # characters of a column that can be read
ATTEMPTS = 3  # somebody is waiting at the terminal
USAGE = (
    "status: address, engine, schema, tables and sizes. migrate [--dry-run]: makes the tables that are missing and upgrades "
    "those of the older system. verify [--since 7d|YYYY-MM-DD] [--platform PLATFORM] [--json]: counts anew what the ledger says "
    "was stored, exit code 1 where something differs. prune [--dry-run]: deletes what RETENTION_DAYS no longer keeps. "
    'query "SELECT ..." [--format table|json|csv|tsv]: runs one statement that only reads.'
)
Action = Callable[[Config, argparse.Namespace], None]


class Command(OneLineErrors, ScrapyCommand):
    """Each subcommand is a function below. Exit code 2 for wrong arguments, 1 for a warehouse that cannot answer."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "status|migrate|verify|prune|query ..."

    def short_desc(self) -> str:
        return "Show what runs where, apply the schema, audit what was stored, delete what is old, or ask the warehouse"

    def long_desc(self) -> str:
        return f"{self.short_desc()}. {USAGE}"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        run_subcommand(self, build_parser(), args)


def build_parser() -> LineParser:
    """The words that are understood."""
    parser, add = make_parser("scrapy warehouse")
    add("status", _explained(show_status))
    add("migrate", _explained(apply_missing)).add_argument("--dry-run", action="store_true")
    add_arguments(add("verify", _explained(audit_past)))
    add("prune", _explained(delete_old)).add_argument("--dry-run", action="store_true")
    query = add("query", _explained(ask))
    query.add_argument("statement", metavar='"SELECT ..."')
    query.add_argument("--format", choices=["table", *FORMATS], default="table")
    return parser


def show_status(config: Config, given: argparse.Namespace) -> None:
    """`scrapy warehouse status`."""
    print_status(read_status(config, attempts=ATTEMPTS), Console())


def apply_missing(config: Config, given: argparse.Namespace) -> None:
    """`scrapy warehouse migrate [--dry-run]`."""
    from spiders.registry import PLATFORMS  # late: the other subcommands need no site

    if given.dry_run and not config.clickhouse_host and not ServerFiles(config.jobdata_dir).has_store():
        say("there is no store yet: the first crawl (or `scrapy warehouse migrate`) makes it with all its tables")
        return
    with _connected(config, makes_database=not given.dry_run) as client:
        if given.dry_run:
            changes = [f"would apply {line}" for line in describe_plan(client, PLATFORMS)]
        else:
            changes = [f"applied {name}" for name in migrate(client, PLATFORMS)]
        say(*changes, f"{client.where}: database {client.database}, schema version {schema_version(client)}")


def audit_past(config: Config, given: argparse.Namespace) -> None:
    """`scrapy warehouse verify [--since ...] [--platform ...] [--json]`."""
    run_verify(config, given, attempts=ATTEMPTS)


def delete_old(config: Config, given: argparse.Namespace) -> None:
    """`scrapy warehouse prune [--dry-run]`."""
    run_prune(config, dry_run=given.dry_run, attempts=ATTEMPTS)


def ask(config: Config, given: argparse.Namespace) -> None:
    """`scrapy warehouse query STATEMENT [--format ...]`."""
    sql = given.statement
    if not sql.strip():
        raise ArgumentError("statement: is empty; allowed: one statement that reads, such as 'SELECT count() FROM boss_job'")
    with _connected(config) as client:
        if given.format == "table":
            result = client.query(sql, settings=READ_ONLY)
            print_answer(result.column_names, result.result_rows, Console())
        else:
            data = client.run(lambda driver: driver.raw_query(sql, settings=READ_ONLY, fmt=FORMATS[given.format]))
            sys.stdout.write(data.decode())


@contextmanager
def _connected(config: Config, *, makes_database: bool = True) -> Iterator[WarehouseClient]:
    client = connect(config, attempts=ATTEMPTS, makes_database=makes_database)
    try:
        yield client
    finally:
        client.close()


def _explained(action: Action) -> Action:
    @wraps(action)
    def run(config: Config, given: argparse.Namespace) -> None:
        try:
            action(config, given)
        except DatabaseError as error:
            raise StorageError(describe_error(error)) from error

    return run


def print_status(status: WarehouseStatus, console: Console) -> None:
    """The status as two tables."""
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_row("warehouse", "embedded ClickHouse engine (chDB)" if status.kind == "embedded" else "ClickHouse server")
    facts.add_row("JOBDATA_DIR", str(status.jobdata_dir))
    if status.started:
        facts.add_row("address", status.address + (f" (process {status.pid})" if status.pid else ""))
        facts.add_row("engine", status.version)
    else:
        facts.add_row("state", "not started yet: the first crawl (or `scrapy warehouse migrate`) makes it")
    facts.add_row("database", status.database)
    if status.cluster:
        facts.add_row("cluster", status.cluster)
    if status.started:
        facts.add_row("schema version", str(status.schema or "none yet: `scrapy warehouse migrate` makes the tables"))
        if status.schema and status.pending:
            names = ", ".join(status.pending[:PENDING_SHOWN]) + (" ..." if len(status.pending) > PENDING_SHOWN else "")
            facts.add_row("pending", f"{len(status.pending)}: {names} (`scrapy warehouse migrate` applies them)")
    console.print(facts)
    if status.tables:
        rows = [(one.name, one.engine, one.rows, decimal(one.size) if one.size is not None else None) for one in status.tables]
        print_rows(("table", "engine", "rows", "on disk"), rows, console)


def print_answer(names: tuple[str, ...], rows: list[tuple[object, ...]], console: Console) -> None:
    """A table; where it has more columns than there is room for, a line a field, as ClickHouse's format Vertical."""
    if len(names) * NARROWEST <= console.width:
        print_rows(names, rows, console)
        return
    for number, row in enumerate(rows, 1):
        fields = Table(box=None, show_header=False, pad_edge=False, title=f"row {number}", title_justify="left")
        for name, value in zip(names, row, strict=True):
            fields.add_row(name, Text("" if value is None else str(value)))
        console.print(fields)
    console.print(f"{len(rows)} row{'' if len(rows) == 1 else 's'}", highlight=False)


def print_rows(names: tuple[str, ...], rows: list[tuple[object, ...]], console: Console) -> None:
    """A table of anything; numbers to the right."""
    table = Table(box=box.SIMPLE_HEAD)
    for position, name in enumerate(names):
        is_number = any(isinstance(row[position], (int, float)) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))  # Text: brackets in a title are no markup
    console.print(table)
    console.print(f"{len(rows)} row{'' if len(rows) == 1 else 's'}", highlight=False)
