"""Reads keyword lists: CSV and XLSX with a header line, in English or Chinese. Good lines are taken, bad ones told."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobdata_scrapy.db.keyword_list import NewKeyword, read_keyword
from jobdata_scrapy.exceptions import ArgumentError

COLUMNS = {
    "platform": ("platform", "site", "平台", "网站", "站点"),
    "keyword": ("keyword", "关键词", "关键字", "职位"),
    "city": ("city", "城市"),
    "interval": ("interval", "间隔", "周期", "频率"),
    "priority": ("priority", "优先级"),
}
NAMES = {name: column for column, names in COLUMNS.items() for name in names}
DELIMITERS = ",;\t"
CheckSearch = Callable[[str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out: its number in the file, and which field holds what instead of what is allowed."""

    line: int
    reason: str


@dataclass(slots=True)
class KeywordFile:
    """What a file holds: keywords in its order, and the lines left out."""

    keywords: list[NewKeyword] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)


def read_keyword_file(path: Path, check_search: CheckSearch, *, platform: str = "") -> KeywordFile:
    """Reads a list. `platform` stands for a missing or empty platform column.

    `check_search(platform, city)` returns both as the site's registry names them ("" as city: the whole country) and raises
    ArgumentError. Raises ArgumentError for a file that cannot be read as a whole, or whose header names no keyword column.
    """
    lines = _read_lines(path)
    header = _read_header(path, next(lines, (1, []))[1], platform)
    found = KeywordFile()
    for number, cells in lines:
        row = {column: cells[place] if place < len(cells) else "" for column, place in header.items()}
        if not any(row.values()):
            continue
        try:
            site, city = check_search(row.get("platform") or platform, row.get("city", ""))
            one = read_keyword(site, row["keyword"], city, row.get("interval", ""), row.get("priority", ""))
        except ArgumentError as error:
            found.bad.append(BadLine(number, str(error)))
        else:
            found.keywords.append(one)
    return found


def _read_header(path: Path, cells: Iterable[str], platform: str) -> dict[str, int]:
    header = {NAMES[name.lower()]: place for place, name in enumerate(cells) if name.lower() in NAMES}
    missing = [column for column in ("platform", "keyword") if column not in header and not (column == "platform" and platform)]
    if missing:
        allowed = "; ".join(f"{column} ({', '.join(names[1:])})" for column, names in COLUMNS.items())
        raise ArgumentError(f"{path.name}: line 1 names no column {missing[0]!r}; known columns: {allowed}")
    return header


def _read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    readers = {".csv": _read_csv, ".xlsx": _read_xlsx}
    if path.suffix.lower() not in readers:
        raise ArgumentError(f"file: {path.name!r} is neither .csv nor .xlsx")
    try:
        yield from readers[path.suffix.lower()](path)
    except OSError as error:
        raise ArgumentError(f"file: {str(path)!r} cannot be read: {error.strerror or error}") from None


def _read_csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:  # what Excel writes on a Chinese system
        text = data.decode("gb18030", "replace")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=first.count))
    try:
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise ArgumentError(f"{path.name}: line {reader.line_num} is no CSV: {error}") from None


def _read_xlsx(path: Path) -> Iterator[tuple[int, list[str]]]:
    from openpyxl import load_workbook  # late: Scrapy imports every command at each start, and this NumPy (0.3 s, 20 MB)
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError):
        raise ArgumentError(f"file: {path.name!r} is no XLSX workbook") from None
    try:
        for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield number, [_read_cell(cell) for cell in cells]
    finally:
        book.close()


def _read_cell(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a whole number that Excel keeps as 5.0
    return "" if cell is None else str(cell).strip()
