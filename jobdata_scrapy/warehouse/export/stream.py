"""Reads what ClickHouse sends for a format, chunk by chunk, and notices when it ends before its end."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError
from urllib3.exceptions import HTTPError

from jobdata_scrapy.exceptions import ExportError
from jobdata_scrapy.warehouse.client import WarehouseClient, describe_error
from jobdata_scrapy.warehouse.export.columns import cell_expression
from jobdata_scrapy.warehouse.export.formats import Format
from jobdata_scrapy.warehouse.export.selection import Selection

ANSWER_SECONDS = 900  # an export may look through millions of postings before the first one fits
CHUNK_BYTES = 1 << 18
ERROR_BYTES = 1 << 15  # ClickHouse's error block has 16 KiB at most
TAG_HEADER = "X-ClickHouse-Exception-Tag"
# An error of servers that send no tag: the last thing in the answer.
_UNTAGGED = re.compile(rb"Code: \d+\. DB::Exception: [^\0]*\(version [^\n]*\)\s*\Z")
READ_SETTINGS: dict[str, Any] = {
    # The tables are sorted by posting: grouped in that order, the view needs the memory of a few blocks, not of all postings.
    "optimize_aggregation_in_order": 1,
    "aggregation_in_order_max_block_bytes": 1 << 20,
    "max_block_size": 8192,
    "max_query_size": 1 << 28,  # an answer travels inside its statement
    "http_write_exception_in_output_format": 0,
}
FORMAT_SETTINGS: dict[str, Any] = {
    "date_time_input_format": "best_effort",
    "date_time_output_format": "iso",
    "format_csv_null_representation": "",
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_denormals": 0,
    "output_format_json_escape_forward_slashes": 0,
    "output_format_json_validate_utf8": 1,
    "output_format_parquet_row_group_size": 100_000,
}


def count_rows(client: WarehouseClient, selection: Selection) -> int:
    """How many rows it has now."""
    sql = f"SELECT count() FROM ({selection.sql})"  # noqa: S608 - values are parameters
    rows = client.query(sql, selection.parameters, READ_SETTINGS | FORMAT_SETTINGS).result_rows
    return int(rows[0][0])


def read_chunks(client: WarehouseClient, selection: Selection, fmt: Format) -> Generator[bytes, None, None]:
    """The bytes of the selection in `fmt.wire`, whole to the last, in chunks of any size. Closing it ends the query.

    Raises WarehouseUnavailable or DatabaseError where no answer begins, ExportError where one breaks off.
    """
    cells = ", ".join(cell_expression(column, fmt) for column in selection.columns)
    sql = f"SELECT {cells} FROM ({selection.sql})"  # noqa: S608 - values are parameters
    settings = READ_SETTINGS | FORMAT_SETTINGS
    response: Any = client.run(
        lambda driver: driver.raw_stream(sql, parameters=selection.parameters, settings=settings, fmt=fmt.wire)
    )
    held = b""  # the last bytes may be an error
    try:
        for chunk in _read_body(response):
            held += chunk
            if len(held) > ERROR_BYTES:
                yield held[:-ERROR_BYTES]
                held = held[-ERROR_BYTES:]
    finally:
        response.close()
    if error := find_error(held, response.headers.get(TAG_HEADER, "")):
        raise ExportError(f"the warehouse broke off: {error}")
    yield held


def find_error(end: bytes, tag: str) -> str:
    """The error that the end of an answer holds, in one line; "" where there is none.

    tag: of the block that an error travels in, "" where the server announced none.
    https://clickhouse.com/docs/interfaces/http#http_response_codes_caveats
    """
    if not tag:
        found = _UNTAGGED.search(end)
        text = found[0] if found else b""
    else:
        _, _, text = end.partition(f"__exception__\r\n{tag}\r\n".encode())
    return describe_error(DatabaseError(text.decode(errors="replace"))) if text else ""


def read_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of the chunks, without their ends."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _read_body(response: Any) -> Iterator[bytes]:
    try:
        yield from response.stream(CHUNK_BYTES, decode_content=True)
    except (HTTPError, OSError) as error:
        raise ExportError(f"the warehouse stopped in the middle of its answer ({type(error).__name__})") from error
