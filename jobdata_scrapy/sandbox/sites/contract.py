"""What a request and an answer are to a fake site, and what a fake site is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import orjson

if TYPE_CHECKING:
    from jobdata_scrapy.sandbox.filters import Filters
    from jobdata_scrapy.sandbox.rules import Rule
    from jobdata_scrapy.sandbox.state import SandboxState

JSON = "application/json;charset=utf-8"
HTML = "text/html;charset=utf-8"
ITEMS_KEPT = 20_000  # rendered rows, about 3 KB each
SHELL_DATA = b"%DATA%"
WEB = "-www"  # after the prefix of a site: the host of the pages that people read
PREFIXES = {"boss": "/boss", "qcwy": "/qcwy", "zhilian": "/zhilian"}


@dataclass(slots=True)
class Ask:
    """One request. `path` and `target` (path and query, as sent) stand without the sandbox's prefix; header names in lower case;
    `web`: asked of the host of the pages that people read.

    Below the line: what the site reads out of it. `page` is None where there is none or it cannot be read, `filters` where one
    has a code that the site does not know.
    """

    site: str
    kind: str
    method: str
    path: str
    target: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes
    address: str
    web: bool = False
    # ---
    keyword: str = ""
    city_code: str = ""
    page: int | None = None
    size: int = 0
    token: str = ""
    filters: Filters | None = ()


@dataclass(slots=True)
class Reply:
    """One answer: `payload` becomes JSON, else `body` goes out as it is. `refused`: the check of the site that failed.

    `shell`: an HTML page that has the payload in place of `SHELL_DATA`, as base64: only a browser that runs its script shows it.
    """

    payload: Any = None
    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    refused: str = ""
    shell: bytes = b""

    def encode(self) -> bytes:
        """The body as it goes on the wire."""
        if self.shell:
            return self.shell.replace(SHELL_DATA, b64encode(orjson.dumps(self.payload)))
        return self.body if self.payload is None else orjson.dumps(self.payload)


@dataclass(frozen=True, slots=True)
class Fields:
    """Where the id and the name stand in a record: dotted paths, for the faults that rename, retype and break."""

    ids: tuple[str, ...]
    names: tuple[str, ...]


class Site(Protocol):
    """One fake site. `paths`: path -> page kind; `web_paths`: the same by the path's first part, on the host of the pages that
    people read; `records`: the postings or companies in an answer, changeable in place."""

    name: str
    paths: Mapping[str, str]
    web_paths: Mapping[str, str]

    def read(self, ask: Ask) -> None:
        """Fills what stands below the line of `Ask`."""

    def refuse(self, ask: Ask, state: SandboxState) -> Reply | None:
        """The site's own checks: its refusal, or None."""

    def answer(self, ask: Ask, state: SandboxState, cap: int | None) -> Reply:
        """The answer of a healthy site; `cap` is a smaller result cap put on by a fault."""

    def failure(self, rule: Rule, ask: Ask) -> Reply:
        """How this site tells the faults whose wire shape is its own."""

    def records(self, kind: str, payload: Any) -> list[dict[str, Any]]:
        """The records of an answer; [] where it holds none."""

    def fields(self, kind: str) -> Fields:
        """Where ids and names stand in a record."""

    def empty(self, payload: Any, *, silent: bool) -> None:
        """Takes the rows out of a list answer, in place: totals kept, or (silent) as a search without results looks."""


def join_object(fresh: dict[str, Any], kept: bytes) -> orjson.Fragment:
    """One JSON object of what changes with every request and of a rendered rest, which is not rendered again."""
    return orjson.Fragment(orjson.dumps(fresh)[:-1] + b"," + kept[1:])


def read_whole(text: object, default: int | None = None) -> int | None:
    """A whole number from 1 out of a parameter; `default` where it is absent, None where it is something else."""
    if text is None or text == "":
        return default
    if isinstance(text, bool):
        return None
    digits = str(text)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) > 0 else None
