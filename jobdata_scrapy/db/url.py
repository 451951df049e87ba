"""Reads DATABASE_URL. Pure. No message repeats any part of it: a password that was not percent-encoded may be anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from jobdata_scrapy.exceptions import ConfigError

ALLOWED = "allowed: mysql://user:password@host:3306/name?charset=utf8mb4 or sqlite:///path (special characters percent-encoded)"
SECONDS_OPTIONS = ("connect_timeout", "read_timeout", "write_timeout")
TEXT_OPTIONS = ("charset", "ssl_ca", "unix_socket")


@dataclass(frozen=True, slots=True)
class SqliteUrl:
    """A file."""

    path: Path


@dataclass(frozen=True, slots=True)
class MysqlUrl:
    """A MySQL or MariaDB server. options: further arguments of `pymysql.connect`; time-outs in seconds."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    options: dict[str, str | int]


def parse_database_url(url: str, default: Path) -> SqliteUrl | MysqlUrl:
    """Reads `mysql://user:password@host:port/name?option=value` or `sqlite:///path` (relative; absolute with a fourth slash).

    An empty `url` is the SQLite file `default`. Raises ConfigError naming DATABASE_URL and what is allowed.
    """
    if not url:
        return SqliteUrl(default)
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError:  # its text repeats what stands where the port should be, which may be half a password
        raise _wrong("host or port cannot be read") from None
    if parts.scheme == "sqlite":
        return _read_sqlite(parts)
    if parts.scheme == "mysql":
        return _read_mysql(parts, port)
    raise _wrong("unknown scheme")


def _read_sqlite(parts: SplitResult) -> SqliteUrl:
    path = unquote(parts.path[1:])
    if parts.netloc or parts.query or parts.fragment:
        raise _wrong("a SQLite URL is three slashes and a path, nothing else")
    if not path or path.startswith(":"):
        raise _wrong("a SQLite URL needs the path of a file (several processes share it)")
    return SqliteUrl(Path(path))


def _read_mysql(parts: SplitResult, port: int) -> MysqlUrl:
    name = unquote(parts.path[1:])
    if not parts.hostname or not parts.username or not name or "/" in name or parts.fragment:
        raise _wrong("user, host and database name are needed")
    options = {key: _read_option(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True)}
    return MysqlUrl(parts.hostname, port, name, unquote(parts.username), unquote(parts.password or ""), options)


def _read_option(key: str, value: str) -> str | int:
    if key in SECONDS_OPTIONS:
        if not value.isdecimal() or int(value) == 0:
            raise _wrong(f"{key} is a whole number of seconds above 0")
        return int(value)
    if key not in TEXT_OPTIONS:
        raise _wrong(f"unknown option; known are {', '.join((*TEXT_OPTIONS, *SECONDS_OPTIONS))}")
    if key == "charset" and value != "utf8mb4":
        raise _wrong("charset must be utf8mb4 (the narrower ones cannot hold every keyword)")
    return value


def _wrong(reason: str) -> ConfigError:
    return ConfigError(f"DATABASE_URL: {reason}; {ALLOWED}")
