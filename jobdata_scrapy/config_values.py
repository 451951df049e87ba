"""How single settings are read and checked. Each function raises ValueError with the rest of a line that begins with its name."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

# settings of an INSERT or of the protocol that the writer's promises hang on
OUR_SERVER_SETTINGS = frozenset(
    {"async_insert", "insert_deduplicate", "insert_deduplication_token", "insert_allow_materialized_columns", "readonly"}
)
# whose rows may go: `warehouse.retention` says how
KEPT_FOR_DAYS = re.compile(r"(?!pending_)[a-z][a-z0-9_]*_(job|company)|job_sighting|rejected_row|anomaly_event|reports")
MOST_DAYS = 18_250  # fifty years: a TTL ends in a DateTime, which goes to 2106 and begins anew after that: all would go at once
LEAST_SIGHTING_DAYS = 30  # below it a round that is still under way, or resumed, might lose what it has seen


def read_pairs(value: object) -> object:
    """`a=1,b=2` as a dict of texts; anything but a text as it is."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    return {name.strip(): given.strip() for name, _, given in pairs}


def check_http_url(value: str) -> str:
    """An http(s) URL with a host."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"{value!r} is not an http(s) URL such as http://127.0.0.1:8077")
    return value


def check_ca_file(value: str) -> str:
    """A file with certificates in PEM; "" stays."""
    if not value:
        return value
    if not Path(value).is_file():
        raise ValueError(f"there is no file {value!r}")
    try:
        ssl.create_default_context(cafile=value)
    except (ssl.SSLError, OSError):
        raise ValueError(f"{value!r} holds no certificate in PEM format") from None
    return value


def check_server_settings(value: dict[str, str]) -> dict[str, str]:
    """Settings of ClickHouse by name; those that this program sets itself are refused."""
    for name, given in value.items():
        if not re.fullmatch(r"[a-z]\w*", name) or not given:
            raise ValueError(f"'{name}={given}' is not name=value, such as max_execution_time=60")
        if name in OUR_SERVER_SETTINGS:
            raise ValueError(f"{name} is set by this program itself and cannot be changed")
    return value


def check_retention_days(value: dict[str, int]) -> dict[str, int]:
    """Days by table; 0: for ever."""
    for name, days in value.items():
        if not KEPT_FOR_DAYS.fullmatch(name):
            known = "<site>_job, <site>_company, job_sighting, rejected_row, anomaly_event, reports"
            raise ValueError(f"{name!r} is not one of {known}")
        if not 0 <= days <= MOST_DAYS:
            raise ValueError(f"{name}={days} must be a number of days, at most {MOST_DAYS}, or 0 for ever")
        if name == "job_sighting" and 0 < days < LEAST_SIGHTING_DAYS:
            raise ValueError(
                f"job_sighting={days} must be at least {LEAST_SIGHTING_DAYS} days (rounds under way need them), or 0"
            )
    return value
