from pathlib import Path

import peewee as pw
import pymysql
import pytest

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.config import Config
from jobdata_scrapy.db import runs
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.exceptions import StorageError


def test_sqlite_connections_are_set_for_several_processes(tmp_path):
    database = open_database(Config(_env_file=None, jobdata_dir=tmp_path))
    assert database.pragma("journal_mode") == "wal"
    assert database.pragma("busy_timeout") == 30_000
    assert database.pragma("foreign_keys") == 1
    database.close()


@pytest.mark.slow
def test_mariadb_sessions_are_strict_utc_and_read_committed(mariadb_url, tmp_path):
    database = open_database(Config(_env_file=None, jobdata_dir=tmp_path, database_url=mariadb_url))
    row = database.execute_sql("SELECT @@time_zone, @@tx_isolation, @@character_set_client, @@sql_mode").fetchone()
    assert row[:3] == ("+00:00", "READ-COMMITTED", "utf8mb4")
    assert "STRICT_ALL_TABLES" in row[3]
    database.close()


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"^JOBDATA_DIR or DATABASE_URL: folder '.*' cannot be made"):
        open_database(Config(_env_file=None, jobdata_dir=tmp_path / "file" / "data"))


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path):
    (tmp_path / "jobdata.sqlite").write_text("no database " * 1000)
    with pytest.raises(StorageError, match=r"^database sqlite:///.*jobdata\.sqlite: file is not a database$"):
        open_database(Config(_env_file=None, jobdata_dir=tmp_path))


def test_a_server_that_is_not_there_is_one_clear_line():
    config = Config(_env_file=None, database_url="mysql://app:hunter2@127.0.0.1:9/jobs")
    with pytest.raises(StorageError, match=r"^database mysql://127\.0\.0\.1:9/jobs: error 2003: ") as caught:
        open_database(config)
    assert "hunter2" not in str(caught.value)


@pytest.mark.slow
def test_a_wrong_password_is_one_clear_line(mariadb_url):
    url = mariadb_url.split(":")[0] + "://app:hunter2@" + mariadb_url.split("@")[1]
    with pytest.raises(StorageError, match=r"error 1045: Access denied") as caught:
        open_database(Config(_env_file=None, database_url=url))
    assert "hunter2" not in str(caught.value)


def test_the_password_shows_in_no_repr():
    config = Config(_env_file=None, database_url="mysql://app:hunter2@127.0.0.1/jobs")
    assert "hunter2" not in repr(config)


@pytest.mark.slow
def test_a_connection_that_the_server_dropped_is_made_again(mariadb, mariadb_url, tmp_path):
    database = open_database(Config(_env_file=None, jobdata_dir=tmp_path, database_url=mariadb_url))
    runs.open_run(database, RunRecord("r1", "boss"))
    for use in (lambda: runs.find_run(database, "r1"), lambda: runs.open_run(database, RunRecord("r2", "boss"))):
        _kill(mariadb, database)
        use()
    assert [run.run_id for run in runs.list_runs(database)] == ["r2", "r1"]
    database.close()


def _kill(mariadb, database: pw.Database) -> None:
    (number,) = database.execute_sql("SELECT CONNECTION_ID()").fetchone()
    with pymysql.connect(unix_socket=mariadb.unixsocket, user="root") as connection, connection.cursor() as cursor:
        cursor.execute(f"KILL {number}")


def test_no_statement_is_logged_with_its_values(tmp_path, caplog):
    caplog.set_level("DEBUG")
    database = open_database(Config(_env_file=None, jobdata_dir=tmp_path))
    runs.open_run(database, RunRecord("r1", "boss", {"token": "hunter2"}))
    database.close()
    assert "hunter2" not in caplog.text
    assert Path(database.database).exists()
