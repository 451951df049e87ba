"""The pure parts of an export: formats, cells, counts, errors at the end of an answer, the file that is there when whole."""

from __future__ import annotations

import csv
import errno
import io
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobdata_scrapy.exceptions import ArgumentError, ExportError
from jobdata_scrapy.warehouse.export import check_target, pick_format
from jobdata_scrapy.warehouse.export.columns import Column, Kind
from jobdata_scrapy.warehouse.export.counting import CsvCounter, LineCounter, count_parquet_rows
from jobdata_scrapy.warehouse.export.selection import clickhouse_type
from jobdata_scrapy.warehouse.export.stream import find_error, read_lines
from jobdata_scrapy.warehouse.export.target import new_file
from jobdata_scrapy.warehouse.export.xlsx import clean_text, open_book
from tests.warehouse.export_parts import AWKWARD, read_sheets

TEXT = Column("text", "String")
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20) | st.sampled_from(list(AWKWARD.values()))


@pytest.mark.parametrize(
    ("name", "file", "found"),
    [
        ("", "a.xlsx", "xlsx"),
        ("", "职位.CSV", "csv"),
        ("parquet", "a", "parquet"),
        ("jsonl", "a.txt", "jsonl"),
        ("csv", "a.csv", "csv"),
    ],
)
def test_the_format_is_named_or_follows_the_suffix(name: str, file: str, found: str):
    assert pick_format(name, Path(file)).name == found


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("xls", "a.xls", "'xls' is unknown; allowed: xlsx, csv, parquet, jsonl"),
        ("", "a.json", "'.json' of 'a.json' names no format; allowed: .xlsx, .csv, .parquet, .jsonl, or --format"),
        ("", "a", "'a' has no suffix"),
        ("csv", "a.xlsx", "'csv' contradicts the suffix of 'a.xlsx'; allowed: a name that ends in .csv"),
    ],
)
def test_a_format_that_cannot_be_meant_is_refused(name: str, file: str, message: str):
    with pytest.raises(ArgumentError) as error:
        pick_format(name, Path(file))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("LowCardinality(Nullable(String))", Kind.TEXT),
        ("Enum8('a' = 1)", Kind.TEXT),
        ("Nullable(Float64)", Kind.NUMBER),
        ("Decimal(18, 4)", Kind.NUMBER),
        ("UInt16", Kind.NUMBER),
        ("Bool", Kind.BOOL),
        ("Nullable(Date)", Kind.DAY),
        ("Date32", Kind.DAY),
        ("Nullable(DateTime64(3, 'UTC'))", Kind.MOMENT),
        ("Array(LowCardinality(String))", Kind.LIST),
        ("Tuple(a String)", Kind.OTHER),
        ("IntervalDay", Kind.OTHER),
    ],
)
def test_a_column_is_what_its_type_says(type_: str, kind: Kind):
    assert Column("c", type_).kind is kind


def test_annotations_become_column_types():
    assert clickhouse_type(str | None) == "Nullable(String)"
    assert clickhouse_type(tuple[str, ...]) == "Array(String)"
    assert clickhouse_type(bool) == "Bool"
    with pytest.raises(TypeError, match="dict"):
        clickhouse_type(dict[str, int])


@given(st.lists(st.lists(ANY_TEXT, min_size=2, max_size=2), max_size=8), st.integers(1, 9))
def test_csv_rows_are_counted_wherever_the_chunks_end(rows: list[list[str]], size: int):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    data = file.getvalue().encode("utf-8", "surrogatepass")
    counter = CsvCounter()
    assert sum(counter.count(data[at : at + size]) for at in range(0, len(data), size)) == len(rows)


def test_lines_are_read_and_counted_wherever_the_chunks_end():
    chunks = [b"a\nb", b"", b"c\n", b"\nd"]
    assert list(read_lines(iter(chunks))) == [b"a", b"bc", b"", b"d"]
    assert sum(map(LineCounter().count, chunks)) == 3


@pytest.mark.parametrize("rows", [0, 1, 150, 300_000])
def test_parquet_rows_are_read_from_the_footer(tmp_path: Path, rows: int):
    table = pa.table({"a": pa.array(range(rows), pa.int64()), "b": [[str(n)] for n in range(rows)], "c": [True] * rows})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100_000)
    assert count_parquet_rows(tmp_path / "a.parquet") == rows


@pytest.mark.parametrize("kept", [0, 5, 100, -4, -1])
def test_a_parquet_file_cut_short_is_recognised(tmp_path: Path, kept: int):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3]}), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ExportError, match="footer"):
        count_parquet_rows(path)


def test_the_error_at_the_end_of_an_answer_is_found():
    text = "Code: 241. DB::Exception: Memory limit exceeded: would use 9 GiB. (MEMORY_LIMIT_EXCEEDED) (version 26.9.2.1)"
    tagged = f'{{"a":1}}\n\r\n__exception__\r\nabc123\r\n{text}\n120 abc123\r\n__exception__\r\n'.encode()
    assert find_error(tagged, "abc123").startswith("Memory limit exceeded: would use 9 GiB.")
    assert find_error(f'"a"\n{text}\n'.encode(), "").startswith("Memory limit exceeded")  # a server without tags
    assert find_error(f'"{text}"\n'.encode(), "") == ""  # a posting may quote one
    assert find_error(tagged, "other") == ""
    assert find_error(b"", "abc123") == ""


