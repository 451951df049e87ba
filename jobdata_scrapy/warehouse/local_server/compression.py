"""HTTP content encodings that clickhouse-connect uses: lz4 (frame), zstd and gzip. On loopback our own client uses none."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import lz4.frame

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class _Decoder(Protocol):
    """Decodes one frame; what comes behind its end is left over."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes | None: ...

    def decompress(self, data: bytes, /) -> bytes: ...


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
    "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 32),
    "deflate": lambda: zlib.decompressobj(zlib.MAX_WBITS | 32),
}


def decompress(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The decoded chunks of a request body. Raises ValueError for an encoding that is not known."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return iter(chunks)
    if encoding not in _DECODERS:
        raise ValueError(f"Content-Encoding {encoding!r} is not one of {', '.join(_DECODERS)}")
    return _decode(chunks, _DECODERS[encoding])


def _decode(chunks: Iterable[bytes], make_decoder: Callable[[], _Decoder]) -> Iterator[bytes]:
    """A body may be several frames: with lz4 and zstd, clickhouse-connect makes one of each block of rows."""
    decoder = make_decoder()
    for chunk in chunks:
        rest: bytes | None = chunk
        while rest:
            if decoder.eof:
                decoder = make_decoder()
            yield decoder.decompress(rest)
            rest = decoder.unused_data if decoder.eof else None


class Encoder:
    """Compresses an answer with lz4 or gzip, whichever Accept-Encoding offers; `name` is "" where it offers neither."""

    def __init__(self, accept: str) -> None:
        offered = {part.split(";")[0].strip().lower() for part in accept.split(",")}
        self.name = next((name for name in ("lz4", "gzip") if name in offered), "")
        self._head = b""
        self._feed: Callable[[bytes], bytes] = bytes
        self._flush: Callable[[], bytes] = bytes
        if self.name == "lz4":
            frame = lz4.frame.LZ4FrameCompressor()
            self._head, self._feed, self._flush = frame.begin(), frame.compress, frame.flush
        elif self.name == "gzip":
            stream = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
            self._feed, self._flush = stream.compress, stream.flush

    def encode(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The encoded chunks, the frame's own head and end included."""
        yield self._head
        for chunk in chunks:
            yield self._feed(chunk)
        yield self._flush()
