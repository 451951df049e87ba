"""What commands with subcommands share: reading their words, opening the database, and one line where something is wrong."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn

import orjson
import peewee as pw
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from jobdata_scrapy.config import Config
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.exceptions import ArgumentError, ConfigError, StorageError
from jobdata_scrapy.normalize.published import BEIJING

PIPE_WIDTH = 160
ZONE = "(Beijing)"
Action = Callable[[Config, argparse.Namespace], int | None]


class LineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line (exit code 2)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        raise UsageError(f"{self.prog}: {message}", print_help=False)


def run_subcommand(command: ScrapyCommand, parser: LineParser, args: Sequence[str]) -> None:
    """Runs the `action` that `args` choose; what it returns is the exit code (None: 0).

    2 for a wrong word or setting, 1 for a database that cannot answer, and for a reader that has gone.
    """
    logging.getLogger("jobdata_scrapy").addHandler(logging.NullHandler())  # retries are no news here, the last error is
    given = parser.parse_args(list(args))
    try:
        with unread_is_quiet(command):
            command.exitcode = given.action(Config.from_settings(command.settings), given) or 0
    except (ArgumentError, ConfigError) as error:
        raise UsageError(str(error), print_help=False) from None
    except StorageError as error:
        name = f"{parser.prog} {given.subcommand}".rstrip()  # a command without subcommands has none to tell
        sys.stderr.write(f"{name}: {error}\n")
        command.exitcode = 1


@contextmanager
def unread_is_quiet(command: ScrapyCommand) -> Iterator[None]:
    """Where what is printed has no reader any more (`... | head`), the command ends without a traceback, with exit code 1.

    What comes then goes nowhere: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        command.exitcode = 1


def read_limit(text: str) -> int:
    """How many lines to show, for `add_argument(type=...)`."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1")
    return int(text)


def make_parser(prog: str) -> tuple[LineParser, Callable[[str, Action], LineParser]]:
    """A parser, and what adds a subcommand to it: `add(name, action)`."""
    parser = LineParser(prog=prog)
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND", parser_class=LineParser)

    def add(name: str, action: Action) -> LineParser:
        subparser = subparsers.add_parser(name, prog=f"{prog} {name}")
        subparser.set_defaults(action=action)
        return subparser

    return parser, add


@contextmanager
def opened(config: Config) -> Iterator[pw.Database]:
    """The database, migrated; closed at the end."""
    database = open_database(config)
    try:
        yield database
    finally:
        database.close()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under their columns, the last one wrapped; numbers to the right, times as Beijing's, which the heading says."""
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width of its own
        console = Console(width=PIPE_WIDTH)
    table = Table(box=box.SIMPLE_HEAD)
    for place, column in enumerate(columns):
        is_number = any(isinstance(row[place], int | float) for row in rows)
        is_time = any(isinstance(row[place], datetime) for row in rows)
        is_last = place == len(columns) - 1
        heading = f"{column} {ZONE}" if is_time else column
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold", no_wrap=not is_last)
    for row in rows:
        table.add_row(*(Text(show_value(value).removesuffix(f" {ZONE}")) for value in row))  # Text: brackets are no markup
    console.print(table)


def show_value(value: object) -> str:
    """A value among words: nothing for None, Beijing time for a moment, which it says."""
    if value is None:
        return ""
    return f"{value.astimezone(BEIJING):%Y-%m-%d %H:%M} {ZONE}" if isinstance(value, datetime) else str(value)


def print_json(value: object) -> None:
    """The same for programs; moments in ISO 8601, UTC."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def say(*lines: str) -> None:
    """Plain lines on the standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
