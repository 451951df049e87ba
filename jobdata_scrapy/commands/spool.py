"""`scrapy spool list|replay`: pages that were kept on disk while the warehouse was away, and how they get into it."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from rich.filesize import decimal
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.backend.base import SpoolCounts
from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._subcommands import LineParser, make_parser, print_json, print_table, run_subcommand, say
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import DamagedFile, StorageError
from jobdata_scrapy.spool.files import count_waiting
from jobdata_scrapy.spool.folder import SpoolFolder, SpoolName

COLUMNS = ("fetched", "platform", "keyword", "city", "kind", "page", "postings", "size", "state")


class Command(OneLineErrors, ScrapyCommand):
    """Each subcommand is a function below; errors are one line."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "list [--json] | replay"

    def short_desc(self) -> str:
        return "Show what waits on disk for the warehouse, or write it now"

    def long_desc(self) -> str:
        return (
            f"{self.short_desc()}. list: each page, and files that are damaged; replay: writes all pages in order, each once, "
            "and ends the rounds they belong to. Every run does so at its start. Exit code 1 where something was not written."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        run_subcommand(self, build_parser(), args)


def build_parser() -> LineParser:
    """The words that are understood."""
    parser, add = make_parser("scrapy spool")
    add("list", list_files).add_argument("--json", action="store_true")
    add("replay", replay_files)
    return parser


def list_files(config: Config, given: argparse.Namespace) -> None:
    """One line a file. Changes nothing: a damaged file is set aside by the replay."""
    folder = SpoolFolder(config.jobdata_dir / "spool", 0)
    waits, set_aside = folder.names(), folder.damaged()
    rows = [describe_file(folder, name, whole=True) for name in waits]
    rows += [describe_file(folder, name, whole=False) for name in set_aside]
    if given.json:
        print_json(rows)
        return
    if rows:
        print_table(COLUMNS, [[row[name] if name != "size" else decimal(row[name]) for name in COLUMNS] for row in rows])
    waiting = [row for row in rows if row["state"] == "waits"]
    postings = sum(row["postings"] or 0 for row in waiting)
    damaged = f", {len(rows) - len(waiting)} damaged files" if len(rows) > len(waiting) else ""
    say(f"{len(waiting)} pages with {postings} postings wait in {folder.path}{damaged}" if rows else "nothing waits in the spool")


def describe_file(folder: SpoolFolder, name: str, *, whole: bool) -> dict[str, Any]:
    """What a file tells of itself; of a damaged one only what its name tells. `whole`: it was not set aside."""
    named = SpoolName.parse(name)
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"file": name, "size": folder.file_size(name), "state": "damaged"}
    if named is not None:
        row |= {"fetched": named.fetched_at, "platform": named.platform, "round": named.round}
    try:
        page = folder.read(name) if whole else None
    except DamagedFile as damaged:
        return row | {"state": f"damaged: {damaged}"}
    if page is not None:
        row |= {"keyword": page.keyword, "city": page.city, "kind": page.page_kind, "page": page.number}
        row |= {"postings": count_waiting(page), "state": "waits"}
    return row


def replay_files(config: Config, given: argparse.Namespace) -> None:
    """Writes what waits. Raises StorageError where the warehouse is away, or files are damaged."""
    counts, alone = asyncio.run(_replay(config))
    if not alone:
        raise StorageError("another process is replaying the spool just now")
    say(f"{counts.replayed_pages} pages with {counts.replayed_postings} postings were written; nothing waits any more")
    if counts.damaged:
        names = ", ".join(counts.damaged)
        raise StorageError(f"{len(counts.damaged)} damaged files were set aside, their keywords are to be read again: {names}")


async def _replay(config: Config) -> tuple[SpoolCounts, bool]:
    from jobdata_scrapy.backend import open_backend  # late: `list` needs neither database nor warehouse

    backend = open_backend(config)
    try:
        alone = await backend.replay_spool()
        return await backend.spool_counts(), alone
    finally:
        await backend.close()
