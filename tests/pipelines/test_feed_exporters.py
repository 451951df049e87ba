"""`-o`: one row a posting, safe in a spreadsheet, no personal data, no repeats."""

import csv
import io
import json
from datetime import UTC, datetime

from jobdata_scrapy.items import Job, Page, RowState
from pipelines.feed_exporters import JobCsvExporter, JobJsonExporter, JobJsonLinesExporter

AT = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)


def make_page() -> Page:
    jobs = [
        Job("1", "数据分析师", skills=["SQL", "Python"], state=RowState.NEW, published_at=AT, ticket={"securityId": "x"}),
        Job("2", "=cmd()", state=RowState.UNCHANGED, raw={"bossName": "someone"}),
        Job("1", "数据分析师", state=RowState.REPEATED),
    ]
    return Page("boss", "search", "数据分析", "上海", "r.1", "r", 1, AT, 1, jobs=jobs)


def export(exporter_class) -> str:
    stream = io.BytesIO()
    exporter = exporter_class(stream)
    exporter.start_exporting()
    exporter.export_item(make_page())
    exporter.finish_exporting()
    return stream.getvalue().decode()


def test_csv_for_spreadsheets():
    text = export(JobCsvExporter)
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["job_id"] for row in rows] == ["1", "2"]
    assert rows[0]["skills"] == "SQL、Python"
    assert rows[0]["published_at"] == "2026-11-22T03:04:05+00:00"
    assert rows[1]["title"] == "'=cmd()"
    assert "securityId" not in text
    assert "someone" not in text


def test_json_lines():
    rows = [json.loads(line) for line in export(JobJsonLinesExporter).splitlines()]
    assert [row["job_id"] for row in rows] == ["1", "2"]
    assert rows[0]["skills"] == ["SQL", "Python"]


def test_json():
    assert len(json.loads(export(JobJsonExporter))) == 2
