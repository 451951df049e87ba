"""`-o`: one row a posting, safe in a spreadsheet, no personal data, no repeats."""

import csv
import io
import json
from datetime import UTC, datetime

from jobdata_scrapy.items import Job, Page, RowState, StoredPage
from pipelines.feed_exporters import JOB_FIELDS, JobCsvExporter, JobJsonExporter, JobJsonLinesExporter

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


def make_list(number: int, *ids: str, missing: tuple[str, ...] = (), round_id: str = "r.1") -> Page:
    jobs = [Job(one, f"title {one}", salary_text="1-2万", salary_low=10000.0, description="a summary") for one in ids]
    stored = StoredPage(new=len(ids), missing_details=missing)
    return Page("boss", "search", "k", "上海", round_id, "r", number, AT, 1, jobs=jobs, stored=stored, asks_details=bool(missing))


def make_detail(job_id: str, round_id: str = "r.1", *, gone: bool = False) -> Page:
    job = Job(job_id, "another title", salary_low=1.0, degree="本科", district="浦东新区", city="上海", area_code="310115")
    job.description = "the whole text"
    kept = {"gone": [job_id]} if gone else {"jobs": [job]}
    return Page("boss", "detail", "k", "上海", round_id, "r", 0, AT, 1, **kept)


def export_pages(*pages: Page) -> list[dict]:
    stream = io.BytesIO()
    exporter = JobJsonLinesExporter(stream)
    exporter.start_exporting()
    for page in pages:
        exporter.export_item(page)
    exporter.finish_exporting()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_posting_and_its_own_page_are_one_row():
    (row,) = export_pages(make_list(1, "1", missing=("1",)), make_detail("1"))
    assert (row["title"], row["description"], row["degree"]) == ("title 1", "the whole text", "本科")
    assert (row["district"], row["area_code"]) == ("浦东新区", "310115")  # the list told none
    assert (row["salary_text"], row["salary_low"]) == ("1-2万", 10000)  # from one source
    assert row["page_kind"] == "detail"


def test_a_page_that_is_read_again_lends_its_rows_to_their_details_alone():
    """An earlier run has written them, and was ended amid their details."""
    again = make_list(1, "1", "2", missing=("1", "2"))
    for job in again.jobs:
        job.state = RowState.REPEATED
    (row,) = export_pages(again, make_detail("2"))
    assert (row["job_id"], row["salary_text"], row["description"]) == ("2", "1-2万", "the whole text")


def test_what_has_no_page_is_written_once_as_the_list_told_it():
    rows = export_pages(
        make_list(1, "known", "gone", "refused", missing=("gone", "refused")),
        make_detail("gone", gone=True),
        make_list(1, "other", missing=("other",), round_id="r.2"),  # another keyword at the same time
        make_list(2, "last", missing=("last",)),
        make_detail("other", "r.2"),
    )
    assert [(row["job_id"], row["description"]) for row in rows] == [
        ("known", "a summary"),
        ("gone", "a summary"),
        ("refused", "a summary"),
        ("other", "the whole text"),
        ("last", "a summary"),
    ]


def test_a_second_run_into_the_same_file_adds_rows_and_no_heading(tmp_path):
    path = tmp_path / "jobs.csv"
    for _ in range(2):
        with path.open("ab") as file:
            exporter = JobCsvExporter(file)
            exporter.start_exporting()
            exporter.export_item(make_page())
            exporter.finish_exporting()
    content = path.read_bytes()
    assert content.count("\ufeff".encode()) == 1
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["job_id"] for row in rows] == ["1", "2", "1", "2"]
    assert set(JOB_FIELDS) < set(rows[0])
