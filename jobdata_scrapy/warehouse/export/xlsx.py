"""Writes a workbook row by row, in constant memory. Text is never read as a formula or a link."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdata_scrapy.warehouse.export.columns import FORMULA_STARTS, Column, Kind

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

SHEET_ROWS = 1_048_576  # https://support.microsoft.com/office/excel-specifications-and-limits
BASE_LENGTH = 31 - len(" 9999")  # of a sheet's name, before its number
NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\]")
EXACT_INTEGER = 2**53  # a cell's number is a double
FIRST_YEAR = 1901  # before it, dates differ between spreadsheets
WIDTHS = {Kind.MOMENT: 19, Kind.DAY: 11, Kind.NUMBER: 12, Kind.BOOL: 8}
TEXT_WIDTH = 20
CUT = -2  # what xlsxwriter answers when it has cut a text to 32,767 characters
# What XML 1.0 cannot hold; a lone surrogate cannot even be encoded.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CARRIAGE_RETURN = re.compile("\r\n?")


def clean_text(text: str) -> str:
    """The text as a cell can hold it: without what XML forbids, line ends as \\n. Its length is not looked at."""
    if not text.isprintable():  # it seldom is not, and this is the cheaper question
        text = _CARRIAGE_RETURN.sub("\n", _ILLEGAL.sub("", text))
    # In constant memory, xlsxwriter takes such a text for formatted runs and writes it into the XML as it is.
    return f"{text} " if text.startswith("<r>") and text.endswith("</r>") else text


@contextmanager
def open_book(path: Path, *, sheet_rows: int = SHEET_ROWS) -> Iterator[XlsxBook]:
    """A workbook that is written to `path` when the block ends well; temporary files stand in the same directory."""
    book = XlsxBook(path, sheet_rows)
    try:
        yield book
        book.close()
    except BaseException:
        book.abandon()
        raise


class XlsxBook:
    """Sheets of typed columns. sheet_rows: of one sheet, its header included; cut_cells: texts that were too long."""

    def __init__(self, path: Path, sheet_rows: int) -> None:
        import xlsxwriter  # late: each command of ours is loaded at each start

        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "use_zip64": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._bold = self._book.add_format({"bold": True})
        self._quoted = self._book.add_format({"quote_prefix": True})  # stays text when somebody edits the cell
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sheet_rows = sheet_rows
        self.sheets: list[str] = []
        self.cut_cells = 0

    def write_table(self, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> int:
        """Rows below their header, on as many sheets as they need (NAME, NAME 2, ...). The number of rows."""
        total, number, name = 0, 1, name[:BASE_LENGTH]
        sheet, writers = self._begin_sheet(name, columns)
        line = 1
        for row in rows:
            if line == self._sheet_rows:
                self._end_sheet(sheet, line, columns)
                number += 1
                sheet, writers = self._begin_sheet(f"{name} {number}", columns)
                line = 1
            for place, value in enumerate(row):
                if value is not None and value != "":
                    writers[place](sheet, line, place, value)
            line += 1
            total += 1
        self._end_sheet(sheet, line, columns)
        return total

    def write_facts(self, name: str, facts: Mapping[str, str]) -> None:
        """A sheet of names and texts."""
        sheet = self._add_sheet(name)
        sheet.set_column(0, 1, TEXT_WIDTH * 2)
        for line, (fact, text) in enumerate(facts.items()):
            sheet.write_string(line, 0, fact, self._bold)
            self._write_text(sheet, line, 1, text)

    def close(self) -> None:
        """Packs the workbook. Raises OSError."""
        from xlsxwriter.exceptions import FileCreateError

        try:
            self._book.close()
        except FileCreateError as error:
            raise error.args[0] from error

    def abandon(self) -> None:
        """Lets go of the temporary files of a workbook that will not be."""
        for sheet in self._book.worksheets():
            with suppress(OSError):  # a full disk refuses what is still buffered
                sheet._opt_close()

    def _add_sheet(self, name: str) -> Worksheet:
        """A name that is taken, upper and lower case alike, gets a number."""
        name = free = NO_SHEET_NAME.sub("-", name)
        taken = {one.lower() for one in self.sheets}
        number = 1
        while free.lower() in taken:
            number += 1
            free = f"{name[:BASE_LENGTH]} {number}"
        self.sheets.append(free)
        return self._book.add_worksheet(free)

    def _begin_sheet(self, name: str, columns: Sequence[Column]) -> tuple[Worksheet, list[Callable[..., None]]]:
        sheet = self._add_sheet(name)
        sheet.freeze_panes(1, 0)
        writers = {
            Kind.NUMBER: self._write_number,
            Kind.BOOL: self._write_bool,
            Kind.DAY: self._write_day,
            Kind.MOMENT: self._write_moment,
        }
        for place, column in enumerate(columns):
            sheet.set_column(place, place, WIDTHS.get(column.kind, TEXT_WIDTH))
            sheet.write_string(0, place, column.name, self._bold)
        return sheet, [writers.get(column.kind, self._write_text) for column in columns]

    def _end_sheet(self, sheet: Worksheet, lines: int, columns: Sequence[Column]) -> None:
        sheet.autofilter(0, 0, max(lines - 1, 1), len(columns) - 1)

    def _write_text(self, sheet: Worksheet, line: int, place: int, value: Any) -> None:
        text = clean_text(str(value))
        if text:
            style = self._quoted if text[0] in FORMULA_STARTS else None
            self.cut_cells += sheet.write_string(line, place, text, style) == CUT

    def _write_number(self, sheet: Worksheet, line: int, place: int, value: Any) -> None:
        if isinstance(value, int) and abs(value) > EXACT_INTEGER:
            self._write_text(sheet, line, place, value)
        else:
            sheet.write_number(line, place, value)

    def _write_bool(self, sheet: Worksheet, line: int, place: int, value: Any) -> None:
        sheet.write_boolean(line, place, value)

    def _write_day(self, sheet: Worksheet, line: int, place: int, value: str) -> None:
        day = date.fromisoformat(value)
        if day.year < FIRST_YEAR:
            self._write_text(sheet, line, place, value)
        else:
            sheet.write_datetime(line, place, day, self._day)

    def _write_moment(self, sheet: Worksheet, line: int, place: int, value: str) -> None:
        moment = datetime.fromisoformat(value)
        if moment.year < FIRST_YEAR:
            self._write_text(sheet, line, place, value)
        else:
            sheet.write_datetime(line, place, moment, self._moment)
