"""What the sites offer: which postings a search has, in which order, and what was changed by the control endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from jobdata_scrapy.sandbox import draws
from jobdata_scrapy.sandbox.filters import Filters, is_shown
from jobdata_scrapy.sandbox.postings import Posting, SearchKey, make_posting, posting_id

CAPS = {"boss": 300, "qcwy": 1000, "zhilian": 100}
REPEAT_EVERY = 30  # of qcwy's rows, one in so many is an earlier posting again
REPEAT_BACK = 20
EMPTY_PREFIX, FEW_PREFIX, OVER_CAP_PREFIX = "空", "少量", "超限"


@dataclass(slots=True)
class Listing:
    """One search: slots in the order the site shows them, and how often the salary of a slot was changed. rows: what is shown
    under a filter, kept once made."""

    slots: list[int]
    next_slot: int
    revisions: dict[int, int] = field(default_factory=dict)
    rows: dict[Filters, list[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Window:
    """What a search shows: `rows` down to the cap (a slot may stand twice), out of `total` rows."""

    key: SearchKey
    rows: list[int]
    total: int

    def page(self, page: int, size: int) -> list[int]:
        """The slots on this page, counted from 1; empty past the end."""
        return self.rows[(page - 1) * size : page * size]


class World:
    """All postings of all sites. Deterministic by `seed`; changed only by `set_total` and `mutate`."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._listings: dict[SearchKey, Listing] = {}
        self._homes: dict[tuple[str, str], tuple[SearchKey, int]] = {}

    def window(self, key: SearchKey, cap: int | None = None, filters: Filters = ()) -> Window:
        """What the search shows under the site's cap, or under a smaller `cap`; with `filters` only what passes them all."""
        listing = self._listing(key)
        if filters not in listing.rows:
            slots = [slot for slot in listing.slots if is_shown(self.seed, key, slot, self.revision(key, slot), filters)]
            listing.rows[filters] = _with_repeats(slots) if key.site == "qcwy" else slots
        rows = listing.rows[filters]
        limit = min(CAPS[key.site], cap or CAPS[key.site])
        return Window(key, rows[:limit], len(rows))

    def ids(self, key: SearchKey, slots: Iterable[int]) -> list[str]:
        """Distinct ids of these slots, in order."""
        return [posting_id(self.seed, key, slot) for slot in dict.fromkeys(slots)]

    def all_ids(self, key: SearchKey) -> list[str]:
        """Distinct ids of the whole search, in the order of its list, the cap left aside."""
        return self.ids(key, self._listing(key).slots)

    def revision(self, key: SearchKey, slot: int) -> int:
        """How often this posting's salary was changed."""
        return self._listing(key).revisions.get(slot, 0)

    def remember(self, key: SearchKey, slot: int, job_id: str) -> None:
        """From now on `find` knows this id: a list has shown it."""
        self._homes[key.site, job_id] = (key, slot)

    def find(self, site: str, job_id: str) -> Posting | None:
        """A posting that some list has shown, or None where it is unknown or was removed."""
        home = self._homes.get((site, job_id))
        if home is None or home[1] not in self._listing(home[0]).slots:
            return None
        return make_posting(self.seed, *home, self.revision(*home))

    def set_total(self, key: SearchKey, total: int) -> None:
        """Gives the search exactly `total` postings."""
        self._listings[key] = Listing(list(range(total)), total)

    def mutate(self, key: SearchKey, *, change_salary: int = 0, add: int = 0, remove: int = 0) -> None:
        """Removes the first `remove` postings, changes the salary of the next `change_salary`, puts `add` new ones in front."""
        listing = self._listing(key)
        kept = listing.slots[remove:]
        for slot in kept[:change_salary]:
            listing.revisions[slot] = listing.revisions.get(slot, 0) + 1
        fresh = list(range(listing.next_slot, listing.next_slot + add))
        listing.slots, listing.next_slot = fresh + kept, listing.next_slot + add
        listing.rows.clear()

    def reset(self) -> None:
        """Forgets totals and mutations; ids already handed out stay known."""
        self._listings.clear()

    def _listing(self, key: SearchKey) -> Listing:
        listing = self._listings.get(key)
        if listing is None:
            total = draw_total(self.seed, key)
            listing = self._listings[key] = Listing(list(range(total)), total)
        return listing


def draw_total(seed: int, key: SearchKey) -> int:
    """How many postings a search has: 25-90 for most; the three prefixes give none, a few, or more than the site shows."""
    draw = draws.Draw(seed, *key, "total")
    cap = CAPS[key.site]
    if key.keyword.startswith(EMPTY_PREFIX):
        return 0
    if key.keyword.startswith(FEW_PREFIX):
        return 1 + draw.below(9)
    if key.keyword.startswith(OVER_CAP_PREFIX):
        return cap + 1 + draw.below(cap // 2)
    share = draw.below(10)
    if share == 0:
        return 3 + draw.below(22)
    if share == 1:
        return min(91 + draw.below(150), cap - 1)
    return 25 + draw.below(66)


def _with_repeats(slots: list[int]) -> list[int]:
    rows: list[int] = []
    for rank, slot in enumerate(slots, 1):
        rows.append(slot)
        if rank % REPEAT_EVERY == 0:
            rows.append(slots[rank - 1 - REPEAT_BACK])
    return rows
