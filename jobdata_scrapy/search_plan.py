"""The searches that make one round of a keyword: the whole search, and what it is split into where the site caps it. Pure.

A site shows a few hundred postings of a search and no more. So a search that ended at the cap is asked again in parts, each with
one more filter (`Platform.splits`), breadth first, bounded. What the parts cannot reach is not forgotten but stated: parts that
stayed capped, and postings that a filter never shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import msgspec
from msgspec.structs import replace as change

from jobdata_scrapy.platform import Query, Split

VERSION = 1
MAX_DEPTH = 2  # filters put on top of the whole search
MAX_SEARCHES = 64  # of a round, the whole search included
MAX_PAGES = 200  # of a search; no site shows as many, so that more means a site that never says where it ends

Filters = tuple[tuple[str, str], ...]
FromZero = Annotated[int, msgspec.Meta(ge=0)]
FromOne = Annotated[int, msgspec.Meta(ge=1)]


class Step(NamedTuple):
    """The next page to ask: page `page` of `query`. page_number: unique and growing over all searches of the round, from 1."""

    query: Query
    page: int
    page_number: int


class Uncovered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the round that was not reached. filters: of the search; read: rows it showed; total: what it advertised.

    split_by: "" for a search that stayed capped; else the filter it was split by, which does not show each of its postings.
    """

    filters: Filters
    read: FromZero
    total: FromZero | None = None
    split_by: str = ""


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is saved. pending: searches still to read, the first one from `page`; the four after `number` belong to that one."""

    version: int
    keyword: str
    city_code: str
    filters: Filters
    pending: tuple[Filters, ...]
    number: FromOne = 1
    page: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGES)] = 1
    read: FromZero = 0
    total: FromZero | None = None
    capped: bool = False
    planned: FromOne = 1
    uncovered: tuple[Uncovered, ...] = ()


class _Version(msgspec.Struct):
    version: int


class Restored(NamedTuple):
    """A plan read back. warning: why it starts over, "" where it goes on (or begins)."""

    plan: SearchPlan
    warning: str


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """Where a round stands. Never changes: `after_page` returns the plan that follows."""

    query: Query
    splits: tuple[Split, ...]
    state: _State

    @classmethod
    def start(cls, query: Query, splits: Sequence[Split], *, pages_done: int = 0) -> SearchPlan:
        """The plan of a round that begins; `pages_done`: page numbers that the round has used up already."""
        state = _State(VERSION, query.keyword, query.city_code, query.filters, ((),), number=pages_done + 1)
        return cls(query, tuple(splits), state)

    @classmethod
    def from_json(cls, text: str, query: Query, splits: Sequence[Split], *, pages_done: int = 0) -> Restored:
        """The plan that `to_json` gave, at its first page not reported; "" begins a plan.

        pages_done: pages that the ledger counts; their numbers are never given again, even where the plan was saved before the
        last of them. What cannot be used starts over, with a warning for the operator, and never raises.
        """
        fresh = cls.start(query, splits, pages_done=pages_done)
        if not text:
            return Restored(fresh, "")
        try:
            version = msgspec.json.decode(text, type=_Version).version
            if version != VERSION:
                return Restored(fresh, _start_over(f"its version is {version}, this program reads {VERSION}"))
            state = msgspec.json.decode(text, type=_State)
        except (ValueError, RecursionError) as error:  # msgspec's errors and broken text are ValueErrors
            return Restored(fresh, _start_over(f"it cannot be read: {str(error) or type(error).__name__}"))
        plan = cls(query, tuple(splits), change(state, number=max(state.number, pages_done + 1)))
        wrong = plan._find_fault()
        return Restored(fresh, _start_over(wrong)) if wrong else Restored(plan, "")

    def to_json(self) -> str:
        """The plan as text of a few KB at most."""
        return msgspec.json.encode(self.state).decode()

    def next_step(self) -> Step | None:
        """The page to ask now, None when every search of the plan was read."""
        if not self.state.pending:
            return None
        query = replace(self.query, filters=(*self.query.filters, *self.state.pending[0]))
        return Step(query, self.state.page, self.state.number)

    def after_page(self, step: Step, *, total: int | None, capped: bool, last: bool, rows: int = 0) -> SearchPlan:
        """The plan after the page of `step` was read and reported.

        total, capped: as in `SearchPage`; last: the search has no further page; rows: rows the page showed.
        Raises ValueError when `step` is not `next_step()`.
        """
        if step != self.next_step():
            raise ValueError(f"page {step.page_number} is not the next page of the plan")
        state = change(
            self.state,
            number=self.state.number + 1,
            read=self.state.read + rows,
            total=max(self.state.total or 0, total) if total is not None else self.state.total,
            capped=self.state.capped or capped or (not last and self.state.page >= MAX_PAGES),
        )
        if not last and state.page < MAX_PAGES:
            return replace(self, state=change(state, page=state.page + 1))
        ended = change(state, pending=state.pending[1:], page=1, read=0, total=None, capped=False)
        return replace(self, state=self._divide(state, ended) if state.capped else ended)

    @property
    def uncovered(self) -> tuple[Uncovered, ...]:
        """The parts that were not reached so far."""
        return self.state.uncovered

    @property
    def searches(self) -> tuple[int, int]:
        """(searches read to their end, searches planned so far)."""
        return self.state.planned - len(self.state.pending), self.state.planned

    def describe_uncovered(self, limit: int = 8) -> str:
        """What was not reached, for the ledger and the report: one line, at most `limit` parts by name; "" for nothing."""
        parts = [self._describe(part) for part in self.state.uncovered[:limit]]
        more = len(self.state.uncovered) - limit
        return "; ".join([*parts, f"and {more} more"] if more > 0 else parts)

    def _divide(self, capped: _State, ended: _State) -> _State:
        """The search that ended at the cap gives way to its parts, or stays uncovered."""
        filters = capped.pending[0]
        split = self._find_split(filters)
        if split is None:
            return change(ended, uncovered=(*ended.uncovered, Uncovered(filters, capped.read, capped.total)))
        parts = tuple((*filters, (split.parameter, code)) for code in split.codes.values())
        missed = (Uncovered(filters, capped.read, capped.total, split.parameter),) if split.misses else ()
        return change(
            ended,
            pending=(*ended.pending, *parts),
            planned=ended.planned + len(parts),
            uncovered=(*ended.uncovered, *missed),
        )

    def _find_split(self, filters: Filters) -> Split | None:
        """The first split that is not in use yet and whose parts still fit into the round."""
        if len(filters) >= MAX_DEPTH:
            return None
        used = {name for name, _ in (*self.query.filters, *filters)}
        room = MAX_SEARCHES - self.state.planned
        return next((split for split in self.splits if split.parameter not in used and len(split.codes) <= room), None)

    def _find_fault(self) -> str:
        """Why a plan that was read back is not one of this search; "" where it is."""
        state = self.state
        if (state.keyword, state.city_code, state.filters) != (self.query.keyword, self.query.city_code, self.query.filters):
            return "it belongs to another search"
        known = {(split.parameter, code) for split in self.splits for code in split.codes.values()}
        parts = (*state.pending, *(part.filters for part in state.uncovered))
        if any(pair not in known for filters in parts for pair in filters):
            return "the site's filters have changed since"
        if {part.split_by for part in state.uncovered} - {"", *(split.parameter for split in self.splits)}:
            return "the site's filters have changed since"
        if len(set(state.pending)) < len(state.pending) or len(state.pending) > state.planned:
            return "its searches do not add up"
        return ""

    def _describe(self, part: Uncovered) -> str:
        labels = {(split.parameter, code): label for split in self.splits for label, code in split.codes.items()}
        where = " + ".join(f"{name} {labels.get((name, code), code)}" for name, code in part.filters) or "the whole search"
        total = part.total or 0  # a total that is itself cut at the cap tells nothing
        beyond = f"beyond the first {part.read}" + (f" of {total} advertised" if total > part.read else "")
        if part.split_by:
            misses = next(split.misses for split in self.splits if split.parameter == part.split_by)
            return f"{where}: {misses}, {beyond}"
        return f"{where}: whatever the site has {beyond}"


def _start_over(reason: str) -> str:
    return f"the saved search plan is not used and the round reads its searches from the start: {reason}"
