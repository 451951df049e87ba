"""`scrapy export` as a person calls it: files, lines, exit codes, and what is left when it is stopped."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands._export_progress import ExportProgress
from jobdata_scrapy.commands.export import Command
from jobdata_scrapy.warehouse.analytics import QUESTIONS
from jobdata_scrapy.warehouse.client import connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.writer import Writer
from tests.commands.command_parts import Runner, make_runner
from tests.warehouse.export_parts import SEEN, make_jobs, read_csv, read_sheets
from tests.warehouse.warehouse_parts import ROOT, end_server, make_config, make_page

pytestmark = pytest.mark.slow

WAIT_SECONDS = 60
MANY = 40_000
FILL_SQL = f"""
INSERT INTO boss_job (job_id, page_kind, title, description, content_hash, crawled_at)
SELECT toString(number), 'search', '数据分析师', randomPrintableASCII(2000), toString(number), now64(3) FROM numbers({MANY})"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store with a few postings in `job_data` and many in `many`."""
    folder = tmp_path_factory.mktemp("export") / "data"
    few = connect(make_config(folder))
    apply_schema(few)
    Writer(few).store(make_page(make_jobs(), fetched_at=SEEN))
    few.close()
    many = connect(make_config(folder, clickhouse_db="many"))
    apply_schema(many)
    many.command(FILL_SQL)
    many.close()
    yield folder
    end_server(ServerFiles(folder))


@pytest.fixture
def run(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.chdir(tmp_path)
    return make_runner(Command, data_dir, capsys)


def test_postings_are_exported_with_filters_and_columns(run: Runner, tmp_path: Path):
    done = run("jobs", "--filter", "city=上海", "--filter", "salary=10002-", "--columns", "title,city", "-o", "职位.csv")
    assert (done.code, done.err) == (0, "")
    (line,) = done.lines
    assert line.startswith("职位.csv: 7 rows, ")
    rows = read_csv(tmp_path / "职位.csv")
    assert (len(rows), list(rows[0]), {row["city"] for row in rows}) == (7, ["title", "city"], {"上海"})


def test_a_workbook_says_what_is_in_it(run: Runner, tmp_path: Path):
    done = run("jobs", "-o", "a.xlsx", "--filter", "site=boss")
    assert done.lines[0].endswith("sheets: jobs, about")
    assert dict(read_sheets(tmp_path / "a.xlsx")["about"])["filters"] == "site=boss"


def test_every_question_gets_a_sheet(run: Runner, tmp_path: Path):
    done = run("analytics", "-o", "answers.xlsx")
    assert (done.code, done.err) == (0, "")
    sheets = read_sheets(tmp_path / "answers.xlsx")
    assert list(sheets) == [*QUESTIONS, "about"]
    assert {name: list(rows[0]) for name, rows in sheets.items() if name != "about"} == {
        name: question.columns for name, question in QUESTIONS.items()
    }


def test_one_question_fits_every_format(run: Runner, tmp_path: Path):
    name = next(iter(QUESTIONS))
    for suffix in ("csv", "jsonl", "parquet"):
        assert run("analytics", name, "-o", f"a.{suffix}").code == 0
        assert (tmp_path / f"a.{suffix}").exists()


def test_a_question_is_asked_with_its_options(run: Runner):
    done = run("analytics", "skills", "top=5", "salary", "salary", "by=degree", "-o", "a.xlsx")
    assert done.lines[0].endswith("sheets: skills top=5, salary, salary by=degree, about")


def test_two_sheets_of_one_question_are_numbered(run: Runner, tmp_path: Path):
    words = ["distribution", "of=company_size", "top=5", "distribution", "of=company_size", "top=9"]
    assert (run("analytics", *words, "-o", "a.xlsx").code, list(read_sheets(tmp_path / "a.xlsx"))) == (
        0,
        ["distribution of=company_si", "distribution of=company_si 2", "about"],
    )


def test_a_file_made_meanwhile_is_not_replaced(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def start(self: ExportProgress, name: str, total: int | None) -> None:
        (tmp_path / "a.csv").write_text("mine")

    monkeypatch.setattr(ExportProgress, "start", start)
    done = run("jobs", "-o", "a.csv")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("scrapy export jobs: ")
    assert done.err.endswith("a.csv was made by somebody else meanwhile; allowed: another name, or --force to replace it\n")
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert run("jobs", "-o", "a.csv", "--force").code == 0
    assert len(read_csv(tmp_path / "a.csv")) == len(make_jobs())


def test_a_file_is_replaced_only_when_that_is_said(run: Runner, tmp_path: Path):
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(UsageError, match="--force to replace it"):
        run("jobs", "-o", "a.csv")
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert run("jobs", "-o", "a.csv", "--force").code == 0
    assert len(read_csv(tmp_path / "a.csv")) == len(make_jobs())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("jobs",), "-o/--output"),
        (("jobs", "-o", "a.doc"), "names no format"),
        (("jobs", "-o", "a.csv", "--format", "excel"), "format: 'excel' is unknown"),
        (("jobs", "-o", "none/a.csv"), "'none' is no directory"),
        (("jobs", "-o", "-"), "-o: '-' names no file, and an export does not go to the standard output; allowed: a file's name"),
        (("jobs", "-o", "-", "--format", "csv"), "-o: '-' names no file"),
        (("analytics", "skills", "-o", "-", "--format", "parquet"), "-o: '-' names no file"),
        (("jobs", "-o", "a.csv", "--filter", "town=上海"), "'town=上海' is not FIELD=VALUE"),
        (("jobs", "-o", "a.csv", "--columns", "titel"), "did you mean title?"),
        (("analytics", "nope", "-o", "a.xlsx"), "question: 'nope' is unknown; allowed: "),
        (("analytics", "top=5", "-o", "a.xlsx"), "question: 'top=5' is unknown"),
        (("analytics", "skills", "tpo=5", "-o", "a.xlsx"), "analytics skills: 'tpo' is no option"),
        (("analytics", "-o", "a.csv"), "question: csv holds one table"),
        (("postings", "-o", "a.csv"), "invalid choice: 'postings'"),
    ],
)
def test_wrong_words_are_one_line(run: Runner, tmp_path: Path, words: tuple[str, ...], message: str):
    with pytest.raises(UsageError) as error:
        run(*words)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_was_stored_no_server_is_started(run: Runner, tmp_path: Path):
    done = run("jobs", "-o", "a.csv", JOBDATA_DIR=str(tmp_path / "none"))
    assert (done.code, done.out) == (1, "")
    assert "nothing was stored yet in" in done.err
    assert list(tmp_path.iterdir()) == []


