"""When a posting counts as closed, and when as reopened. Pure; the view `job_lifecycle` says the same in SQL, for all at once.

The rule:

1. Only a *complete* round of a search says that a posting is missing: one that the ledger calls `done`, that looks like the
   rounds of its search before it (`healthy`, see `crawl_rounds`), and that began after the search itself had last shown the
   posting. Capped, partial and failed rounds say nothing. A round that goes on while another of the same search begins and ends
   is left out, too: one that is resumed days later is no picture of one moment.
2. A search *stands for* a posting from its last sighting of it on, unless it has missed it once while another search still
   showed it afterwards: such a search has dropped the posting for reasons of its own, and says nothing any more.
3. A posting is closed when a search that stands for it has had CLOSED_AFTER_ROUNDS complete rounds without it, and so has every
   other one. A search that has not had them CLOSED_WAIT_DAYS after its last sighting is waited for no longer: one that was
   crawled once holds nothing open for ever.
4. It was closed at the end of the first complete round that missed it. What is seen again after that was reopened.
5. The site's own word is stronger: a posting whose page says that it is gone is closed at once, and a list that shows it in the
   very same round does not count. Shown in a later round, it is open again.

Everything goes by the times at which pages were fetched, so that it does not matter when, or in which order, they came in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from jobdata_scrapy.config import Config

Search = tuple[str, str]
"""keyword and city, of one site."""


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """closed_after: complete rounds without it; wait_days: see the rule."""

    closed_after: int = 2
    wait_days: int = 30

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """CLOSED_AFTER_ROUNDS and CLOSED_WAIT_DAYS."""
        return cls(config.closed_after_rounds, config.closed_wait_days)


@dataclass(frozen=True, slots=True, order=True)
class Sighting:
    """A posting on a list page of a round."""

    seen_at: datetime
    keyword: str
    city: str
    round: str

    @property
    def search(self) -> Search:
        """Whose list it was."""
        return self.keyword, self.city


@dataclass(frozen=True, slots=True, order=True)
class Pass:
    """A complete, healthy round: its first and its last sighting of any posting."""

    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Gone:
    """The posting's own page said in this round that it is no longer there."""

    at: datetime
    round: str


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """sightings: rounds that showed it; closures: (closed, seen again or None), the last one last."""

    first_seen: datetime
    last_seen: datetime
    sightings: int
    closures: tuple[tuple[datetime, datetime | None], ...] = ()

    @property
    def closed_at(self) -> datetime | None:
        """None while it is open."""
        return self.closures[-1][0] if self.closures and self.closures[-1][1] is None else None

    @property
    def reopened_at(self) -> datetime | None:
        """When it was last seen again after it had been closed."""
        again = [moment for _, moment in self.closures if moment is not None]
        return again[-1] if again else None

    @property
    def reopened(self) -> int:
        """How often."""
        return sum(again is not None for _, again in self.closures)


@dataclass(frozen=True, slots=True)
class _Step:
    """A sighting and what its search did next. misses: ends of the complete rounds begun after it, in order."""

    seen_at: datetime
    again_at: datetime | None
    misses: tuple[datetime, ...]


def judge_lifecycle(
    sightings: Iterable[Sighting],
    passes: Mapping[Search, Sequence[Pass]],
    gone: Iterable[Gone],
    rule: LifecycleRule,
    now: datetime,
    pruned_until: datetime | None = None,
) -> Lifecycle:
    """The lifecycle of one posting, by the rule above. `passes`: the complete rounds of each search that showed it.

    pruned_until: sightings from before may have been deleted, so that rounds between two of them need not have missed it.
    Raises ValueError without a sighting.
    """
    shown = _last_of_each_round(sightings)
    if not shown:
        raise ValueError("a posting that was never sighted has no lifecycle")
    gone = list(gone)
    empty_rounds = {one.round for one in gone}
    alive = [one for one in shown if one.seen_at == shown[0].seen_at or one.round not in empty_rounds]
    steps = _follow_searches(alive, passes)
    closures = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        until = following.seen_at if following else now
        closed = [one.at for one in gone if step.seen_at <= one.at < until]
        if following is None or pruned_until is None or step.seen_at >= pruned_until:
            closed += _missed(steps, step.seen_at, until, rule)
        if closed:
            closures.append((min(closed), following.seen_at if following else None))
    return Lifecycle(shown[0].seen_at, steps[-1].seen_at, len(shown), tuple(closures))


def order_passes(rounds: Iterable[Pass]) -> list[Pass]:
    """Complete rounds of one search, those left out within which another began and ended; in order of time."""
    kept: list[Pass] = []
    for one in sorted(set(rounds), key=lambda one: (-one.began.timestamp(), one.ended)):
        if not kept or one.ended < kept[-1].ended:
            kept.append(one)
    return kept[::-1]


def _missed(steps: Sequence[_Step], last: datetime, until: datetime, rule: LifecycleRule) -> list[datetime]:
    """[when it was closed] by rounds between its sighting at `last` and `until`; [] where it was not."""
    those = [one for one in steps if one.seen_at <= last and (one.again_at is None or one.again_at > last)]
    those = [one for one in those if not one.misses or one.misses[0] > last]
    is_enough = [len(one.misses) >= rule.closed_after and one.misses[rule.closed_after - 1] < until for one in those]
    is_over = [until > one.seen_at + timedelta(days=rule.wait_days) for one in those]
    if any(is_enough) and all(enough or over for enough, over in zip(is_enough, is_over, strict=True)):
        return [min(one.misses[0] for one in those if one.misses)]
    return []


def _last_of_each_round(sightings: Iterable[Sighting]) -> list[Sighting]:
    last: dict[tuple[Search, str], Sighting] = {}
    for one in sorted(sightings):
        last[one.search, one.round] = one
    return sorted(last.values())


def _follow_searches(alive: Sequence[Sighting], passes: Mapping[Search, Sequence[Pass]]) -> list[_Step]:
    by_search: dict[Search, list[datetime]] = defaultdict(list)
    for one in alive:
        by_search[one.search].append(one.seen_at)
    steps = []
    for search, moments in by_search.items():
        rounds = order_passes(passes.get(search, ()))
        for moment, again in zip(moments, [*moments[1:], None], strict=True):
            misses = tuple(one.ended for one in rounds if one.began > moment)
            steps.append(_Step(moment, again, misses))
    return sorted(steps, key=lambda one: one.seen_at)