def is_legal(character: str) -> bool:
    """https://www.w3.org/TR/xml/#charsets"""
    return (
        character in "\t\n\r" or ("\x20" <= character <= "\ud7ff") or ("\ue000" <= character <= "\ufffd") or character > "\uffff"
    )


@given(ANY_TEXT)
def test_a_cleaned_text_is_legal_xml_and_keeps_all_else(text: str):
    clean = clean_text(text)
    assert "\r" not in clean
    assert all(map(is_legal, clean))
    kept = "".join(filter(is_legal, text)).replace("\r\n", "\n").replace("\r", "\n")
    assert clean.removesuffix(" ") == kept.removesuffix(" ")
    assert clean_text(clean) == clean


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=30))
def test_a_workbook_gives_back_every_cleaned_text_as_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]):
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    with open_book(path) as book:
        book.write_table("texts", [TEXT], [[text] for text in texts])
    (header, *rows) = read_sheets(path)["texts"]
    assert header == ("text",)
    found = [value or "" for (value,) in rows] + [""] * (len(texts) - len(rows))  # rows without any cell are not there
    assert found == [clean_text(text) for text in texts]


def test_a_sheet_that_is_full_goes_on_in_another(tmp_path: Path):
    path = tmp_path / "a.xlsx"
    with open_book(path, sheet_rows=4) as book:
        assert book.write_table("jobs", [Column("n", "Int64")], [[n] for n in range(7)]) == 7
        assert book.write_table("none", [TEXT], []) == 0
    sheets = read_sheets(path)
    assert {name: [n for (n,) in rows[1:]] for name, rows in sheets.items()} == {
        "jobs": [0, 1, 2],
        "jobs 2": [3, 4, 5],
        "jobs 3": [6],
        "none": [],
    }
    assert {rows[0] for rows in sheets.values()} == {("n",), ("text",)}


def test_sheets_whose_names_meet_are_numbered(tmp_path: Path):
    path = tmp_path / "a.xlsx"
    names = ["distribution of=company_size top=5", "Distribution of=company_size top=9", "n", "n 2", "a" * 40, "a" * 50]
    with open_book(path, sheet_rows=2) as book:
        for place, name in enumerate(names):
            book.write_table(name, [Column("n", "Int64")], [[place], [place]] if name == "n" else [[place]])
        book.write_facts("N", {"fact": "text"})
    sheets = read_sheets(path)
    assert {name: rows[1:] for name, rows in sheets.items() if name != "N 3"} == {
        "distribution of=company_si": [(0,)],
        "Distribution of=company_si 2": [(1,)],
        "n": [(2,)],
        "n 2": [(2,)],
        "n 2 2": [(3,)],
        "a" * 26: [(4,)],
        "a" * 26 + " 2": [(5,)],
    }
    assert sheets["N 3"] == [("fact", "text")]


def test_a_text_longer_than_a_cell_is_cut_and_counted(tmp_path: Path):
    path = tmp_path / "a.xlsx"
    with open_book(path) as book:
        book.write_table("texts", [TEXT], [["职" * 32_767], ["职" * 32_768], ["🚀" * 16_384]])
        assert book.cut_cells == 2
    assert [len(value.encode("utf-16-le")) // 2 for (value,) in read_sheets(path)["texts"][1:]] == [32_767, 32_767, 32_766]


def test_numbers_that_a_cell_cannot_hold_exactly_are_texts(tmp_path: Path):
    path = tmp_path / "a.xlsx"
    with open_book(path) as book:
        book.write_table("n", [Column("n", "UInt64"), Column("d", "Date32")], [[2**53, "1899-12-31"], [2**53 + 1, None]])
    assert read_sheets(path)["n"][1:] == [(2**53, "1899-12-31"), (str(2**53 + 1), None)]


def test_a_new_file_is_there_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "职位.csv"
    path.write_text("old")
    with new_file(path, replace=True) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("职位.csv", "new")]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_file_that_did_not_become_whole_leaves_nothing(tmp_path: Path, error: BaseException):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fail() -> None:
        with new_file(path, replace=True) as draft:
            draft.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.csv", "old")]


def test_a_link_stays_and_leads_to_the_new_file(tmp_path: Path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with new_file(tmp_path / "link.csv", replace=True) as draft:
        draft.write_text("new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_made_meanwhile_is_replaced_only_when_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
):
    path = tmp_path / "a.csv"

    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.EPERM, "Operation not permitted")

    def export(text: str, *, meanwhile: str = "", replace: bool = False) -> None:
        with new_file(path, replace=replace) as draft:
            draft.write_text(text)
            if meanwhile:
                path.write_text(meanwhile)

    if not has_links:
        monkeypatch.setattr("os.link", refuse)  # as on a file system without hard links
    with pytest.raises(ExportError, match=r"a\.csv was made by somebody else meanwhile; allowed: another name, or --force"):
        export("export", meanwhile="mine")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.csv", "mine")]
    export("export", meanwhile="mine again", replace=True)
    assert path.read_text() == "export"
    path.unlink()
    export("new")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.csv", "new")]


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path):
    (tmp_path / "there.csv").write_text("mine")
    for path, message in (
        (tmp_path, "is a directory"),
        (tmp_path / "none" / "a.csv", "is no directory"),
        (tmp_path / "there.csv", "is there already; allowed: a name that is free, or --force to replace it"),
        (Path("/dev/null"), "is no ordinary file"),
    ):
        with pytest.raises(ArgumentError) as error:
            check_target(path, replace=False)
        assert message in str(error.value)
    check_target(tmp_path / "there.csv", replace=True)
    check_target(tmp_path / "free.csv", replace=False)
