"""What is tried again, how often, and what is said when it was in vain."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from jobdata_scrapy.exceptions import WarehouseUnavailable
from jobdata_scrapy.warehouse.client import connect, describe_error, is_transient
from tests.warehouse.warehouse_parts import make_config


@pytest.fixture
def free_port() -> int:
    """A loopback port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_gives_up_after_the_attempts_without_telling_the_password(
    tmp_path: Path, free_port: int, caplog: pytest.LogCaptureFixture
):
    waited: list[float] = []
    given = {"clickhouse_host": "127.0.0.1", "clickhouse_port": free_port, "clickhouse_pass": "s3cret-word"}
    client = connect(make_config(tmp_path, **given), attempts=4, sleep=waited.append)
    with caplog.at_level(logging.DEBUG), pytest.raises(WarehouseUnavailable) as failure:
        client.command("SELECT 1")
    client.close()
    assert str(failure.value).startswith(f"ClickHouse (http://127.0.0.1:{free_port}) did not answer after 4 attempts: ")
    assert len(waited) == 3
    assert waited[0] < waited[1] < waited[2] <= 8.2
    assert "s3cret-word" not in str(failure.value) + caplog.text


def test_a_server_that_never_answers_is_asked_once(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        given = {"clickhouse_host": "127.0.0.1", "clickhouse_port": server.getsockname()[1]}
        client = connect(make_config(tmp_path, **given), attempts=6, answer_seconds=1)
        with pytest.raises(WarehouseUnavailable, match="did not answer after 1 attempt: "):
            client.command("SELECT 1")
        client.close()


def test_closing_ends_the_waiting(tmp_path: Path, free_port: int):
    client = connect(
        make_config(tmp_path, clickhouse_host="127.0.0.1", clickhouse_port=free_port), sleep=lambda _: client.close()
    )
    with pytest.raises(WarehouseUnavailable, match="the warehouse client is closed"):
        client.command("SELECT 1")


def test_nothing_is_started_before_the_first_use(tmp_path: Path):
    client = connect(make_config(tmp_path / "data"))
    client.close()
    assert client.embedded
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OperationalError("Error ReadTimeoutError executing HTTP request"), True),
        (DatabaseError("HTTP driver received HTTP status 502, server response: Bad Gateway"), True),
        (DatabaseError("HTTP driver received HTTP status 404, server response: Not Found"), False),
        (DatabaseError("Code: 252", code=252), True),
        (DatabaseError("Code: 60", code=60), False),
        (ValueError("x"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, expected: bool):
    assert is_transient(error) is expected


def test_errors_are_told_in_one_line():
    text = "Received ClickHouse exception, code: 60, server response: Code: 60. DB::Exception: No table x. (UNKNOWN_TABLE)"
    assert describe_error(DatabaseError(text + " (version 26.9.2.1 (embedded)) (for url http://h:1)")) == (
        "No table x. (UNKNOWN_TABLE)"
    )
    assert describe_error(OperationalError("Error ... Read timed out. (read timeout=60) ...")) == "timed out"
