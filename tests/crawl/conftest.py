"""What tests of whole crawls ask beside the exit code: the ledger as it stands on disk, the ids in the warehouse."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.sandbox.process import RunningSandbox
from tests.db.database_fixtures import mariadb, mariadb_url, mysql_proc  # noqa: F401 - fixtures

THREE_PAGES = {"boss": 40, "qcwy": 120, "zhilian": 45}
_NUMBERS = count(1)


@pytest.fixture(autouse=True)
def no_grudges(store_dir: Path) -> Iterator[None]:
    """No exit cools down and no site is locked by what an earlier test of this worker did."""
    yield
    path = store_dir / "jobdata.sqlite"
    if path.exists():
        with closing(sqlite3.connect(path, timeout=30)) as database, database:
            database.execute("DELETE FROM exit_lease")
            database.execute("DELETE FROM site_lock")


@pytest.fixture
def three_pages(sandbox: RunningSandbox) -> Callable[[str], str]:
    """`three_pages("boss")`: a keyword of its own, whose search in 上海 has postings for three pages."""

    def make(site: str) -> str:
        keyword = f"三页{next(_NUMBERS)}"
        sandbox.control({"total": {"site": site, "keyword": keyword, "city": "上海", "total": THREE_PAGES[site]}})
        return keyword

    return make


@pytest.fixture
def ledger() -> Callable[..., list[dict[str, Any]]]:
    """`ledger(directory, run_id)`: the run's lines of the coverage ledger, as they stand in the database."""

    def read(directory: Path, run_id: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(directory / "jobdata.sqlite")) as database:
            database.row_factory = sqlite3.Row
            rows = database.execute("SELECT * FROM coverage WHERE run_id = ? ORDER BY id", (run_id,))
            return [dict(row) for row in rows]

    return read


@pytest.fixture
def stored_ids(scrapy_command: Callable[..., Any]) -> Callable[..., list[str]]:
    """`stored_ids("boss", keyword)`: the postings of a keyword in the warehouse, sorted; a row each."""

    def ask(site: str, keyword: str, **options: Any) -> list[str]:
        sql = f"SELECT job_id FROM {site}_job WHERE keyword = '{keyword}' ORDER BY job_id"
        done = scrapy_command("warehouse", "query", sql, "--format", "json", **options)
        assert done.code == 0, done.err
        return [row["job_id"] for row in json.loads(done.out)["data"]]

    return ask
