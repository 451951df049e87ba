"""HTTP content encodings that clickhouse-connect uses by default: lz4 (frame) and gzip. On loopback our own client uses none."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator

import lz4.frame


def decompress(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The decoded chunks of a request body. Raises ValueError for an encoding that is not known."""
    feed = _decoder(encoding.strip().lower())
    return (feed(chunk) for chunk in chunks)


def _decoder(encoding: str) -> Callable[[bytes], bytes]:
    if encoding in ("", "identity"):
        return bytes
    if encoding == "lz4":
        return lz4.frame.LZ4FrameDecompressor().decompress
    if encoding in ("gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress
    raise ValueError(f"Content-Encoding {encoding!r} is not one of lz4, gzip, deflate")


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
