"""Where exits come from: settings, a file, a provider's address. Each bad line is told by its number, the good ones are used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.exceptions import ConfigError, ExitSourceError
from jobdata_scrapy.exits import Exit, read_exit, read_setting, tunnel_exits

SETTINGS, FILE, PROVIDER = "settings", "file", "provider"
PROVIDER_TIMEOUT_SECONDS = 10.0
LARGEST_ANSWER = 4 * 1024 * 1024
LIST_PLACES = ("data", "proxies", "proxy_list", "list", "result")  # where providers put their list inside a JSON object
HOST_KEYS, USER_KEYS, PASSWORD_KEYS, SCHEME_KEYS = (
    ("ip", "host", "server"),
    ("user", "username"),
    ("pass", "password"),
    ("scheme", "protocol"),
)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that names no exit. number: from 1; reason: without the line itself, which may hold a password."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class ExitList:
    """All that one source names. Names are unique."""

    exits: tuple[Exit, ...] = ()
    bad: tuple[BadLine, ...] = ()

    def describe_bad(self, limit: int = 5) -> str:
        """The bad lines in words, "" where there is none."""
        told = [f"line {line.number}: {line.reason}" for line in self.bad[:limit]]
        more = [f"and {len(self.bad) - limit} more"] if len(self.bad) > limit else []
        return "; ".join(told + more)


def has_exits(config: Config) -> bool:
    """Whether any proxy is configured. If so, nothing leaves by the machine's own address, whatever becomes of the proxies."""
    secrets = (config.proxy_url, config.proxy_list, config.proxy_provider_url)
    return bool(config.proxy_tunnel or config.proxy_file or any(secret_value(one) for one in secrets))


def read_exits(config: Config) -> dict[str, ExitList]:
    """What SETTINGS and FILE name, each as a whole; the provider is asked by `fetch_exits`.

    Raises ConfigError naming the setting where it is wrong, its file cannot be read, or none of its lines can be used.
    """
    named = read_by_setting(config)
    file = named.pop("PROXY_FILE")
    exits = {one.name: one for listed in named.values() for one in listed.exits}
    return {SETTINGS: ExitList(tuple(exits.values()), named["PROXY_LIST"].bad), FILE: file}


def read_by_setting(config: Config) -> dict[str, ExitList]:
    """Setting -> the exits that it names; as `read_exits`, whose sources may be several settings."""
    given: dict[str, ExitList] = {}
    if url := secret_value(config.proxy_url):
        given["PROXY_URL"] = ExitList((read_setting(url, "PROXY_URL"),))
    elif config.proxy_tunnel:
        given["PROXY_TUNNEL"] = ExitList(tuple(tunnel_exits(config)))
    text = secret_value(config.proxy_list)
    given["PROXY_LIST"] = _insist("PROXY_LIST", text, parse_lines(text.split(","), config.proxy_scheme))
    given["PROXY_FILE"] = _read_file(config)
    return given


def parse_lines(lines: Iterable[str], default_scheme: str = "http") -> ExitList:
    """The exits in lines of text; empty ones and `#` comments are left out, and a proxy that stands twice is told."""
    exits: dict[str, Exit] = {}
    first: dict[str, int] = {}
    bad = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found = read_exit(line, default_scheme)
            place = found.name.partition("://")[2]  # one address is one exit, whatever is spoken to it: the pace is the address's
            if place in first and exits.get(found.name) != found:
                raise ValueError(f"the same proxy as in line {first[place]}, with another scheme or password")
        except ValueError as error:
            bad.append(BadLine(number, str(error)))
            continue
        exits[found.name] = found
        first.setdefault(place, number)
    return ExitList(tuple(exits.values()), tuple(bad))


def parse_answer(body: bytes, default_scheme: str = "http") -> ExitList:
    """A provider's answer: text lines, or JSON with a list of lines or of objects with ip and port. Raises ExitSourceError."""
    text = body.decode("utf-8-sig", "replace")
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        if text.lstrip().startswith(("<", "{")):
            raise ExitSourceError("PROXY_PROVIDER_URL: the answer is neither a list of proxies nor whole JSON") from None
        return parse_lines(text.splitlines(), default_scheme)
    rows = _find_list(content)
    if rows is None:
        code = content.get("code") if isinstance(content, dict) else None
        told = f"; it says code {code}" if isinstance(code, int) else ""
        raise ExitSourceError(f"PROXY_PROVIDER_URL: the answer holds no list of proxies{told}")
    return parse_lines([_make_line(row) for row in rows], default_scheme)


def fetch_exits(config: Config, *, timeout: float = PROVIDER_TIMEOUT_SECONDS) -> ExitList:
    """Asks PROXY_PROVIDER_URL; blocks for `timeout` seconds a read at most, so it is called off the event loop.

    An empty list is an answer. Raises ExitSourceError, naming the host and never the address, which may hold a key.
    """
    url = secret_value(config.proxy_provider_url)
    host = urlsplit(url).hostname
    try:
        with requests.get(url, timeout=timeout, stream=True) as answer:
            body = _read_body(answer)
    except requests.RequestException as error:
        raise ExitSourceError(f"PROXY_PROVIDER_URL: {host} could not be asked: {type(error).__name__}") from None
    if answer.status_code != 200:
        raise ExitSourceError(f"PROXY_PROVIDER_URL: {host} answered HTTP {answer.status_code}")
    if len(body) > LARGEST_ANSWER:
        raise ExitSourceError(f"PROXY_PROVIDER_URL: {host} answered more than {LARGEST_ANSWER} bytes")
    found = parse_answer(body, config.proxy_scheme)
    if found.bad and not found.exits:
        raise ExitSourceError(f"PROXY_PROVIDER_URL: {host} named no proxy that can be used; {found.describe_bad()}")
    return found


def _read_body(answer: requests.Response) -> bytes:
    """The body, cut after LARGEST_ANSWER."""
    body = bytearray()
    for chunk in answer.iter_content(65536):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            break
    return bytes(body)


def _read_file(config: Config) -> ExitList:
    if not config.proxy_file:
        return ExitList()
    try:
        lines = Path(config.proxy_file).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ConfigError(f"PROXY_FILE: {config.proxy_file!r} cannot be read: {reason}") from None
    return _insist("PROXY_FILE", config.proxy_file, parse_lines(lines, config.proxy_scheme))


def _insist(setting: str, given: str, found: ExitList) -> ExitList:
    """Refuses a setting that is there and names nothing: going on without a proxy would show the machine's own address."""
    if given.strip() and not found.exits:
        raise ConfigError(f"{setting}: names no proxy that can be used; {found.describe_bad() or 'it is empty'}")
    return found


def _find_list(content: Any, depth: int = 2) -> Sequence[Any] | None:
    if isinstance(content, list):
        return content
    if not isinstance(content, dict) or depth == 0:
        return None
    return next((found for place in LIST_PLACES if (found := _find_list(content.get(place), depth - 1)) is not None), None)


def _make_line(row: Any) -> str:
    """A row as one of the forms that `read_exit` takes; what is no row becomes a line that it refuses."""
    if not isinstance(row, dict):
        return str(row) if isinstance(row, str) else "?"
    host, port, user, password, scheme = (
        next((str(row[key]) for key in keys if row.get(key) not in (None, "")), "")
        for keys in (HOST_KEYS, ("port",), USER_KEYS, PASSWORD_KEYS, SCHEME_KEYS)
    )
    line = f"{host}:{port}:{user}:{password}" if user else f"{host}:{port}"
    return f"{scheme}://{line}" if scheme else line
