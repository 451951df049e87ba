"""Several processes on one database, as spiders of the same machine are."""

import subprocess
import sys
from pathlib import Path

import pytest

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.config import secret_value
from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.db import migrations, runs
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage import find_rounds
from jobdata_scrapy.db.models import MODELS
from tests.db.processes import open_and_list_tables, run_processes, save_many_rounds

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture
def address(config) -> tuple[str, str]:
    """What another process needs to open the same database."""
    return str(config.jobdata_dir), secret_value(config.database_url)


def test_sixteen_first_opens_at_the_same_moment_all_succeed(config, address):
    answers = run_processes(16, open_and_list_tables, *address)
    count = len(list(Path(migrations.__file__).parent.glob("[0-9]*.py")))
    assert answers == [sorted(["migratehistory", *(model._meta.table_name for model in MODELS)])] * 16
    database = open_database(config)
    assert database.execute_sql("SELECT COUNT(*), COUNT(DISTINCT name) FROM migratehistory").fetchone() == (count, count)
    database.close()


def test_reports_of_several_processes_are_all_kept(config, address):
    one = Coverage("boss", "数据分析", "上海", "shared", "r1")
    assert run_processes(6, save_many_rounds, *address, 40, one) == list(range(6))
    database = open_database(config)
    rounds = find_rounds(database, "r1")
    assert {line.round for line in rounds} == {"shared", *(f"own {number}" for number in range(6))}
    assert {(line.pages_ok, line.seen) for line in rounds} == {(40, 1200)}
    database.close()


def test_a_process_killed_amid_a_transaction_costs_that_transaction_only(database, address):
    runs.open_run(database, RunRecord("r1", "boss"))
    command = [sys.executable, "-m", "tests.db.processes", *address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout.readline() == "inside\n"
        process.kill()
    runs.open_run(database, RunRecord("r2", "boss"))
    assert {run.run_id for run in runs.list_runs(database)} == {"r1", "r2"}
    open_database_again = open_and_list_tables(0, *address)
    assert "crawl_run" in open_database_again
