"""What the HTTP door must know of a statement: where an INSERT's data begin, its format, whether it keeps state. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = rb"(?:`(?:[^`\\]|\\.)+`|\"(?:[^\"\\]|\\.)+\"|\w+)"
_INSERT = re.compile(
    rb"\s*(?P<into>INSERT\s+INTO\s+(?:TABLE\s+)?" + _NAME + rb"(?:\s*\.\s*" + _NAME + rb")?\s*"
    rb"(?:\((?:`(?:[^`\\]|\\.)*`|[^()`])*\)\s*)?)(?P<settings>SETTINGS\s+[^;]+?\s*)?(?<=[\s)`\"])"
    rb"FORMAT\s+(?P<format>\w+)[ \t]*(?:\r?\n|;|(?P<end>$))",
    re.IGNORECASE | re.DOTALL,
)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
FORMAT_TAIL = 200
_COMMENTS = r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
_STATEFUL = re.compile(_COMMENTS + r"(SET|USE|CREATE\s+(OR\s+REPLACE\s+)?TEMPORARY)\b", re.IGNORECASE | re.DOTALL)
_SELECTS = re.compile(_COMMENTS + r"\(*\s*(SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
_SHOWS_ROWS = re.compile(_COMMENTS + r"\(*\s*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS|CHECK)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose data follow the statement. into: its table and columns; settings: its clause of them, or "".

    rest: data that were read with the statement.
    """

    into: str
    settings: str
    format: str
    rest: bytes

    def from_file(self, path: str) -> str:
        """The statement that reads its data from a file."""
        return f"{self.into} FROM INFILE {quote(path)} {self.settings} FORMAT {self.format}"

    def from_function(self, path: str) -> str:
        """The same, as a SELECT: its columns may be any that an INSERT may have."""
        return f"{self.into} {self.settings} SELECT * FROM file({quote(path)}, {quote(self.format)})"  # noqa: S608 - it is its own


def read_insert(head: bytes, *, whole: bool) -> Insert | None:
    """The INSERT ... FORMAT that `head` begins with. `whole`: nothing follows, so it may end with the format's name."""
    found = _INSERT.match(head)
    if not found or (found["end"] is not None and not whole):
        return None
    settings = (found["settings"] or b"").decode()
    return Insert(found["into"].decode(), settings, found["format"].decode(), head[found.end() :])


def split_format(sql: str) -> tuple[str, str]:
    """The statement without its FORMAT, and the format ("" where none is named)."""
    found = _FORMAT.search(sql, max(0, len(sql) - FORMAT_TAIL))  # a statement may hold thousands of ids
    return (sql[: found.start()], found[1]) if found else (sql, "")


def keeps_state(sql: str) -> bool:
    """Whether the statement changes what a session remembers."""
    return bool(_STATEFUL.match(sql))


def shows_rows(sql: str) -> bool:
    """Whether the statement answers with rows (its answer has a format)."""
    return bool(_SHOWS_ROWS.match(sql))


def selects(sql: str) -> bool:
    """Whether the statement is a SELECT, which may also stand behind an INSERT INTO."""
    return bool(_SELECTS.match(sql))


def quote(value: object) -> str:
    """A string literal."""
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """An identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def native_header(columns: list[tuple[str, str]]) -> bytes:
    """An empty block of the Native format: (name, type) of each column, no rows. The engine itself sends none for no rows."""
    parts = [_leb128(len(columns)), _leb128(0)]
    for name, kind in columns:
        for text in (name.encode(), kind.encode()):
            parts += [_leb128(len(text)), text]
    return b"".join(parts)


def _leb128(number: int) -> bytes:
    """ClickHouse's VarUInt."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
