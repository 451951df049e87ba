"""How clickhouse-connect is set up for a server or the local one, and what its refusals mean for a person."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.httputil import all_managers, check_env_proxy, get_pool_manager
from urllib3 import PoolManager

from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.warehouse.local_server.files import ServerState

CONNECT_SECONDS = 5
ANSWER_SECONDS = 60
# The engine's default of async_insert is 1 now, with deduplication off. In a table of the older system our columns are
# MATERIALIZED, so that its writers and readers do not meet them (`warehouse.legacy`).
SETTINGS = {"async_insert": "0", "insert_allow_materialized_columns": "1"}
# On a cluster an INSERT is on the disks of a majority of each shard's replicas when it returns. A look-up asks the first replica
# of each shard. What one Distributed table reads for another's IN or JOIN is right wherever its rows lie.
CLUSTER_SETTINGS = {
    "distributed_foreground_insert": "1",
    "insert_quorum": "auto",
    "load_balancing": "in_order",
    "distributed_product_mode": "global",
    "distributed_ddl_task_timeout": str(ANSWER_SECONDS - 10),
}
AUTHENTICATION_FAILED, ACCESS_DENIED, READONLY = 516, 497, 164
# OpenSSL's numbers, https://www.openssl.org/docs/manmaster/man3/X509_STORE_CTX_get_error.html
HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH, CERT_HAS_EXPIRED = 62, 64, 10


class DatabaseRefused(DatabaseError):
    """The database is not there and may not be made. Raised when the client connects."""


class SettingsRefused(DatabaseError):
    """The first statement with CLICKHOUSE_SETTINGS was refused; the message is ClickHouse's. Raised when the client connects."""


def make_pool(config: Config) -> PoolManager:
    """The connections of one client. HTTP_PROXY of the environment stands between us and a server, never before loopback."""
    if not config.clickhouse_host:
        return get_pool_manager()
    scheme = "https" if config.clickhouse_secure else "http"
    options: dict[str, Any] = {"maxsize": config.clickhouse_connections, "verify": config.clickhouse_verify}
    if config.clickhouse_ca_file:
        options["ca_cert"] = config.clickhouse_ca_file
    if proxy := check_env_proxy(scheme, config.clickhouse_host, config.clickhouse_port):
        options[f"{scheme}_proxy"] = proxy
    return get_pool_manager(**options)


def drop_pool(pool: PoolManager) -> None:
    """Closes the idle connections; clickhouse-connect forgets the pool."""
    pool.clear()
    all_managers.pop(pool, None)


def open_driver(config: Config, pool: PoolManager, state: ServerState | None, *, answer_seconds: int = ANSWER_SECONDS) -> Client:
    """A connected client. `state`: where the local server is; None for CLICKHOUSE_HOST. Raises what clickhouse-connect raises.

    `answer_seconds`: how long nothing may come while an answer is awaited or read.
    """
    common: dict[str, Any] = {
        "autogenerate_session_id": False,
        "connect_timeout": CONNECT_SECONDS,
        "send_receive_timeout": answer_seconds,
        "tz_mode": "aware",  # times are aware UTC datetimes everywhere
        "settings": session_settings(config),
        "pool_mgr": pool,
    }
    if state is not None:
        where: dict[str, Any] = {"host": state.host, "port": state.port, "username": state.username, "password": state.password}
        return clickhouse_connect.get_client(**where, **common, compress=False)
    return clickhouse_connect.get_client(
        host=config.clickhouse_host,
        port=config.clickhouse_port,
        username=config.clickhouse_user,
        password=secret_value(config.clickhouse_pass),
        interface="https" if config.clickhouse_secure else "http",
        verify=config.clickhouse_verify,
        compress=False if config.clickhouse_compression == "none" else config.clickhouse_compression,
        **common,
    )


def session_settings(config: Config) -> dict[str, str]:
    """Sent with every query: those a cluster needs, over them the operator's, over them what must not change."""
    return (CLUSTER_SETTINGS if config.clickhouse_cluster else {}) | config.clickhouse_settings | SETTINGS


def explain_refusal(error: BaseException, config: Config) -> str:
    """What no retry mends and a setting does, as the end of "ClickHouse (address) ..."; "" for anything else."""
    if reason := _explain_certificate(error):
        return reason
    code, user = getattr(error, "code", None), config.clickhouse_user
    if isinstance(error, DatabaseRefused):
        return (
            f"shows CLICKHOUSE_USER {user!r} no database {config.clickhouse_db!r} (CLICKHOUSE_DB) and lets it make none: "
            "make it, and grant the rights that docs/deploy.md names"
        )
    if code == AUTHENTICATION_FAILED:
        return f"refused CLICKHOUSE_USER {user!r} with CLICKHOUSE_PASS"
    if isinstance(error, SettingsRefused):
        given = ",".join(f"{name}={value}" for name, value in config.clickhouse_settings.items())
        return f"does not take CLICKHOUSE_SETTINGS {given}: {error}"
    return ""


def is_tls_refusal(error: BaseException) -> bool:
    """Whether the certificate, or the absence of TLS, ended the connection: trying again changes nothing."""
    return bool(_explain_certificate(error))


def _explain_certificate(error: BaseException) -> str:
    for one in _causes(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            if one.verify_code in (HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH):
                return "shows a certificate of another host: see CLICKHOUSE_HOST"
            if one.verify_code == CERT_HAS_EXPIRED:
                return "shows a certificate that has expired"
            return f"shows a certificate that is not trusted ({one.verify_message}): name its CA in CLICKHOUSE_CA_FILE"
        if isinstance(one, ssl.SSLError) and one.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return "does not speak TLS at this port: see CLICKHOUSE_PORT and CLICKHOUSE_SECURE"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it: urllib3 keeps it in `reason` or among the arguments."""
    pending: list[Any] = [error]
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            pending += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
