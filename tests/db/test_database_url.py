import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.config import Config
from jobdata_scrapy.db.connection import make_database
from jobdata_scrapy.db.errors import describe
from jobdata_scrapy.db.url import MysqlUrl, SqliteUrl, parse_database_url
from jobdata_scrapy.exceptions import ConfigError

DEFAULT = Path("data/jobdata.sqlite")


def test_nothing_set_is_the_file_in_jobdata_dir():
    assert parse_database_url("", DEFAULT) == SqliteUrl(DEFAULT)
    database = make_database(Config(_env_file=None, jobdata_dir=Path("somewhere")))
    assert database.database == str(Path.cwd() / "somewhere" / "jobdata.sqlite")


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///a/b.db", "a/b.db"), ("sqlite:////srv/b.db", "/srv/b.db"), ("sqlite:///%E6%95%B0%20x.db", "数 x.db")],
)
def test_sqlite_path(url, path):
    assert parse_database_url(url, DEFAULT) == SqliteUrl(Path(path))


def test_mysql_url():
    url = parse_database_url("mysql://app:p%40ss@db.example:3307/jobs?charset=utf8mb4&read_timeout=5", DEFAULT)
    assert url == MysqlUrl("db.example", 3307, "jobs", "app", "p@ss", {"charset": "utf8mb4", "read_timeout": 5})
    assert parse_database_url("mysql://app@db/jobs", DEFAULT) == MysqlUrl("db", 3306, "jobs", "app", "", {})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://app:hunter2@h/d", "unknown scheme"),
        ("hunter2", "unknown scheme"),
        ("mysql://app:hunter2@/d", "user, host and database name"),
        ("mysql://app:hunter2@h", "user, host and database name"),
        ("mysql://h/hunter2", "user, host and database name"),
        ("mysql://app:hunter2/x@h/d", "host or port"),
        ("mysql://app:x#hunter2@h/d", "host or port"),
        ("mysql://app:hunter2@h/d?hunter2=1", "unknown option"),
        ("mysql://app:hunter2@h/d?charset=utf8", "charset must be utf8mb4"),
        ("mysql://app:hunter2@h/d?read_timeout=hunter2", "whole number of seconds"),
        ("sqlite://hunter2", "three slashes"),
        ("sqlite:///:memory:", "path of a file"),
        ("sqlite:///", "path of a file"),
        ("sqlite:///x?hunter2=1", "three slashes"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_the_password(url, reason):
    with pytest.raises(ConfigError) as caught:
        make_database(Config(_env_file=None, database_url=url))
    message = str(caught.value)
    assert message.startswith("DATABASE_URL: ")
    assert reason in message
    assert "mysql://user:password@host:3306/name" in message
    assert "sqlite:///path" in message
    assert "hunter2" not in message


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    assert_read_or_refused(text)


@given(st.sampled_from(["mysql://", "sqlite://", "mysql://a:b@h/d?", "mysql://a:b@h:"]), st.text(max_size=30))
def test_any_rest_is_read_or_refused(start, rest):
    assert_read_or_refused(start + rest)


def assert_read_or_refused(url: str) -> None:
    with contextlib.suppress(ConfigError):  # no other error may come out
        assert isinstance(parse_database_url(url, DEFAULT), SqliteUrl | MysqlUrl)


def test_messages_name_the_database_without_user_and_password():
    database = make_database(Config(_env_file=None, database_url="mysql://app:hunter2@db:3307/jobs"))
    assert describe(database) == "mysql://db:3307/jobs"
