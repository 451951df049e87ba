"""Counters whose memory does not grow with the length of a run. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(slots=True)
class TopCounter:
    """The most frequent names of a stream, from at most 4 x `capacity` names; `exact` until rare ones were dropped."""

    capacity: int = 500
    exact: bool = True
    _counts: Counter[str] = field(default_factory=Counter)

    def update(self, names: Iterable[str]) -> None:
        """Counts each of `names` once; drops the rarest names when there are too many."""
        self._counts.update(names)
        if len(self._counts) > 4 * self.capacity:
            self._counts = Counter(dict(self._counts.most_common(self.capacity)))
            self.exact = False

    def most_common(self, limit: int) -> list[tuple[str, int]]:
        """At most `limit` (name, count), the most frequent first, equal counts by name."""
        return sorted(self._counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]

    def __len__(self) -> int:
        return len(self._counts)


@dataclass(slots=True)
class BoundedCounter(Generic[KeyT]):
    """Counts at most `max_keys` keys; what comes later is counted under `overflow`, so that the sum always holds."""

    overflow: KeyT
    max_keys: int = 200
    counts: Counter[KeyT] = field(default_factory=Counter)

    def add(self, key: KeyT) -> KeyT:
        """Counts `key` once and returns the key it was counted under."""
        kept = key if key in self.counts or len(self.counts) < self.max_keys else self.overflow
        self.counts[kept] += 1
        return kept

    def most_common(self) -> list[tuple[KeyT, int]]:
        """All (key, count), the most frequent first."""
        return self.counts.most_common()

    @property
    def total(self) -> int:
        """Everything counted so far."""
        return self.counts.total()


_SMALLEST_SECONDS = 0.001
_GROWTH = 1.1  # a quantile is at most 10 % off
_EDGES = tuple(accumulate(range(140), lambda edge, _: edge * _GROWTH, initial=_SMALLEST_SECONDS))  # 1 ms to 10 minutes


@dataclass(slots=True)
class LatencyBuckets:
    """Seconds in fixed logarithmic buckets: exact min and max, quantiles to 10 % up to 10 minutes."""

    count: int = 0
    low: float = float("inf")
    high: float = 0.0
    _buckets: list[int] = field(default_factory=lambda: [0] * (len(_EDGES) + 1))

    def add(self, seconds: float) -> None:
        """Counts one latency. A clock that was set back gives a negative one, which counts as 0."""
        seconds = max(seconds, 0.0)
        self.count += 1
        self.low = min(self.low, seconds)
        self.high = max(self.high, seconds)
        self._buckets[bisect_right(_EDGES, seconds)] += 1

    def quantile(self, share: float) -> float | None:
        """The latency below which `share` (0 to 1) of the answers came, None without answers."""
        if not self.count:
            return None
        below = accumulate(self._buckets)
        index = next(i for i, count in enumerate(below) if count >= share * self.count and count > 0)
        upper = _EDGES[index] if index < len(_EDGES) else self.high
        return min(max(upper, self.low), self.high)

    def summary(self) -> dict[str, float | int | None]:
        """count, and min, median, p95, max in seconds (None without answers)."""
        known = bool(self.count)
        return {
            "count": self.count,
            "min": round(self.low, 4) if known else None,
            "median": _round(self.quantile(0.5)),
            "p95": _round(self.quantile(0.95)),
            "max": round(self.high, 4) if known else None,
        }


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
