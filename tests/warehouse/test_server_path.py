"""A server of one's own: TLS, password, rights and settings are checked, and each refusal is one line naming its setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import WarehouseUnavailable
from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.driver import session_settings
from jobdata_scrapy.warehouse.local_server.files import ServerFiles, ServerState
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.tls_parts import Certificates, make_certificates, tls_in_front_of
from tests.warehouse.warehouse_parts import make_config, make_job, make_page

pytestmark = pytest.mark.slow
Connect = Callable[..., WarehouseClient]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates") / "right")


@pytest.fixture
def server(client: WarehouseClient, server_dir: Path) -> ServerState:
    """The shared server, as a server that CLICKHOUSE_HOST names."""
    client.command("SELECT 1")
    state = ServerFiles(server_dir).running_state()
    assert state is not None
    return state


@pytest.fixture
def connect_to(server: ServerState, client: WarehouseClient) -> Iterator[Connect]:
    """`connect_to(port, **settings)`: a client of the test's database through `port`."""
    opened: list[WarehouseClient] = []

    def connect_one(port: int = 0, **given: Any) -> WarehouseClient:
        settings = {
            "clickhouse_host": "127.0.0.1",
            "clickhouse_port": port or server.port,
            "clickhouse_user": server.username,
            "clickhouse_pass": server.password,
            "clickhouse_db": client.database,
        } | given
        opened.append(connect(make_config(Path("unused"), **settings), attempts=6, sleep=lambda _: None))
        return opened[-1]

    yield connect_one
    for one in opened:
        one.close()


def refusal_of(client: WarehouseClient) -> str:
    with pytest.raises(WarehouseUnavailable) as refused:
        client.command("SELECT 1")
    (line,) = str(refused.value).splitlines()
    return line


def test_everything_works_through_tls_and_is_compressed(connect_to: Connect, server: ServerState, certificates: Certificates):
    with tls_in_front_of(server.port, certificates.chain) as tls:
        client = connect_to(tls.port, clickhouse_secure=True, clickhouse_ca_file=str(certificates.ca))
        assert client.where == f"https://127.0.0.1:{tls.port}"
        apply_schema(client)
        writer = Writer(client)
        page = make_page([make_job("j1"), make_job("j2")])
        assert writer.store(page).new == 2
        assert client.query("SELECT job_id FROM boss_job ORDER BY job_id").result_rows == [("j1",), ("j2",)]
        client.close()
    assert b"Content-Encoding: lz4" in tls.heard
    assert b"Accept-Encoding: lz4\r\n" in tls.heard
    assert b"async_insert=0" in tls.heard


@pytest.mark.parametrize("name", ["lz4", "zstd", "gzip", "none"])
def test_rows_travel_in_the_compression_that_is_set(
    connect_to: Connect, server: ServerState, certificates: Certificates, name: str
):
    with tls_in_front_of(server.port, certificates.chain) as tls:
        client = connect_to(
            tls.port, clickhouse_secure=True, clickhouse_ca_file=str(certificates.ca), clickhouse_compression=name
        )
        apply_schema(client)
        jobs = [make_job(f"j{number}", description="负责数据分析" * 50) for number in range(20)]
        assert Writer(client).store(make_page(jobs)).new == 20
        assert client.query("SELECT count(), uniqExact(job_id), any(length(description)) FROM boss_job").first_row == (
            20,
            20,
            900,
        )
        client.close()
    assert {line for line in bytes(tls.heard).split(b"\r\n") if line.startswith(b"Content-Encoding: ")} == (
        set() if name == "none" else {f"Content-Encoding: {name}".encode()}
    )
    assert name == "none" or f"Accept-Encoding: {name}\r\n".encode() in tls.heard


