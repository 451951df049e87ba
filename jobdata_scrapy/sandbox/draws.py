"""Everything that looks random follows from a hash, so that the same question always has the same answer."""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect
from itertools import accumulate
from random import Random
from typing import Any

STRIDES = (1, 7, 11)


def digest(*parts: object, size: int = 16) -> bytes:
    """`size` bytes (at most 64) that depend on every part."""
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=size).digest()


def number(*parts: object) -> int:
    """A whole number below 2**64 that depends on every part."""
    return int.from_bytes(digest(*parts, size=8), "big")


def text(*parts: object, length: int) -> str:
    """`length` (at most 85) URL-safe characters that depend on every part."""
    return base64.urlsafe_b64encode(digest(*parts, size=64)).decode()[:length]


class Weighted:
    """Rows of [value, weight, ...], made ready for many draws."""

    def __init__(self, rows: list[list[Any]]) -> None:
        self.rows = rows
        self.bounds = list(accumulate(float(row[1]) for row in rows))


class Draw:
    """One stream of choices that depends on every part."""

    def __init__(self, *parts: object) -> None:
        self._random = Random(number(*parts))  # noqa: S311 - made-up postings, not secrets

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1."""
        return int(self._random.random() * limit)

    def chance(self, share: float) -> bool:
        """True in `share` of all cases."""
        return self._random.random() < share

    def pick(self, choices: Any) -> Any:
        """One of a sequence."""
        return choices[int(self._random.random() * len(choices))]

    def some(self, choices: list[str], low: int, high: int) -> list[str]:
        """`low` to `high` different ones of a list whose length has no divisor in common with STRIDES."""
        start, stride, length = self.below(len(choices)), self.pick(STRIDES), len(choices)
        return [choices[(start + step * stride) % length] for step in range(low + self.below(high - low + 1))]

    def weighted(self, table: Weighted) -> list[Any]:
        """One row of a table."""
        return table.rows[bisect(table.bounds, self._random.random() * table.bounds[-1])]
