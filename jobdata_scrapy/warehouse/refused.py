"""Rows that cannot be written: which of a block they are, in which field, and why; and errors that are not about data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.exceptions import RowsRefused
from jobdata_scrapy.warehouse.client import describe_error
from jobdata_scrapy.warehouse.rows import Block

# What ClickHouse says of values: not parsed, not converted, out of range, no NULL allowed, against a constraint, too large.
# https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
DATA_CODES = frozenset({6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 128, 131, 190, 321, 349, 395, 407, 469, 691})
MAX_REFUSED = 50  # of one unit; bounds what splitting costs
ALWAYS_ALLOWED = 5
WHOLE_ROW = "row"
VALUES = re.compile(r" Column values:| before: '")  # from here on a message shows them


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one row cannot be written. field: its column; reason: without its value."""

    field: str
    reason: str


class BlockRefused(Exception):
    """An INSERT that failed for its data. bad: place in the block -> refusal; empty where splitting has to tell."""

    def __init__(self, error: BaseException, bad: Mapping[int, Refusal]) -> None:
        super().__init__(str(error))
        self.error = error
        self.bad = bad


def is_about_data(error: DatabaseError) -> bool:
    """Whether another INSERT without the row at fault would go through. A missing table, a quota, a right that lacks: no."""
    return error.code in DATA_CODES


def explain_row(block: Block, error: BaseException) -> Refusal:
    """The refusal of a row that ClickHouse refused alone, as far as its message tells."""
    reason = VALUES.split(describe_error(error), maxsplit=1)[0]
    text = reason.partition("Expression:")[2] or reason.replace(block.table, "")
    places = {found.start(): name for name in block.columns if (found := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))}
    return Refusal(places[min(places)] if places else WHOLE_ROW, reason)


def check_share(table: str, refused: Sequence[Refusal], rows: int) -> None:
    """Raises RowsRefused where so many rows are refused that it cannot be their own fault."""
    if len(refused) > min(MAX_REFUSED, max(ALWAYS_ALLOWED, rows // 4)):
        first = f"{refused[0].field}: {refused[0].reason}"
        raise RowsRefused(f"the warehouse refuses {len(refused)} or more of {rows} rows of {table}, the first for {first}")
