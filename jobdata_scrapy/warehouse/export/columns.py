"""Columns of an export: what ClickHouse calls their types, and the expression that makes their cells. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from clickhouse_connect.driver.binding import quote_identifier

from jobdata_scrapy.warehouse.export.formats import Format

LIST_SEPARATOR = "; "
TIME_ZONE = "Asia/Shanghai"
# What makes a spreadsheet read a cell as a formula; full-width signs count in East Asian settings.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)", re.DOTALL)
_NUMBER = re.compile(r"U?Int\d+|Float\d+|BFloat16|Decimal")


class Kind(Enum):
    """What a cell of the column is."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    DAY = "day"
    MOMENT = "moment"
    LIST = "list"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Column:
    """name and ClickHouse type, as DESCRIBE tells them."""

    name: str
    type: str

    @property
    def kind(self) -> Kind:
        """Read from the type, whatever it is wrapped in."""
        bare = self.type
        while found := _WRAPPED.fullmatch(bare):
            bare = found[1]
        if bare.startswith("DateTime"):
            return Kind.MOMENT
        if bare.startswith("Date"):
            return Kind.DAY
        if bare.startswith("Array("):
            return Kind.LIST
        if bare == "Bool":
            return Kind.BOOL
        if _NUMBER.match(bare):
            return Kind.NUMBER
        return Kind.TEXT if bare.startswith(("String", "FixedString", "Enum", "UUID", "IPv")) else Kind.OTHER


def cell_expression(column: Column, fmt: Format) -> str:
    """The SQL of the column's cells in this format, named as the column."""
    name = quote_identifier(column.name)
    if not fmt.for_people:
        return name
    cell = name
    if column.kind is Kind.MOMENT:
        cell = f"formatDateTime({name}, '%Y-%m-%d %H:%i:%S', '{TIME_ZONE}')"
    elif column.kind is Kind.LIST:
        cell = f"arrayStringConcat(arrayMap(item -> ifNull(toString(item), ''), {name}), '{LIST_SEPARATOR}')"
    elif column.kind is Kind.OTHER:
        cell = f"toJSONString({name})"
    if fmt.name == "csv" and column.kind in (Kind.TEXT, Kind.LIST, Kind.OTHER):
        cell = _guard(f"toString({cell})")
    return f"{cell} AS {name}"


def _guard(text: str) -> str:
    """An apostrophe before what a spreadsheet would read as a formula."""
    starts = FORMULA_STARTS.replace("-", r"\\-").replace("\t", r"\t").replace("\r", r"\r").replace("\n", r"\n")
    return f"if(match({text}, '^[{starts}]'), concat('''', {text}), {text})"
