"""Writes an export: what ClickHouse sends, into the format, into a file that is there when it is whole."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson

from jobdata_scrapy.exceptions import ArgumentError, ExportError
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.export.columns import Column
from jobdata_scrapy.warehouse.export.counting import CsvCounter, LineCounter, count_parquet_rows
from jobdata_scrapy.warehouse.export.formats import Format
from jobdata_scrapy.warehouse.export.selection import Selection
from jobdata_scrapy.warehouse.export.stream import count_rows, read_chunks, read_lines
from jobdata_scrapy.warehouse.export.target import new_file
from jobdata_scrapy.warehouse.export.xlsx import SHEET_ROWS, XlsxBook, open_book

BOM = "\ufeff"  # without it, Excel takes UTF-8 for the machine's own encoding
ABOUT = "about"
PROGRESS_ROWS = 1000
_COUNTERS: dict[str, type[CsvCounter] | type[LineCounter]] = {"csv": CsvCounter, "jsonl": LineCounter}


class Progress(Protocol):
    """Who is told how far an export is."""

    def start(self, name: str, total: int | None) -> None:
        """A table of `total` rows begins (None: its rows cannot be counted on the way)."""

    def advance(self, rows: int, size: int) -> None:
        """So many more rows and bytes."""


@dataclass(frozen=True, slots=True)
class Exported:
    """rows: of each table by name; size: bytes; seconds: it took; sheets, cut_cells (texts that were too long): of a workbook."""

    path: Path
    rows: dict[str, int]
    size: int
    seconds: float
    sheets: tuple[str, ...] = ()
    cut_cells: int = 0


def write_export(
    client: WarehouseClient,
    selections: Sequence[Selection],
    path: Path,
    fmt: Format,
    progress: Progress,
    *,
    about: Mapping[str, str] | None = None,
    sheet_rows: int = SHEET_ROWS,
    replace: bool = False,
) -> Exported:
    """Writes the selections to `path`: a workbook takes any number, a sheet each; the other formats one.

    about: facts for a last sheet of a workbook; sheet_rows: rows of one sheet, its header included. replace: what stands at
    `path`, when all is written.

    Raises ArgumentError, ExportError, WarehouseUnavailable, DatabaseError, OSError; then nothing is left.
    """
    if fmt.name != "xlsx" and len(selections) != 1:
        raise ArgumentError(f"format: {fmt.name} holds one table, not {len(selections)}; allowed: xlsx, or one question")
    started = time.monotonic()
    sheets: tuple[str, ...] = ()
    cut_cells = 0
    with new_file(path, replace=replace) as draft:
        if fmt.name == "xlsx":
            with open_book(draft, sheet_rows=sheet_rows) as book:
                rows = {one.name: _write(client, one, fmt, book, progress) for one in selections}
                if about is not None:
                    told = {f"rows of {name}": str(count) for name, count in rows.items()}
                    book.write_facts(ABOUT, {**about, **told, "texts cut to 32,767 characters": str(book.cut_cells)})
                progress.start("packing the workbook", None)
            sheets, cut_cells = tuple(book.sheets), book.cut_cells
        else:
            (only,) = selections
            rows = {only.name: _write(client, only, fmt, draft, progress)}
        size = draft.stat().st_size
    return Exported(path, rows, size, time.monotonic() - started, sheets, cut_cells)


def _write(client: WarehouseClient, selection: Selection, fmt: Format, into: Path | XlsxBook, progress: Progress) -> int:
    """Writes one table, and compares the rows written with those that are there. Both may change meanwhile: a crawl goes on."""
    before = count_rows(client, selection)
    progress.start(selection.name, before if fmt.name != "parquet" else None)  # its rows are told by its end
    with closing(read_chunks(client, selection, fmt)) as chunks:
        if isinstance(into, XlsxBook):
            written = into.write_table(selection.name, selection.columns, _read_rows(chunks, progress))
        else:
            written = _write_file(chunks, selection, fmt, into, progress)
    if written != before:
        after = count_rows(client, selection)
        if not min(before, after) <= written <= max(before, after):
            raise ExportError(f"{selection.name}: {written} rows were written, but there were {before} before and {after} after")
    return written


def _write_file(chunks: Iterator[bytes], selection: Selection, fmt: Format, draft: Path, progress: Progress) -> int:
    counter = _COUNTERS[fmt.name]() if fmt.name in _COUNTERS else None
    total = 0
    with draft.open("wb") as file:
        if fmt.name == "csv":
            file.write(csv_header(selection.columns))
        for chunk in chunks:
            file.write(chunk)
            rows = counter.count(chunk) if counter else 0
            total += rows
            progress.advance(rows, len(chunk))
    return total if counter else count_parquet_rows(draft)


def csv_header(columns: Sequence[Column]) -> bytes:
    """The byte order mark and the names."""
    names = ",".join('"' + column.name.replace('"', '""') + '"' for column in columns)
    return f"{BOM}{names}\n".encode()


def _read_rows(chunks: Iterator[bytes], progress: Progress) -> Iterator[list[object]]:
    pending = size = 0
    for line in read_lines(chunks):
        yield orjson.loads(line)
        pending, size = pending + 1, size + len(line)
        if pending == PROGRESS_ROWS:
            progress.advance(pending, size)
            pending = size = 0
    progress.advance(pending, size)
