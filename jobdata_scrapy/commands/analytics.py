"""`scrapy analytics list | refresh | QUESTION`: questions about the postings, as a table or as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._interrupt import told_when_interrupted
from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._subcommands import LineParser, make_parser, print_json, print_table, run_subcommand, say, show_value
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ArgumentError, StorageError
from jobdata_scrapy.warehouse.client import WarehouseClient, connect, describe_error
from jobdata_scrapy.warehouse.filters import FIELDS

ATTEMPTS = 3  # somebody is waiting at the terminal


class Command(OneLineErrors, ScrapyCommand):
    """Each question is a subcommand; errors are one line."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "list | refresh [--rebuild] | QUESTION [OPTION=VALUE ...] [--filter FIELD=VALUE ...] [--format table|json]"

    def short_desc(self) -> str:
        return "Answer questions about the postings: salaries, skills, employers, overlap of the sites"

    def long_desc(self) -> str:
        fields = "; ".join(f"{name}: {what}" for name, what in FIELDS.items())
        return f"{self.short_desc()}. `list` shows the questions and their options. Filters: {fields}."

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--filter", action="append", default=[], metavar="FIELD=VALUE", help="one condition; may be repeated")
        parser.add_argument("--format", default="table", metavar="table|json", help="how to print (default: table)")
        parser.add_argument("--rebuild", action="store_true", help="of `refresh`: read everything anew")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        words = [
            *args,
            *(f"--filter={pair}" for pair in opts.filter),
            f"--format={opts.format}",
            *(["--rebuild"] if opts.rebuild else []),
        ]
        with told_when_interrupted(self, "scrapy analytics: interrupted"):
            run_subcommand(self, _build_parser(), words)


def list_questions(config: Config, given: argparse.Namespace) -> None:
    """The questions and their options; nothing is asked."""
    from jobdata_scrapy.warehouse.analytics import QUESTIONS

    questions: list[dict[str, Any]] = [
        {"question": one.name, "title": one.title_en, "title_zh": one.title_zh, "options": one.options}
        for one in QUESTIONS.values()
    ]
    if given.format == "json":
        print_json(questions)
        return
    rows = [
        (one["question"], one["title"], one["title_zh"], "; ".join(f"{name}={kind}" for name, kind in one["options"].items()))
        for one in questions
    ]
    print_table(("question", "title", "题目", "options"), rows)


def refresh_analytics(config: Config, given: argparse.Namespace) -> None:
    """Reads what came in, or everything."""
    from jobdata_scrapy.warehouse.analytics.refresh import refresh

    with _opened(config) as client:
        state, as_of = refresh(client, rebuild=given.rebuild)
    facts = {"as_of": as_of, "batches": state.batch, "generation": state.generation}
    if given.format == "json":
        print_json(facts)
    else:
        say(f"analytics: up to date as of {show_value(as_of)} ({state.batch} batches in generation {state.generation})")


def ask_question(config: Config, given: argparse.Namespace) -> None:
    """The answer to the question that is the subcommand's name."""
    from jobdata_scrapy.warehouse.analytics import ask
    from jobdata_scrapy.warehouse.filters import parse_filters
    from spiders.registry import PLATFORMS

    filters = parse_filters(given.filter, PLATFORMS)
    with _opened(config) as client:
        answer = ask(client, given.subcommand, filters, **_read_options(given.options))
    if given.format == "json":
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        print_json({"question": given.subcommand, "filters": asdict(filters), "as_of": answer.as_of, "rows": rows})
        return
    print_table(answer.columns, [[_show_cell(value) for value in row] for row in answer.rows])
    say(f"{len(answer.rows)} row{'' if len(answer.rows) == 1 else 's'}, as of {show_value(answer.as_of)}")


@contextmanager
def _opened(config: Config) -> Iterator[WarehouseClient]:
    client = connect(config, attempts=ATTEMPTS)
    try:
        yield client
    except DatabaseError as error:
        raise StorageError(f"ClickHouse ({client.where}) cannot answer: {describe_error(error)}") from error
    finally:
        client.close()


def _read_options(words: list[str]) -> dict[str, Any]:
    pairs = [word.partition("=") for word in words]
    if wrong := next((word for word, (_, sign, _) in zip(words, pairs, strict=True) if not sign), None):
        raise ArgumentError(f"analytics: {wrong!r} is not OPTION=VALUE; `scrapy analytics list` shows the options")
    return {name: value for name, _, value in pairs}


def _show_cell(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _build_parser() -> LineParser:
    from jobdata_scrapy.warehouse.analytics import QUESTIONS

    parser, add = make_parser("scrapy analytics")
    subparsers = [add("list", list_questions), add("refresh", refresh_analytics)]
    subparsers[1].add_argument("--rebuild", action="store_true")
    for name in QUESTIONS:
        question = add(name, ask_question)
        question.add_argument("options", nargs="*")
        question.add_argument("--filter", action="append", default=[])
        subparsers.append(question)
    for subparser in subparsers:
        subparser.add_argument("--format", choices=["table", "json"])
    return parser
