"""An INSERT that says whether it was written.

Its data go to a file first, and the engine reads them from there in one statement, whose errors it raises. chDB also takes data
in pieces, but then answers as if all rows were written, also where a constraint or a full disk refused them; and data that
stand in the statement itself end for it at a blank line.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from jobdata_scrapy.warehouse.local_server.statement import Insert

if TYPE_CHECKING:
    from jobdata_scrapy.warehouse.local_server.engine import Handle


NO_SUCH_COLUMN = "(NO_SUCH_COLUMN_IN_TABLE)"


def run_insert(handle: Handle, insert: Insert, chunks: Iterable[bytes], folder: Path) -> str:
    """Runs the INSERT; rows written, as text. folder: for the file, which has no name there and goes with the request.

    Raises RuntimeError with the engine's words where they were not written.
    """
    with TemporaryFile(dir=folder) as file:
        file.write(insert.rest)
        for chunk in chunks:
            file.write(chunk)
        path = f"/dev/fd/{file.fileno()}"
        try:
            file.seek(0)  # which also writes it; and where opening it anew means the same place in it, it is to be the start
            return str(handle.query(insert.from_file(path)).rows_written())
        except RuntimeError as error:
            if NO_SUCH_COLUMN not in str(error):
                raise
        file.seek(0)  # a MATERIALIZED column (`warehouse.legacy`), which INFILE does not find
        return str(handle.query(insert.from_function(path)).rows_written())
