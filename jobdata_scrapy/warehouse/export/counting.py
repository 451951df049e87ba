"""How many rows a file has, told from its own bytes: what was written, not what was meant. Pure but for reading a footer."""

from __future__ import annotations

import os
from pathlib import Path

from jobdata_scrapy.exceptions import ExportError

PARQUET_MAGIC = b"PAR1"
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_SIZES = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}  # a boolean field is its head alone
_NUM_ROWS = 3


class LineCounter:
    """Rows of JSON lines."""

    def count(self, chunk: bytes) -> int:
        """How many rows end in the chunk."""
        return chunk.count(b"\n")


class CsvCounter:
    """Rows of CSV: line ends outside of quotes. A quote inside of quotes is doubled and changes nothing."""

    def __init__(self) -> None:
        self._quoted = False

    def count(self, chunk: bytes) -> int:
        """How many rows end in the chunk."""
        parts = chunk.split(b'"')
        rows = sum(part.count(b"\n") for part in parts[int(self._quoted) :: 2])
        self._quoted ^= len(parts) % 2 == 0
        return rows


def count_parquet_rows(path: Path) -> int:
    """`num_rows` of the file's footer, a Thrift struct in the compact protocol.

    https://parquet.apache.org/docs/file-format/metadata/ Raises ExportError for a file that has none.
    """
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(max(size - 8, 0))
        length, magic = int.from_bytes(file.read(4), "little"), file.read(4)
        if magic != PARQUET_MAGIC or length > size - 12:
            raise ExportError("the Parquet file has no footer: it was cut short")
        file.seek(size - 8 - length)
        return _CompactReader(file.read(length)).find_number(_NUM_ROWS)


class _CompactReader:
    """As much of https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md as finding a number takes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def find_number(self, wanted: int) -> int:
        """The integer field `wanted` of the struct that the data begin with."""
        field = 0
        while (head := self._byte()) != _STOP:
            field = field + (head >> 4) if head >> 4 else self._zigzag()
            if field == wanted:
                return self._zigzag()
            self._skip(head & 15)
        raise ExportError("the Parquet file's footer tells no number of rows")

    def _byte(self) -> int:
        self._at += 1
        if self._at > len(self._data):
            raise ExportError("the Parquet file's footer is cut short")
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, kind: int) -> None:
        if kind == _STRUCT:
            while (head := self._byte()) != _STOP:
                if not head >> 4:
                    self._zigzag()
                self._skip(head & 15)
        elif kind in (_LIST, _SET):
            head = self._byte()
            for _ in range(head >> 4 if head >> 4 < 15 else self._varint()):
                self._skip(_BYTE if head & 15 in (_TRUE, _FALSE) else head & 15)
        elif kind == _BINARY:
            length = self._varint()
            self._at += length
        elif kind in _SIZES:
            self._at += _SIZES[kind]
        else:
            self._varint()
