"""Decodes a site's JSON into msgspec Structs, so that an error names its field and one bad row is refused alone. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.items import Job, RejectedRow

T = TypeVar("T")

Text = str | None
"""An optional text; `text()` joins absent, null and "" to ""."""
FilledText = Annotated[str, msgspec.Meta(min_length=1)]
Id = FilledText | int
"""Sites write the same id as a string here and as a number there."""

_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`(?: - at `\$\.?(?P<path>.*)`)?$")
_WRONG = re.compile(r"(?P<reason>.+) - at `\$\.?(?P<path>.*)`$")


class RowError(ValueError):
    """One row that is no posting in the site's known shape. Caught by `read_rows`."""

    def __init__(self, field: str, reason: str = "is missing") -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


def decode(body: bytes, shape: type[T], platform: str, page_kind: str) -> T:
    """Decodes a whole answer. Raises ParseError naming the field, or "body" where it is no complete JSON."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise ParseError(platform, page_kind, *explain(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ParseError(platform, page_kind, "body", "is not complete JSON") from None


def convert(raw: Any, shape: type[T]) -> T:
    """Reads one decoded object as `shape`. Raises RowError naming the field."""
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        raise RowError(*explain(error)) from None


def convert_part(raw: Any, shape: type[T], platform: str, page_kind: str, part: str) -> T:
    """Reads the only object of an answer, found at `part`. Raises ParseError naming the field below `part`."""
    try:
        return convert(raw, shape)
    except RowError as error:
        field = part if error.field == "row" else f"{part}.{error.field}"
        raise ParseError(platform, page_kind, field, error.reason) from None


def explain(error: msgspec.ValidationError) -> tuple[str, str]:
    """(field, reason) out of msgspec's message, which tells types and paths but no values."""
    message = str(error)
    if missing := _MISSING.match(message):
        return ".".join(part for part in (missing["path"], missing["field"]) if part), "is missing"
    if wrong := _WRONG.match(message):
        return wrong["path"] or "row", wrong["reason"]
    return "row", message


def read_rows(
    rows: Sequence[Any], make_job: Callable[[dict[str, Any]], Job], platform: str, *, id_key: str, salary_key: str
) -> tuple[list[Job], list[RejectedRow]]:
    """Makes a Job of each raw row; a row for which `make_job` raises RowError is refused alone, with field and reason.

    Raises ParseError when more than half of the rows (two or more: one row proves nothing) are refused, or do not even carry
    `salary_key` (a renamed salary would otherwise pass as "not disclosed"): then the layout changed, not a row is bad.
    """
    jobs: list[Job] = []
    rejected: list[RejectedRow] = []
    for raw in rows:
        try:
            jobs.append(make_job(raw) if isinstance(raw, dict) else _refuse(raw))
        except RowError as error:
            known = raw if isinstance(raw, dict) else {}
            rejected.append(RejectedRow(error.field, error.reason, row_id=id_text(known.get(id_key)), raw=known))
    if 2 * len(rejected) > len(rows) > 1:
        (field, reason), count = Counter((row.field, row.reason) for row in rejected).most_common(1)[0]
        raise ParseError(platform, "search", field, f"{reason} in {count} of {len(rows)} rows")
    without = sum(salary_key not in job.raw for job in jobs)
    if 2 * without > len(rows) > 1:
        raise ParseError(platform, "search", salary_key, f"is missing in {without} of {len(rows)} rows")
    return jobs, rejected


def _refuse(raw: object) -> Job:
    raise RowError("row", f"Expected `object`, got `{type(raw).__name__}`")


def text(*values: str | None) -> str:
    """The first filled one of `values`, stripped; "" where all are absent, null or blank."""
    for value in values:
        stripped = value.strip() if value else ""
        if stripped:
            return stripped
    return ""


def id_text(value: object) -> str:
    """An id as text; "" for what is no id."""
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def amount(value: str | float | None) -> float | None:
    """A positive number; None for what sites write where they tell none: absent, null, "", "0" or words."""
    try:
        number = float(value or 0)
    except ValueError:
        return None
    return number if math.isfinite(number) and number > 0 else None


def monthly_range(
    low: str | float | None, high: str | float | None, salary_text: str
) -> tuple[float | None, float | None] | None:
    """(low, high) CNY per month from a site's numeric fields, None where it tells none.

    Only beside a monthly salary text: what the sites write into these fields for "200元/天" or "20万/年" was never seen.
    """
    if "/" in salary_text.replace("/月", ""):
        return None
    hint = amount(low), amount(high)
    return None if hint == (None, None) else hint