def test_an_unknown_authority_is_refused_at_once(
    connect_to: Connect, server: ServerState, certificates: Certificates, tmp_path: Path
):
    other = make_certificates(tmp_path / "other")
    with tls_in_front_of(server.port, certificates.chain) as tls:
        for settings in ({}, {"clickhouse_ca_file": str(other.ca)}):
            client = connect_to(tls.port, clickhouse_secure=True, **settings)
            line = refusal_of(client)
            assert line.startswith(f"ClickHouse (https://127.0.0.1:{tls.port}) shows a certificate that is not trusted (")
            assert line.endswith(": name its CA in CLICKHOUSE_CA_FILE")
            assert server.password not in line
        assert tls.connections == 0  # no handshake was finished: no password went out


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_verification_is_off_only_when_told(connect_to: Connect, server: ServerState, certificates: Certificates):
    with tls_in_front_of(server.port, certificates.chain) as tls:
        client = connect_to(tls.port, clickhouse_secure=True, clickhouse_verify=False)
        assert client.command("SELECT 1") == 1
        client.close()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"host": "clickhouse.example"}, "of another host: see CLICKHOUSE_HOST"), ({"days": -1}, "that has expired")],
)
def test_a_certificate_that_does_not_fit(
    connect_to: Connect, server: ServerState, tmp_path: Path, wrong: dict[str, Any], told: str
):
    own = make_certificates(tmp_path / "own", **wrong)
    with tls_in_front_of(server.port, own.chain) as tls:
        line = refusal_of(connect_to(tls.port, clickhouse_secure=True, clickhouse_ca_file=str(own.ca)))
    assert line.endswith(f"shows a certificate {told}")


def test_https_to_a_port_that_speaks_http(connect_to: Connect, server: ServerState):
    line = refusal_of(connect_to(clickhouse_secure=True))
    assert line.endswith("does not speak TLS at this port: see CLICKHOUSE_PORT and CLICKHOUSE_SECURE")


def test_a_wrong_password(connect_to: Connect, server: ServerState):
    line = refusal_of(connect_to(clickhouse_pass="s3cret-word"))
    assert line == f"ClickHouse (http://127.0.0.1:{server.port}) refused CLICKHOUSE_USER 'default' with CLICKHOUSE_PASS"


def test_a_database_that_may_not_be_made(connect_to: Connect):
    """A user of a profile that only reads: the engine itself refuses CREATE DATABASE."""
    read_only = connect_to(clickhouse_db="not_there_yet")
    driver_settings = session_settings(read_only.config) | {"readonly": "2"}
    line = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobdata_scrapy.warehouse.driver.session_settings", lambda _: driver_settings)
        line = refusal_of(read_only)
    assert "shows CLICKHOUSE_USER 'default' no database 'not_there_yet' (CLICKHOUSE_DB) and lets it make none" in line


@pytest.mark.parametrize(("name", "value"), [("no_such_setting", "1"), ("max_execution_time", "soon")])
def test_a_setting_that_the_server_does_not_take(connect_to: Connect, name: str, value: str):
    line = refusal_of(connect_to(clickhouse_settings={name: value}))
    assert f"does not take CLICKHOUSE_SETTINGS {name}={value}: " in line


def test_settings_of_the_operator_are_in_force(connect_to: Connect):
    client = connect_to(clickhouse_settings={"max_threads": "1", "max_result_rows": "5"}, clickhouse_connections=2)
    assert client.query("SELECT getSetting('max_threads'), getSetting('async_insert')").first_row == (1, False)


def test_a_look_up_may_find_nothing_whatever_the_operators_settings_say(connect_to: Connect):
    client = connect_to(clickhouse_settings={"empty_result_for_aggregation_by_empty_set": "1"})
    assert Writer(client).store(make_page([make_job("a")])).new == 1


def test_what_a_cluster_needs_stands_below_the_operators_settings():
    config = Config(_env_file=None, clickhouse_host="h", clickhouse_cluster="c", clickhouse_settings={"insert_quorum": "2"})
    assert session_settings(config)["insert_quorum"] == "2"
    assert session_settings(config)["distributed_foreground_insert"] == "1"
    assert "insert_quorum" not in session_settings(Config(_env_file=None, clickhouse_host="h"))
