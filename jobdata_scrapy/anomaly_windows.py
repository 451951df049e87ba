"""Sees in a stream of answers what a single verdict cannot tell: that a site has begun to refuse us. Pure, its clock is injected.

One window a site holds its answers of the last minutes. After each answer the window is looked at by exit, by token and as a
whole; what is found says what it is, how sure (the numbers seen), and what to do about it (docs/operations.md).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from jobdata_scrapy import anomaly_signs as signs
from jobdata_scrapy.anomaly_signs import Observation, Seen, Thresholds
from jobdata_scrapy.platform import Verdict

MAX_SITES = 16
MAX_TOLD = 1000
ALONE = frozenset({"blocked", "token_refused", "empty_against_history"})  # signals that one answer gives by itself
REFUSED_TOKENS = frozenset({Verdict.TOKEN_EXPIRED, Verdict.LOGIN_REQUIRED})
REFUSED_EXITS = frozenset({Verdict.CAPTCHA, Verdict.IP_BANNED})


class Measure(StrEnum):
    """What to do. `key` of the finding names the exit, token or lock; RECORD alone means: tell the operator, change nothing."""

    COOL_EXIT = "cool_exit"
    MARK_TOKEN = "mark_token"  # noqa: S105 - a measure, not a password
    OPEN_LOCK = "open_lock"
    SOFT_BLOCK = "soft_block"  # this answer is a block in disguise: its page does not count as read
    RECORD = "record"


class Signal(StrEnum):
    """What was seen."""

    BLOCKED = "blocked"
    TOKEN_REFUSED = "token_refused"  # noqa: S105
    EMPTY_AGAINST_HISTORY = "empty_against_history"
    EMPTY_STREAK = "empty_streak"
    CAPTCHAS = "captchas"
    BLOCK_RATIO = "block_ratio"
    BLOCKED_EXITS = "blocked_exits"
    BLOCKED_TOKEN = "blocked_token"  # noqa: S105
    LATENCY_JUMP = "latency_jump"
    SHRINKING_PAGES = "shrinking_pages"


@dataclass(frozen=True, slots=True)
class Finding:
    """key: `site`, `site|exit=NAME` or `site|token=NAME`, as `Backend.trip_lock` takes it; reason: one line for the operator."""

    signal: Signal
    key: str
    reason: str
    measures: frozenset[Measure]
    seen: Seen = field(default_factory=dict)


class AnomalyDetector:
    """`observe` each answer of every site. `clock` returns seconds that only grow. Not for several threads at once."""

    def __init__(self, clock: Callable[[], float], thresholds: Thresholds | None = None) -> None:
        self._clock = clock
        self._limits = thresholds or Thresholds()
        self._sites: OrderedDict[str, deque[tuple[float, Observation]]] = OrderedDict()
        self._lengths: OrderedDict[str, deque[int]] = OrderedDict()
        self._told: OrderedDict[tuple[str, Signal], float] = OrderedDict()

    def observe(self, answer: Observation) -> list[Finding]:
        """What this answer reveals, alone and with those before it; the gravest last."""
        now = self._clock()
        if answer.believable and signs.shows_others(self._recent(now, answer.platform), answer):
            answer = replace(answer, expected=None)
        window = self._remember(now, answer)
        found = self._judge_alone(answer) + self._judge_latency(answer, window)
        if signs.is_block(answer, self._limits):
            answers = [one for _, one in window]
            found += self._judge_exit(answer, answers) + self._judge_site(answer, answers)
        return [finding for finding in found if self._is_news(now, finding)]

    def hides_all(self, platform: str) -> bool:
        """Whether the site's last list pages, of several keywords, were all empty against their history: not one of them is true.

        An empty list of one keyword alone may be, and is no reason to keep from the others.
        """
        return bool(signs.find_empty_streak(list(self._recent(self._clock(), platform)), self._limits))

    def observe_length(self, answer: Observation, rows: int) -> list[Finding]:
        """What the length of a page amid a list reveals: `answer`, once it was parsed, has that many rows and is not the last."""
        lengths = self._lengths.setdefault(answer.exit_key, deque(maxlen=self._limits.lengths_kept))
        self._lengths.move_to_end(answer.exit_key)
        if len(self._lengths) > MAX_TOLD:
            self._lengths.popitem(last=False)
        lengths.append(min(rows, answer.page_size or rows))
        seen = signs.find_shrinking_pages(list(lengths), self._limits)
        if not seen:
            return []
        reason = f"{seen['short_pages']:g} of {seen['pages']:g} pages amid a list are short of {seen['full_page']:g} rows"
        found = Finding(Signal.SHRINKING_PAGES, answer.exit_key, reason, frozenset({Measure.RECORD}), seen)
        return [found] if self._is_news(self._clock(), found) else []

    def forget(self, platform: str) -> None:
        """Begins the site's window afresh: its lock was closed, and what opened it must not open it again."""
        self._sites.pop(platform, None)

    def _recent(self, now: float, platform: str) -> Iterator[Observation]:
        """The site's answers of the window, the latest last."""
        return (one for at, one in self._sites.get(platform, ()) if at >= now - self._limits.window_seconds)

    def _remember(self, now: float, answer: Observation) -> deque[tuple[float, Observation]]:
        window = self._sites.setdefault(answer.platform, deque(maxlen=self._limits.window_length))
        self._sites.move_to_end(answer.platform)
        if len(self._sites) > MAX_SITES:
            self._sites.popitem(last=False)
        window.append((now, answer))
        while window[0][0] < now - self._limits.window_seconds:
            window.popleft()
        return window

    def _judge_alone(self, answer: Observation) -> list[Finding]:
        """What one answer tells by itself: told each time."""
        found = []
        if answer.verdict in REFUSED_EXITS:
            reason = f"{answer.platform} answered {answer.verdict}"
            found.append(Finding(Signal.BLOCKED, answer.exit_key, reason, frozenset({Measure.COOL_EXIT})))
        if answer.verdict in REFUSED_TOKENS and answer.token_name:
            reason = f"{answer.platform} answered {answer.verdict}"
            found.append(Finding(Signal.TOKEN_REFUSED, answer.token_key, reason, frozenset({Measure.MARK_TOKEN})))
        if seen := signs.find_false_emptiness(answer, self._limits):
            reason = (
                f"page {answer.page} of {answer.keyword!r} {answer.city} is empty; its last healthy rounds saw {answer.expected}"
            )
            found.append(
                Finding(
                    Signal.EMPTY_AGAINST_HISTORY, answer.exit_key, reason, frozenset({Measure.SOFT_BLOCK, Measure.RECORD}), seen
                )
            )
        return found

    def _judge_latency(self, answer: Observation, window: deque[tuple[float, Observation]]) -> list[Finding]:
        """Whether the answers of this exit have become slow."""
        if answer.verdict not in signs.HEALTHY:
            return []
        seen = signs.find_latency_jump(_latencies_like(answer, window), self._limits)
        if not seen:
            return []
        reason = f"answers take {seen['recent_seconds']:.1f} s, before {seen['usual_seconds']:.1f} s"
        return [Finding(Signal.LATENCY_JUMP, answer.exit_key, reason, frozenset({Measure.RECORD}), seen)]

    def _judge_exit(self, answer: Observation, window: list[Observation]) -> list[Finding]:
        """What the answers of this exit tell when it was just refused."""
        own, limits, key = [one for one in window if one.exit_name == answer.exit_name], self._limits, answer.exit_key
        lock, cool = frozenset({Measure.OPEN_LOCK}), frozenset({Measure.COOL_EXIT})
        found = []
        if seen := signs.find_captchas(own, limits.exit_captchas):
            found.append(Finding(Signal.CAPTCHAS, key, f"{seen['captchas']:g} captchas through one exit", lock, seen))
        if seen := signs.find_block_ratio(own, limits, limits.exit_min_answers, limits.exit_block_ratio):
            found.append(Finding(Signal.BLOCK_RATIO, key, _tell_ratio(seen), lock, seen))
        if seen := signs.find_empty_streak(own, limits):
            reason = f"{seen['empty']:g} pages in a row empty that used to have postings"
            found.append(Finding(Signal.EMPTY_STREAK, key, reason, cool, seen))
        return found

    def _judge_site(self, answer: Observation, window: list[Observation]) -> list[Finding]:
        """What the answers of all exits tell. A site is locked for what several exits met, a token for what it alone met."""
        lock, limits, found = frozenset({Measure.OPEN_LOCK}), self._limits, []
        if seen := signs.find_blocked_token(answer.token_name, window, limits):
            reason = f"refused through {seen['exits']:g} exits, while other tokens are answered"
            found.append(Finding(Signal.BLOCKED_TOKEN, answer.token_key, reason, lock, seen))
            window = [one for one in window if one.token_name != answer.token_name]
        if seen := signs.find_blocked_exits(window, limits):
            reason = f"{seen['exits']:g} exits were refused, {_tell_ratio(seen)}"
            found.append(Finding(Signal.BLOCKED_EXITS, answer.platform, reason, lock, seen))
        elif seen := signs.find_site_block_ratio(window, limits):
            found.append(Finding(Signal.BLOCK_RATIO, answer.platform, _tell_ratio(seen), lock, seen))
        return found

    def _is_news(self, now: float, finding: Finding) -> bool:
        """What one answer tells is always news; what a window tells is told once in a while: each telling lengthens a lock."""
        if finding.signal in ALONE:
            return True
        name = finding.key, finding.signal
        told_at = self._told.get(name)
        if told_at is not None and now - told_at < self._limits.quiet_seconds:
            return False
        self._told[name] = now
        self._told.move_to_end(name)
        if len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)
        return True


def _latencies_like(answer: Observation, window: deque[tuple[float, Observation]]) -> Iterator[float]:
    """Of the healthy answers to this kind of page through this exit, the latest first."""
    for _, one in reversed(window):
        if one.exit_name == answer.exit_name and one.page_kind is answer.page_kind and one.verdict in signs.HEALTHY:
            yield one.latency


def _tell_ratio(seen: Seen) -> str:
    return f"{seen['blocks']:g} of {seen['answers']:g} answers are blocks"
