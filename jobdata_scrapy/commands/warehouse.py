"""`scrapy warehouse status|migrate|query`: what runs where, the schema, and questions to what was stored."""

from __future__ import annotations

import argparse
import logging
import sys

from clickhouse_connect.driver.exceptions import DatabaseError
from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ConfigError, WarehouseUnavailable
from jobdata_scrapy.warehouse.client import connect, describe_error
from jobdata_scrapy.warehouse.schema import apply_schema, schema_version
from jobdata_scrapy.warehouse.status import WarehouseStatus, read_status

FORMATS = {"json": "JSON", "csv": "CSVWithNames", "tsv": "TSVWithNames"}
READ_ONLY = {"readonly": 2}
ATTEMPTS = 3  # somebody is waiting at the terminal


class Command(ScrapyCommand):
    """One line for a person when something is wrong: exit code 2 for wrong arguments, 1 for a warehouse that cannot answer."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return 'status | migrate | query "SELECT ..." [--format table|json|csv|tsv]'

    def short_desc(self) -> str:
        return "Show what runs where, apply the schema, or ask the warehouse"

    def long_desc(self) -> str:
        return (
            f"{self.short_desc()}. status: address, engine, tables and sizes; migrate: makes the tables that are missing; "
            "query: runs one statement that only reads."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--format", choices=["table", *FORMATS], default="table", help="how `query` prints (default: table)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        logging.getLogger("jobdata_scrapy").addHandler(logging.NullHandler())  # retries are no news here, the last error is
        name, *rest = args or [""]
        actions = {"status": (0, self._status), "migrate": (0, self._migrate), "query": (1, self._query)}
        if name not in actions:
            wrong = f"unknown subcommand {name!r}" if name else "a subcommand is missing"
            raise UsageError(f"warehouse: {wrong}; it is one of {', '.join(actions)}", print_help=False)
        wanted, action = actions[name]
        if len(rest) != wanted:
            takes = "one statement in quotes" if wanted else "no argument"
            raise UsageError(f"warehouse {name} takes {takes}, got {len(rest)} arguments", print_help=False)
        try:
            config = Config.from_settings(self.settings)
            action(config, *rest, *([opts.format] if wanted else []))
        except ConfigError as error:
            raise UsageError(str(error), print_help=False) from None
        except (WarehouseUnavailable, DatabaseError) as error:
            text = str(error) if isinstance(error, WarehouseUnavailable) else describe_error(error)
            sys.stderr.write(f"scrapy warehouse {name}: {text}\n")
            self.exitcode = 1

    def _status(self, config: Config) -> None:
        print_status(read_status(config, attempts=ATTEMPTS), Console())

    def _migrate(self, config: Config) -> None:
        from spiders.registry import PLATFORMS  # late: the other subcommands need no site

        client = connect(config, attempts=ATTEMPTS)
        try:
            applied = apply_schema(client, PLATFORMS)
            version = schema_version(client)
        finally:
            client.close()
        lines = [
            *(f"applied {name}" for name in applied),
            f"{client.where}: database {client.database}, schema version {version}",
        ]
        sys.stdout.write("\n".join(lines) + "\n")

    def _query(self, config: Config, sql: str, fmt: str) -> None:
        client = connect(config, attempts=ATTEMPTS)
        try:
            if fmt == "table":
                result = client.query(sql, settings=READ_ONLY)
                print_rows(result.column_names, result.result_rows, Console())
            else:
                data = client.run(lambda driver: driver.raw_query(sql, settings=READ_ONLY, fmt=FORMATS[fmt]))
                sys.stdout.write(data.decode())
        finally:
            client.close()


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
    if status.started:
        facts.add_row("schema version", str(status.schema or "none yet: `scrapy warehouse migrate` makes the tables"))
    console.print(facts)
    if status.tables:
        rows = [(one.name, one.engine, one.rows, decimal(one.size) if one.size is not None else None) for one in status.tables]
        print_rows(("table", "engine", "rows", "on disk"), rows, console)


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
