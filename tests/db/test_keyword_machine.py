"""The queue against a simple model of it: any order of adding, leasing, reporting, giving back, pausing and waiting."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import FOUND_EMPTY, RoundState
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.keyword_list import KeywordFilter, NewKeyword, add_keywords, list_keywords, pause_keywords, retry_keywords
from jobdata_scrapy.db.keywords import RoundReport, extend_keywords, lease_keyword, release_keyword, report_rounds
from jobdata_scrapy.db.models import CoverageLine, Keyword
from jobdata_scrapy.exceptions import LeaseLost
from jobdata_scrapy.leases import KeywordLease, Owner
from tests.db.queue_parts import RULES, T0

UNREADABLE = "layout_changed"
ERRORS = ["", "boom", "captcha", UNREADABLE, FOUND_EMPTY]
WORDS = [f"w{number}" for number in range(6)]
OWNERS = [Owner("anne"), Owner("ben"), Owner("cleo")]
HOUR = 3600
DAY = 24 * HOUR


@dataclass
class Model:
    """One keyword as a person would keep it on paper; times are seconds."""

    priority: int
    interval: int  # hours, 0: once
    state: str = "pending"
    due_again: bool = False
    paused: bool = False
    owner: str | None = None
    lease_until: float = 0
    not_before: float = 0
    round_at: float = 0
    bad: int = 0
    pages: int = 0
    pages_before: int = 0

    def look(self, now: float) -> None:
        """What time has changed, as seen whenever somebody asks for a keyword."""
        if self.state == "running" and self.lease_until <= now:
            self.state, self.not_before = "partial", 0
            self.count_bad()
        elif self.state in ("done", "capped") and self.is_due(now):
            self.state, self.due_again = "pending", True

    def is_due(self, now: float) -> bool:
        return not self.paused and self.interval > 0 and self.round_at + self.interval * HOUR <= now

    def count_bad(self) -> None:
        if self.state == "partial" and self.pages > self.pages_before:
            self.bad = 1
        if self.bad >= RULES.max_attempts:
            self.state = "dead"

    def group(self) -> int:
        return {"partial": 0, "failed": 1, "pending": 3 if self.due_again else 2}[self.state]

    def is_ready(self, now: float) -> bool:
        return not self.paused and self.state in ("partial", "failed", "pending") and self.not_before <= now


class QueueMachine(RuleBasedStateMachine):
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.words: dict[str, Model] = {}
        Keyword.delete().execute(DATABASE)
        CoverageLine.delete().execute(DATABASE)

    @property
    def moment(self):
        return T0 + timedelta(seconds=self.now)

    @rule(word=st.sampled_from(WORDS), priority=st.integers(0, 9), hours=st.sampled_from([0, 1, 48]))
    def add(self, word, priority, hours):
        one = NewKeyword("boss", word, "上海", f"{hours}h" if hours else "", priority)
        add_keywords(DATABASE, [one], now=self.moment)
        known = self.words.setdefault(word, Model(priority, hours))
        known.priority, known.interval = priority, hours

    @rule(seconds=st.sampled_from([1, 59, 60, 120, 299, 300, HOUR, 2 * DAY]))
    def wait(self, seconds):
        self.now += seconds

    @rule(target=leases, owner=st.sampled_from(OWNERS))
    def lease(self, owner):
        lease = lease_keyword(DATABASE, "boss", owner, RULES, now=self.moment)
        for one in self.words.values():
            one.look(self.now)
        ready = {word: one for word, one in self.words.items() if one.is_ready(self.now)}
        best = min(((one.group(), -one.priority) for one in ready.values() if one.owner != owner.name), default=None)
        for one in ready.values():  # its own lapsed keywords that stand before it are its own again
            if one.owner == owner.name and (best is None or (one.group(), -one.priority) < best):
                one.state, one.lease_until = "running", self.now + RULES.lease_seconds
        if best is None:
            assert lease is None
            return None
        chosen = ready[lease.keyword]
        assert (chosen.group(), -chosen.priority) == best
        self.resync_ties(owner, best)
        goes_on = chosen.state == "partial"
        if not goes_on:
            chosen.round_at, chosen.pages = self.now, 0
        chosen.state, chosen.owner, chosen.lease_until = "running", owner.name, self.now + RULES.lease_seconds
        chosen.bad, chosen.pages_before = chosen.bad + 1, chosen.pages
        assert (lease.attempts, lease.coverage.pages_ok, lease.coverage.run_id) == (chosen.bad, chosen.pages, owner.name)
        return lease

    def resync_ties(self, owner, best):
        """Among equals the oldest goes first, which the model does not keep: did the owner's lapsed ones stand before it?"""
        for word, one in self.words.items():
            if one.owner == owner.name and one.is_ready(self.now) and (one.group(), -one.priority) == best:
                row = self.row(word)
                if row.state == "running":
                    one.state, one.lease_until = "running", self.now + RULES.lease_seconds

    @precondition(lambda self: self.words)
    @rule(lease=leases)
    def report(self, lease: KeywordLease | None):
        if lease is None:
            return
        model = self.words[lease.keyword]
        lease.coverage.pages_ok += 1
        lease.coverage.state = RoundState.RUNNING
        (error,) = report_rounds(DATABASE, [RoundReport(lease.coverage)], RULES, now=self.moment)
        if self.is_current(lease):
            assert error is None
            model.pages = lease.coverage.pages_ok
            model.state, model.lease_until = "running", self.now + RULES.lease_seconds
        else:
            assert isinstance(error, LeaseLost)

    @rule(
        lease=leases, state=st.sampled_from(RoundState), error=st.sampled_from(["", "boom", "captcha", UNREADABLE, FOUND_EMPTY])
    )
    def give_back(self, lease: KeywordLease | None, state, error):
        if lease is None:
            return
        model = self.words[lease.keyword]
        lease.coverage.state = state
        if not self.is_current(lease):
            row = self.row(lease.keyword)
            if (row.released_by, row.round) == (lease.owner, lease.coverage.round):
                release_keyword(DATABASE, lease, error, RULES, now=self.moment)
                return
            try:
                release_keyword(DATABASE, lease, error, RULES, now=self.moment)
            except LeaseLost:
                return
            raise AssertionError("a lost owner gave a keyword back")
        report_rounds(DATABASE, [RoundReport(lease.coverage)], RULES, now=self.moment)
        release_keyword(DATABASE, lease, error, RULES, now=self.moment)
        model.owner, model.pages = None, max(model.pages, lease.coverage.pages_ok)
        self.end(model, state, error)

    def end(self, model: Model, state: RoundState, error: str) -> None:
        model.due_again = False
        if state in (RoundState.DONE, RoundState.CAPPED):
            model.state, model.bad, model.not_before = state.value, 0, 0
        elif state is RoundState.RUNNING:
            if error != UNREADABLE or model.pages > model.pages_before:
                model.bad = max(model.bad - 1, 0)
            pause = min(RULES.backoff_seconds * 2 ** (max(model.bad, 1) - 1), DAY)
            model.state, model.not_before = "partial", self.now + pause if error in ("captcha", UNREADABLE) else 0
        elif state is RoundState.FAILED and error == FOUND_EMPTY:
            model.state, model.bad, model.not_before = "failed", max(model.bad - 1, 0), self.now + 8 * HOUR
        elif state is RoundState.PARTIAL and not error:
            model.state, model.bad, model.not_before = "partial", 0, self.now + RULES.backoff_seconds
        else:
            model.state = state.value
            model.count_bad()
            model.not_before = self.now + min(RULES.backoff_seconds * 2 ** (model.bad - 1), DAY)

    @rule(owner=st.sampled_from(OWNERS))
    def heartbeat(self, owner):
        mine = extend_keywords(DATABASE, owner, RULES, now=self.moment)
        held = {word for word, one in self.words.items() if one.owner == owner.name}
        assert {row.keyword for row in list_keywords(DATABASE, KeywordFilter(ids=list(mine) or [0]))} == held
        for word in held:
            self.words[word].state, self.words[word].lease_until = "running", self.now + RULES.lease_seconds

    @rule(word=st.sampled_from(WORDS), paused=st.booleans())
    def pause(self, word, paused):
        pause_keywords(DATABASE, KeywordFilter(keywords=[word]), paused=paused, now=self.moment)
        if word in self.words:
            self.words[word].paused = paused

    @rule(word=st.sampled_from(WORDS))
    def retry(self, word):
        retry_keywords(DATABASE, KeywordFilter(keywords=[word]), now=self.moment)
        one = self.words.get(word)
        if one is not None and one.state in ("dead", "failed", "partial"):
            one.bad, one.not_before = 0, 0
            if one.state != "partial":
                one.state, one.owner, one.due_again = "pending", None, False

    @invariant()
    def what_is_ready_has_a_place_in_the_queue_or_a_time_to_be_looked_at(self):
        for row in list_keywords(DATABASE, KeywordFilter()):
            one = self.words[row.keyword]
            assert row.owner == one.owner
            if one.is_ready(self.now):
                assert row.queue_key is not None or row.wake_at <= self.moment
            if row.queue_key is not None:
                assert one.is_ready(self.now)

    def is_current(self, lease: KeywordLease) -> bool:
        row = self.row(lease.keyword)
        return (row.owner, row.round) == (lease.owner, lease.coverage.round)

    def row(self, word: str) -> Keyword:
        (row,) = list_keywords(DATABASE, KeywordFilter(keywords=[word]))
        return row


FOLDER = tempfile.TemporaryDirectory(prefix="queue-machine-")
DATABASE = open_database(Config(_env_file=None, jobdata_dir=Path(FOLDER.name)))
DATABASE.pragma("synchronous", 0)
TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)


@pytest.mark.slow
class TestQueueMachineAtLength(QueueMachine.TestCase):
    settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
