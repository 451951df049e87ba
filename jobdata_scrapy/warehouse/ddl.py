"""Reads the statements of `schema/`: enough of CREATE TABLE to make it anew elsewhere, or to append its columns. Pure.

It reads what this project writes; whether the outcome is SQL is for the engine to say (tests ask it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TEXT_OR_COMMENT = re.compile(r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
_CREATE_TABLE = re.compile(r"\s*CREATE\s+TABLE\s+IF\s+NOT\s+EXISTS\s+(\w+)\s*(?=\()", re.IGNORECASE)
_ENGINE = re.compile(r"\s*ENGINE\s*=\s*(\w+)\s*", re.IGNORECASE)
ALTER_TABLE = re.compile(r"ALTER\s+TABLE\s+(\w+)\s+", re.IGNORECASE)
_COLUMN = re.compile(r"`?(\w+)`?\s+(\w+)\s*")
_NO_COLUMN = ("INDEX", "PROJECTION", "CONSTRAINT")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. rest: DEFAULT, CODEC, SETTINGS as they stand."""

    name: str
    type: str
    rest: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.type} {self.rest}".rstrip()

    @property
    def is_computed(self) -> bool:
        """Whether the server fills it in by its clock."""
        return re.match(r"DEFAULT\s+now", self.rest, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class CreateTable:
    """A CREATE TABLE IF NOT EXISTS. extras: indexes, projections; arguments: of the engine; tail: all that follows it."""

    name: str
    columns: tuple[Column, ...]
    extras: tuple[str, ...]
    engine: str
    arguments: str
    tail: str

    @property
    def column_names(self) -> list[str]:
        """In order."""
        return [column.name for column in self.columns]

    @property
    def body(self) -> str:
        """What stands in the brackets."""
        return ",\n    ".join([*map(str, self.columns), *self.extras])

    @property
    def sorting_key(self) -> list[str]:
        """The expressions of ORDER BY."""
        found = re.search(r"\bORDER\s+BY\s+", self.tail, re.IGNORECASE)
        if not found:
            return []
        rest = self.tail[found.end() :]
        inner = read_brackets(rest)[1:-1] if rest.startswith("(") else re.split(r"\s", rest, maxsplit=1)[0]
        return [part.strip() for part in split_top_level(inner) if part.strip()]


def read_create_table(sql: str) -> CreateTable | None:
    """The statement's parts; None for anything but a CREATE TABLE IF NOT EXISTS with columns and an engine."""
    sql = strip_comments(sql)
    head = _CREATE_TABLE.match(sql)
    if not head:
        return None
    inner = read_brackets(sql[head.end() :])
    after = sql[head.end() + len(inner) :]
    engine = _ENGINE.match(after)
    if not engine:
        return None
    after = after[engine.end() :]
    arguments = read_brackets(after) if after.startswith("(") else ""
    items = [item.strip() for item in split_top_level(inner[1:-1])]
    return CreateTable(
        name=head[1],
        columns=tuple(read_column(item) for item in items if not item.upper().startswith(_NO_COLUMN)),
        extras=tuple(item for item in items if item.upper().startswith(_NO_COLUMN)),
        engine=engine[1],
        arguments=arguments[1:-1].strip(),
        tail=after[len(arguments) :].strip().rstrip(";"),
    )


def altered_table(sql: str) -> str:
    """The table of an ALTER TABLE, "" for any other statement."""
    found = ALTER_TABLE.match(strip_comments(sql))
    return found[1] if found else ""


def read_actions(sql: str) -> list[str]:
    """The actions of an ALTER TABLE, one by one."""
    text = strip_comments(sql)
    found = ALTER_TABLE.match(text)
    return [action.strip() for action in split_top_level(text[found.end() :])] if found else []


def read_column(item: str) -> Column:
    """A column's definition. Raises ValueError for what is none."""
    found = _COLUMN.match(item)
    if not found:
        raise ValueError(f"{item!r} is no column")
    rest = item[found.end() :]
    arguments = read_brackets(rest) if rest.startswith("(") and found[0] == found[0].rstrip() else ""
    return Column(found[1], found[2] + arguments, rest[len(arguments) :].strip())


def strip_comments(sql: str) -> str:
    """The statement without its comments; what stands in quotes stays."""
    return _TEXT_OR_COMMENT.sub(lambda found: "" if found[0].startswith(("--", "/*")) else found[0], sql).strip()


def read_brackets(text: str) -> str:
    """The beginning of `text` up to the bracket that closes its first one. Raises ValueError where none does."""
    depth = 0
    for position, character in _outside_quotes(text):
        depth += (character == "(") - (character == ")")
        if character == ")" and depth == 0:
            return text[: position + 1]
    raise ValueError(f"no closing bracket in {text[:60]!r}")


def split_top_level(text: str) -> list[str]:
    """The parts between commas that stand in no brackets and no quotes."""
    parts, depth, begin = [], 0, 0
    for position, character in _outside_quotes(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[begin:position])
            begin = position + 1
    return [*parts, text[begin:]]


def _outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    quoted = {position for found in _TEXT_OR_COMMENT.finditer(text) for position in range(*found.span())}
    return ((position, character) for position, character in enumerate(text) if position not in quoted)
