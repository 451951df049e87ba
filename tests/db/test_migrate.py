import logging
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import peewee as pw
import pytest
from peewee_migrate import Migrator
from peewee_migrate.auto import diff_many

import jobdata_scrapy
from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.config import Config
from jobdata_scrapy.db import migrations, runs
from jobdata_scrapy.db.connection import make_database, open_database
from jobdata_scrapy.db.exits import list_exits
from jobdata_scrapy.db.migrate import PackageRouter, migrate
from jobdata_scrapy.db.models import MODELS
from jobdata_scrapy.db.pool_models import ExitPoint
from jobdata_scrapy.exceptions import StorageError

NAMES = [
    "001_runs_and_coverage",
    "002_keywords",
    "003_tokens_and_exits",
    "004_locks_anomalies_budgets",
    "005_spool",
    "006_rounds_by_time",
    "007_exit_nodes",
]


def indexes(database: pw.Database) -> set[tuple[str, tuple[str, ...], bool]]:
    found = [index for model in MODELS for index in database.get_indexes(model._meta.table_name)]
    return {(index.table, tuple(index.columns), index.unique) for index in found}


def test_migrations_run_once(database, open_db):
    assert migrate(database) == []
    history = database.execute_sql("SELECT name FROM migratehistory").fetchall()
    assert [name for (name,) in history] == NAMES
    assert migrate(open_db()) == []


def test_models_and_migrations_say_the_same(database):
    migrator = Migrator(database)
    router = PackageRouter(database, migrate_module=migrations, logger=logging.getLogger("test"))
    for name in router.todo:
        router.run_one(name, migrator, fake=True)
    assert diff_many(list(MODELS), list(migrator.orm), migrator) == []
    assert {model._meta.table_name for model in MODELS} <= set(database.get_tables())
    for model in MODELS:
        columns = [column.name for column in database.get_columns(model._meta.table_name)]
        assert columns == list(model._meta.columns)


def test_indexes_are_there(database):
    assert indexes(database) >= {
        ("coverage", ("platform", "keyword", "city", "round"), True),
        ("coverage", ("platform", "keyword", "city", "updated_at"), False),
        ("coverage", ("run_id",), False),
        ("coverage", ("updated_at",), False),
        ("crawl_run", ("platform", "started_at"), False),
        ("keyword", ("platform", "keyword", "city"), True),
        ("keyword", ("queue_key", "queued_at"), False),
        ("keyword", ("platform", "wake_at"), False),
        ("exit_lease", ("platform", "exit_name"), True),
        ("site_lock", ("key",), True),
    }


def test_a_migration_goes_on_where_a_killed_process_left_it(database):
    whole = indexes(database)
    database.execute_sql("DELETE FROM migratehistory")
    database.execute_sql("DROP TABLE crawl_run")
    on_table = " ON coverage" if isinstance(database, pw.MySQLDatabase) else ""
    (index,) = [index.name for index in database.get_indexes("coverage") if index.columns == ["run_id"]]
    database.execute_sql(f"DROP INDEX {index}{on_table}")
    assert migrate(database) == NAMES
    assert indexes(database) == whole


def test_exits_named_for_all_nodes_at_once_are_retired(database):
    given = {
        "proxy_url": None,
        "encrypted": False,
        "active": True,
        "created_at": datetime.now(UTC),
        "updated_at": datetime.now(UTC),
    }
    for source in ("settings", "file", "provider", "manual", "settings@node-1"):
        ExitPoint.insert(given | {"name": "http://a:1", "source": source}).execute(database)
    database.execute_sql("DELETE FROM migratehistory WHERE name = '007_exit_nodes'")
    assert migrate(database) == ["007_exit_nodes"]
    assert {row.source for row in list_exits(database)} == {"manual", "settings@node-1"}


def test_a_failing_migration_leaves_sqlite_as_it_was(tmp_path, monkeypatch):
    database = make_database(Config(_env_file=None, jobdata_dir=tmp_path))

    def fail(*_):
        raise pw.OperationalError("no room left")

    monkeypatch.setattr(PackageRouter, "todo", [*NAMES, "900_fails"])
    real_read = PackageRouter.read
    monkeypatch.setattr(
        PackageRouter,
        "read",
        lambda self, name: (
            (lambda migrator, *_, **__: migrator.run(fail), None) if name == "900_fails" else real_read(self, name)
        ),
    )
    with pytest.raises(StorageError, match="no room left"):
        migrate(database)
    assert database.get_tables() == []
    assert database.pragma("foreign_keys") == 1
    database.close()


def test_without_permission_nothing_is_migrated_and_the_setting_is_named(config, open_db):
    refused = config.model_copy(update={"run_migrations_on_startup": False})
    with pytest.raises(StorageError, match=r"migrations 001_runs_and_coverage, .* have not run; set RUN_MIGRATIONS_ON_STARTUP"):
        open_database(refused).close()
    database = open_db()
    again = open_database(refused)
    assert runs.find_run(again) is None
    again.close()
    assert "crawl_run" in database.get_tables()


def test_a_missing_table_is_explained(database):
    database.execute_sql("DROP TABLE crawl_run")
    with pytest.raises(StorageError, match=r"RUN_MIGRATIONS_ON_STARTUP"):
        runs.open_run(database, RunRecord("r1", "boss"))


@pytest.mark.slow
def test_migrations_run_from_a_zipped_egg(tmp_path):
    package = Path(jobdata_scrapy.__file__).parent
    egg = tmp_path / "jobdata.egg"
    with zipfile.ZipFile(egg, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in package.rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                archive.write(path, Path("jobdata_scrapy") / path.relative_to(package))
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import jobdata_scrapy; assert jobdata_scrapy.__file__.startswith(sys.argv[1]), jobdata_scrapy.__file__\n"
        "from jobdata_scrapy.config import Config\n"
        "from jobdata_scrapy.db.connection import open_database\n"
        "print(sorted(open_database(Config(_env_file=None, jobdata_dir=sys.argv[2])).get_tables()))\n"
    )
    command = [sys.executable, "-I", "-c", code, str(egg), str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=tmp_path, timeout=60)
    assert done.stderr == ""
    assert done.stdout.strip() == str(sorted(["migratehistory", *(model._meta.table_name for model in MODELS)]))
