"""The sandbox's arguments, checked before anything starts."""

from __future__ import annotations

import ipaddress
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.sandbox.rules import Control, ControlError, read_control

DEFAULT_TOKEN = "sandbox-token"  # noqa: S105 - known to everybody, opens nothing but the sandbox
DEFAULT_KEY = "sandbox-key"
DEFAULT_PORT = 8077
DEFAULT_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """port: 0 picks a free one; scenario: applied at the start; replay: folder of captured answers;
    boss_tokens: session tokens known besides DEFAULT_TOKEN; until_eof: end when standard input closes."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    seed: int = DEFAULT_SEED
    scenario: Control | None = None
    replay: Path | None = None
    boss_tokens: tuple[str, ...] = ()
    qcwy_key: str = DEFAULT_KEY
    until_eof: bool = False


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the sandbox's arguments to `parser` (ours, or that of the Scrapy command)."""
    parser.add_argument(
        "--port", default=str(DEFAULT_PORT), help=f"port to listen on, 0 picks a free one (default {DEFAULT_PORT})"
    )
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on (default 127.0.0.1)")
    parser.add_argument("--seed", default=str(DEFAULT_SEED), help="other numbers give other postings (default 1)")
    parser.add_argument("--scenario", metavar="FILE", help="JSON file with fault rules, as POST /_control takes them")
    parser.add_argument("--replay", metavar="DIR", help="serve the captured answers of this folder instead of made-up ones")
    parser.add_argument("--boss-token", metavar="T", action="append", default=[], help="a further session token boss knows")
    parser.add_argument("--qcwy-key", metavar="K", default=DEFAULT_KEY, help="key that qcwy's signature is verified with")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input closes (for programs that start it)")


def read_options(given: Namespace) -> SandboxOptions:
    """Checks parsed arguments. Raises ArgumentError with one line naming the argument and what is allowed."""
    if any(not token.strip() for token in given.boss_token):
        raise ArgumentError("--boss-token: must not be empty")
    if not given.qcwy_key:
        raise ArgumentError("--qcwy-key: must not be empty")
    return SandboxOptions(
        host=_read_host(given.host),
        port=_read_number("--port", given.port, 0, 65535),
        seed=_read_number("--seed", given.seed, 0, 2**63 - 1),
        scenario=_read_scenario(given.scenario),
        replay=_read_folder(given.replay),
        boss_tokens=tuple(given.boss_token),
        qcwy_key=given.qcwy_key,
        until_eof=given.until_eof,
    )


def _read_host(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ArgumentError(f"--host: {host!r} is not a loopback address; allowed: 127.0.0.0/8, ::1, localhost")
    return host


def _read_number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise ArgumentError(f"{name}: {text!r} is not a whole number from {low} to {high}")
    return int(text)


def _read_scenario(name: str | None) -> Control | None:
    if name is None:
        return None
    try:
        return read_control(Path(name).read_bytes())
    except OSError as error:
        raise ArgumentError(f"--scenario: cannot read {name!r}: {error.strerror}") from None
    except ControlError as error:
        raise ArgumentError(f"--scenario: {name}: {error}") from None


def _read_folder(name: str | None) -> Path | None:
    if name is None:
        return None
    folder = Path(name)
    if not folder.is_dir():
        raise ArgumentError(f"--replay: {name!r} is not a folder")
    return folder
