"""The formats of an export, and which one a file's name asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobdata_scrapy.exceptions import ArgumentError


@dataclass(frozen=True, slots=True)
class Format:
    """wire: the ClickHouse format that is asked for; for_people: opened in a spreadsheet: Beijing time, lists as text."""

    name: str
    wire: str
    for_people: bool

    @property
    def suffix(self) -> str:
        """How its files end."""
        return f".{self.name}"


FORMATS = {
    one.name: one
    for one in (
        Format("xlsx", "JSONCompactEachRow", for_people=True),
        Format("csv", "CSV", for_people=True),
        Format("parquet", "Parquet", for_people=False),
        Format("jsonl", "JSONEachRow", for_people=False),
    )
}


def pick_format(name: str, path: Path) -> Format:
    """The format called `name`, or, for "", the one that the suffix of `path` asks for.

    Raises ArgumentError for an unknown name or suffix, and where the two contradict each other.
    """
    by_suffix = {one.suffix: one for one in FORMATS.values()}.get(path.suffix.lower())
    known = ", ".join(FORMATS)
    if name and name not in FORMATS:
        raise ArgumentError(f"format: {name!r} is unknown; allowed: {known}")
    if not name and by_suffix is None:
        suffix = f"{path.suffix!r} of {path.name!r} names no format" if path.suffix else f"{path.name!r} has no suffix"
        raise ArgumentError(f"-o: {suffix}; allowed: {', '.join(one.suffix for one in FORMATS.values())}, or --format")
    if name and by_suffix and by_suffix.name != name:
        raise ArgumentError(f"format: {name!r} contradicts the suffix of {path.name!r}; allowed: a name that ends in .{name}")
    return FORMATS[name] if name else by_suffix  # type: ignore[return-value] # one of the two is there
