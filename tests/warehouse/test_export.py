"""Exports of the real engine, each format read back: equal to the query, safe in a spreadsheet, whole or not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.exceptions import ArgumentError, ExportError
from jobdata_scrapy.warehouse.analytics import Answer, Question
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.export import FORMATS, Exported, Selection, select_answer, select_jobs, write_export
from jobdata_scrapy.warehouse.export.columns import Column
from jobdata_scrapy.warehouse.export.stream import count_rows, read_chunks
from jobdata_scrapy.warehouse.filters import Filters
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.export_parts import (
    AWKWARD,
    SEEN,
    Listener,
    by_id,
    make_jobs,
    read_csv,
    read_jsonl,
    read_parquet,
    read_sheets,
)
from tests.warehouse.warehouse_parts import make_job, make_page

pytestmark = pytest.mark.slow

SPREADSHEET_TIME = datetime(2026, 11, 23, 4, 4, 5)  # noqa: DTZ001 - a cell has no zone; Beijing's
GUARDED = {"formula", "plus", "minus", "at", "tab", "full"}
Export = Callable[..., Exported]


@pytest.fixture
def jobs(client: WarehouseClient, writer: Writer) -> dict[str, dict[str, Any]]:
    """What `job_analytics` holds, by posting."""
    writer.store(make_page(make_jobs(), fetched_at=SEEN))
    return by_id(list(client.query("SELECT * FROM job_analytics").named_results()))


@pytest.fixture
def export(client: WarehouseClient, tmp_path: Path) -> Export:
    def run(name: str, *selections: Selection, **options: Any) -> Exported:
        fmt = FORMATS[Path(name).suffix.removeprefix(".")]
        return write_export(client, selections, tmp_path / name, fmt, Listener(), **options)

    return run


def test_json_lines_are_equal_to_the_query(client: WarehouseClient, jobs: dict[str, Any], export: Export):
    done = export("职位.jsonl", select_jobs(client, Filters()))
    found = by_id(read_jsonl(done.path))
    for row in found.values():
        for name in ("published_at", "first_crawled_at", "last_crawled_at"):
            row[name] = row[name] and datetime.fromisoformat(row[name])
    assert found == jobs
    assert found["plain"]["published_at"] is None
    assert (done.rows, done.size) == ({"jobs": len(AWKWARD)}, done.path.stat().st_size)


def test_parquet_is_equal_to_the_query(client: WarehouseClient, jobs: dict[str, Any], export: Export):
    assert by_id(read_parquet(export("a.parquet", select_jobs(client, Filters())).path)) == jobs


def test_csv_is_equal_to_the_query_and_no_cell_is_a_formula(client: WarehouseClient, jobs: dict[str, Any], export: Export):
    found = by_id(read_csv(export("a.csv", select_jobs(client, Filters())).path))
    for job_id, row in jobs.items():
        cells = found[job_id]
        guard = "'" if job_id in GUARDED else ""
        assert cells["title"] == guard + row["title"]
        assert float(cells["salary_low"]) == row["salary_low"]  # a negative number stays a number
        assert cells["skills"] == "Python; =SQL"
        assert cells["last_crawled_at"] == "2026-11-23 04:04:05"
        assert cells["published_at"] == ("2026-11-23 04:04:05" if row["published_at"] else "")
        assert cells["salary_high"] == ""
    assert list(next(iter(found.values()))) == list(next(iter(jobs.values())))


def test_a_workbook_is_equal_to_the_query_and_no_cell_is_a_formula(client: WarehouseClient, jobs: dict[str, Any], export: Export):
    done = export("a.xlsx", select_jobs(client, Filters()), about={"filters": "none"})
    sheets = read_sheets(done.path)
    assert tuple(sheets) == done.sheets == ("jobs", "about")
    assert dict(sheets["about"])["rows of jobs"] == str(len(AWKWARD))
    names, *rows = sheets["jobs"]
    for cells in (dict(zip(names, row, strict=True)) for row in rows):
        row = jobs[cells["job_id"]]
        expected = {"control": "abc", "runs": "<r><t>&</t></r> "}.get(row["job_id"], row["title"])
        assert cells["title"] == expected
        assert (cells["salary_low"], cells["salary_high"]) == (row["salary_low"], None)
        assert cells["last_crawled_at"] == SPREADSHEET_TIME
    book = openpyxl.load_workbook(done.path)
    assert {cell.data_type for row in book["jobs"].iter_rows() for cell in row} <= {"s", "inlineStr", "n", "d"}
    assert {cell.hyperlink for row in book["jobs"].iter_rows() for cell in row} == {None}
    quoted = {
        cell.value
        for (cell,) in book["jobs"].iter_rows(min_col=names.index("title") + 1, max_col=names.index("title") + 1)
        if cell.quotePrefix
    }
    assert quoted == {AWKWARD[name] for name in GUARDED}
    assert (book["jobs"].freeze_panes, book["jobs"].auto_filter.ref) == ("A2", f"A1:{book['jobs'].dimensions.split(':')[1]}")


def test_a_full_sheet_goes_on_in_another(client: WarehouseClient, jobs: dict[str, Any], export: Export):
    done = export("a.xlsx", select_jobs(client, Filters(), ["job_id"]), sheet_rows=8)
    sheets = read_sheets(done.path)
    assert {name: len(rows) for name, rows in sheets.items()} == {"jobs": 8, "jobs 2": 8, "jobs 3": 2}
    assert {job_id for rows in sheets.values() for (job_id,) in rows[1:]} == set(jobs)


def test_filters_and_columns_choose(client: WarehouseClient, jobs: dict[str, Any], export: Export):
    selection = select_jobs(client, Filters(cities=("上海",), salary_low=10_003), ["title", "job_id", "title"])
    rows = read_jsonl(export("a.jsonl", selection).path)
    expected = {job_id for job_id, row in jobs.items() if row["city"] == "上海" and row["monthly_low"] >= 10_003}
    assert {row["job_id"] for row in rows} == expected
    assert list(rows[0]) == ["title", "job_id"]
    with pytest.raises(ArgumentError, match=r"columns: 'titel' is unknown \(did you mean title\?\); allowed: platform, job_id, "):
        select_jobs(client, Filters(), ["titel"])


@pytest.mark.parametrize("name", FORMATS)
def test_no_rows_are_a_file_with_its_columns(client: WarehouseClient, writer: Writer, export: Export, name: str):
    done = export(f"a.{name}", select_jobs(client, Filters(cities=("none",)), ["job_id", "city"]))
    assert done.rows == {"jobs": 0}
    if name == "xlsx":
        assert read_sheets(done.path) == {"jobs": [("job_id", "city")]}
    if name == "csv":
        assert done.path.read_text("utf-8-sig") == '"job_id","city"\n'


def test_nothing_stored_yet_is_told(client: WarehouseClient):
    with pytest.raises(ExportError, match="nothing was stored yet in database"):
        select_jobs(client, Filters())


@dataclass(frozen=True)
class Line:
    day: date
    at: datetime | None
    name: str
    share: float
    count: int
    cities: tuple[str, ...]


LINES = [
    (date(2026, 1, 2), SEEN, '=1+1 $answer$ "中" {x:String} %s', 0.25, 3, ("上海", "北京")),
    (date(2026, 1, 3), None, "line\nbreak", -1.0, 2**40, ()),
]


def test_answers_are_exported_in_every_format(client: WarehouseClient, writer: Writer, export: Export):
    question = Question("share", "占比", "Shares", Line, lambda *_: [])
    answer = Answer(question.columns, LINES, SEEN)
    selection = select_answer(question, answer)
    rows = [dict(zip(answer.columns, line, strict=True)) for line in LINES]
    expected = [row | {"cities": list(row["cities"])} for row in rows]
    assert read_parquet(export("a.parquet", selection).path) == expected
    lines = read_jsonl(export("a.jsonl", selection).path)
    assert [(line["day"], line["name"], line["cities"]) for line in lines] == [
        (str(row["day"]), row["name"], row["cities"]) for row in expected
    ]
    assert [row["name"] for row in read_csv(export("a.csv", selection).path)] == ["'" + LINES[0][2], LINES[1][2]]
    done = export("a.xlsx", selection, select_answer(Question("none", "", "", Line, list), Answer(answer.columns, [], SEEN)))
    sheets = read_sheets(done.path)
    day = datetime(2026, 1, 2)  # noqa: DTZ001 - a cell has no zone
    assert sheets["share"][1] == (day, SPREADSHEET_TIME, LINES[0][2], 0.25, 3, "上海; 北京")
    assert sheets["none"] == [tuple(answer.columns)]
    with pytest.raises(ArgumentError, match="csv holds one table, not 2"):
        export("b.csv", selection, selection)


@pytest.mark.parametrize("name", FORMATS)
def test_an_error_in_the_middle_leaves_no_file(client: WarehouseClient, export: Export, tmp_path: Path, name: str):
    sql = "SELECT number AS n, throwIf(number = 90000, 'here it broke') AS x FROM numbers(100000)"
    late = Selection("late", sql, (Column("n", "UInt64"), Column("x", "UInt8")))
    with pytest.raises((ExportError, DatabaseError), match="here it broke"):
        export(f"a.{name}", late)
    assert list(tmp_path.glob(".*")) + list(tmp_path.glob("a.*")) == []


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_an_error_behind_many_rows_is_noticed(client: WarehouseClient, export: Export, tmp_path: Path, name: str):
    """count() reads nothing of the column that fails, so that the error comes while rows are written."""
    sql = "SELECT number AS n, intDiv(1, number - 900000) AS x FROM numbers(1000000)"
    late = Selection("late", sql, (Column("n", "UInt64"), Column("x", "Int64")))
    assert count_rows(client, late) == 1_000_000
    with pytest.raises(ExportError, match="the warehouse broke off: Division by zero"):
        export(f"a.{name}", late)
    assert list(tmp_path.glob("*")) == []


def test_rows_missing_from_an_answer_are_noticed(client: WarehouseClient, export: Export, tmp_path: Path):
    client.command("CREATE TABLE few (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.command("INSERT INTO few SELECT number FROM numbers(3)")

    class HidingListener(Listener):
        """Takes the rows away before they are read, and brings them back afterwards."""

        def start(self, name: str, total: int | None) -> None:
            client.command("TRUNCATE TABLE few")

        def advance(self, rows: int, size: int) -> None:
            client.command("INSERT INTO few SELECT number FROM numbers(3)")

    few = Selection("few", "SELECT n FROM few", (Column("n", "UInt64"),))
    with pytest.raises(ExportError, match="few: 0 rows were written, but there were 3 before and 3 after"):
        write_export(client, [few], tmp_path / "a.csv", FORMATS["csv"], HidingListener())
    assert list(tmp_path.glob("*")) == []


def test_rows_that_come_meanwhile_are_no_error(client: WarehouseClient, writer: Writer, export: Export, tmp_path: Path):
    writer.store(make_page([make_job("old")]))
    selection = select_jobs(client, Filters(), ["job_id"])

    class CrawlingListener(Listener):
        def start(self, name: str, total: int | None) -> None:
            writer.store(make_page([make_job("new")], number=2, fetched_at=SEEN + timedelta(hours=1)))

    done = write_export(client, [selection], tmp_path / "a.csv", FORMATS["csv"], CrawlingListener())
    assert done.rows == {"jobs": 2}


def test_closing_a_stream_ends_its_query(client: WarehouseClient):
    """A person who stops an export of Parquet does not leave the engine writing into a pipe that nobody reads."""
    sql = "SELECT number AS n, toString(cityHash64(number)) AS s FROM numbers(2000000000)"
    chunks = read_chunks(client, Selection("long", sql, (Column("n", "UInt64"), Column("s", "String"))), FORMATS["parquet"])
    assert next(chunks)[:4] == b"PAR1"
    chunks.close()
    running = "SELECT count() FROM system.processes WHERE query LIKE '%2000000000%' AND query_kind = 'Insert'"
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while client.command(running):
        assert datetime.now(UTC) < deadline, "the query goes on"