def test_progress_is_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]):
    now = 0.0
    with ExportProgress(Console(stderr=True), clock=lambda: now) as progress:
        progress.start("jobs", 3000)
        progress.advance(1000, 500_000)
        now = 31.0
        progress.advance(1000, 500_000)
    assert capsys.readouterr().err == "jobs: 2,000 of 3,000 rows, 1.0 MB\n"


def test_progress_is_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str]):
    with ExportProgress(Console(stderr=True, force_terminal=True, width=100, force_interactive=True)) as progress:
        progress.start("jobs", 3000)
        progress.advance(1000, 500_000)
        progress.start("packing the workbook", None)
    shown = capsys.readouterr().err
    assert "\x1b[" in shown
    assert "packing the workbook" in shown


# what stops an export in its middle


Started = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Started]:
    """`scrapy export jobs -o FILE` of many postings, as soon as its file has begun to grow."""
    processes: list[subprocess.Popen[str]] = []

    def run_process(folder: Path, name: str, limit: int | None = None) -> subprocess.Popen[str]:
        environment = {**os.environ, "JOBDATA_DIR": str(folder), "CLICKHOUSE_HOST": "", "CLICKHOUSE_DB": "many"}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "scrapy", "export", "jobs", "-o", str(tmp_path / name)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))),  # noqa: PLW1509
            )
        )
        return processes[-1]

    yield run_process
    for process in processes:
        process.kill()
        process.communicate()


def wait_for_growth(process: subprocess.Popen[str], folder: Path, size: int = 1 << 20) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if sum(file.stat().st_size for file in folder.glob(".*.part/*")) > size:
                return
        except FileNotFoundError:
            pass
        time.sleep(0.01)
    raise AssertionError(f"the export did not begin: {process.communicate(timeout=1)}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("name", ["a.jsonl", "a.xlsx"])
def test_an_interrupted_export_leaves_no_file(
    data_dir: Path, tmp_path: Path, start: Started, name: str, number: signal.Signals, code: int
):
    process = start(data_dir, name)
    wait_for_growth(process, tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=WAIT_SECONDS)
    assert (process.returncode, out, err) == (code, "", "scrapy export: interrupted, no file was written\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.xlsx"])
def test_a_server_killed_in_the_middle_leaves_no_file(own_dir: Path, tmp_path: Path, start: Started, name: str):
    client = connect(make_config(own_dir, clickhouse_db="many"))
    apply_schema(client)
    client.command(FILL_SQL)
    client.close()
    out_dir = tmp_path / "out"
    out_dir.mkdir()
    process = start(own_dir, f"out/{name}")
    wait_for_growth(process, out_dir)
    end_server(ServerFiles(own_dir), signal.SIGKILL)
    out, err = process.communicate(timeout=WAIT_SECONDS)
    assert (process.returncode, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("scrapy export jobs: the warehouse stopped in the middle of its answer")
    assert list(out_dir.iterdir()) == []


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_a_disk_that_is_full_is_one_line(data_dir: Path, tmp_path: Path, start: Started, name: str):
    """A limit of the file's size stands for the disk's: the system refuses the write."""
    process = start(data_dir, name, 1 << 20)
    out, err = process.communicate(timeout=WAIT_SECONDS)
    assert (process.returncode, out) == (1, "")
    (line,) = err.splitlines()
    assert line == f"scrapy export jobs: {tmp_path / name} cannot be written: File too large"
    assert list(tmp_path.iterdir()) == []
