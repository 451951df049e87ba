"""The signs of a block, each a pure function over the answers of a window: {} where it is not there, else the numbers seen.

Thresholds err on the quiet side: a sign that is not there costs a page or two, one that is seen by mistake stops a fleet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from statistics import median

from jobdata_scrapy.platform import PageKind, Verdict
from jobdata_scrapy.verdict_policy import BLOCKS

Seen = dict[str, float]
BELIEVED_AFTER = timedelta(days=1)
HEALTHY = frozenset({Verdict.OK, Verdict.CAPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One answer, as far as the detector wants to know.

    page: of the list, within its search, from 1 (0: no list page); latency: seconds; expected: rows that this keyword's last
    healthy rounds saw, None without history and for the parts of a split search, of which there is none; believable: that the
    list is empty, as far as the rounds since can tell (`believes_empty`).
    """

    platform: str
    exit_name: str
    verdict: Verdict
    page_kind: PageKind = PageKind.SEARCH
    token_name: str = ""
    keyword: str = ""
    city: str = ""
    page: int = 0
    latency: float = 0.0
    page_size: int = 0
    expected: int | None = None
    believable: bool = False

    @property
    def exit_key(self) -> str:
        """The key of the lock on site and exit."""
        return f"{self.platform}|exit={self.exit_name}"

    @property
    def token_key(self) -> str:
        """The key of the lock on site and token."""
        return f"{self.platform}|token={self.token_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a sign counts. Shares from 0 to 1, times in seconds."""

    window_seconds: float = 900.0  # 45 to 90 answers of an exit at a pause of 10 to 20 s; most blocks last longer
    window_length: int = 1000  # answers of one site at most: bounds memory where there is no pause
    quiet_seconds: float = 60.0  # a window's finding is told once in this time, since each telling lengthens a lock

    exit_captchas: int = 3  # the first two cool the exit down; a third in one window says that cooling is not enough
    exit_min_answers: int = 6  # fewer prove nothing: a page is made again up to three times
    exit_block_ratio: float = 0.5
    blocked_exits: int = 3  # one or two may be used-up proxies
    blocked_exits_share: float = 0.3  # of the exits seen: three bad proxies among fifty are no reason to stop the other 47
    site_min_answers: int = 12
    site_block_ratio: float = 0.5
    token_exits: int = 2  # a token refused through two exits, while others are answered, is itself the reason
    token_min_answers: int = 3  # told before `blocked_exits` would stop the whole site
    token_block_ratio: float = 0.5

    min_expected: int = 20  # below, a keyword may well have lost its last postings
    expected_share: float = 0.5  # a list may halve between two rounds; an empty page before that is none of its end
    empty_streak: int = 3
    empty_keywords: int = 2  # one keyword may really have lost its postings; two at once are no chance

    usual_answers: int = 15  # what a jump is measured against; fewer are no "usual"
    recent_answers: int = 5
    latency_factor: float = 4.0  # healthy sites vary by 2 to 3 within minutes
    latency_min_seconds: float = 2.0  # from 0.1 to 0.5 s is no slow answer yet

    pages_before: int = 10  # pages amid a list before short ones mean something
    short_share: float = 0.5  # advertisements and repeats take a few rows out of a page, never half of it
    short_pages: int = 3  # of the last `recent_answers`
    lengths_kept: int = 100  # pages of one exit


def is_block(answer: Observation, limits: Thresholds) -> bool:
    """A block by its verdict, or an empty page that cannot be."""
    return answer.verdict in BLOCKS or bool(find_false_emptiness(answer, limits))


def select_blocks(answers: Iterable[Observation], limits: Thresholds) -> list[Observation]:
    """The blocks among these answers; empty pages are blocks only where several keywords have them."""
    blocks = [one for one in answers if is_block(one, limits)]
    hard = [one for one in blocks if one.verdict in BLOCKS]
    empty = {(one.keyword, one.city) for one in blocks if one.verdict not in BLOCKS}
    return blocks if len(empty) >= limits.empty_keywords else hard


def find_false_emptiness(answer: Observation, limits: Thresholds) -> Seen:
    """An empty list page where this keyword's history says that postings stand: on page 1, or well before its usual end."""
    expected = answer.expected or 0
    if answer.verdict is not Verdict.EMPTY or answer.page < 1 or expected < limits.min_expected:
        return {}
    before = (answer.page - 1) * answer.page_size
    if answer.page > 1 and before >= expected * limits.expected_share:
        return {}
    return {"expected": expected, "rows_before": before}


def believes_empty(found: Sequence[datetime], now: datetime, rounds: int) -> bool:
    """Whether a keyword may have lost its postings for good: `rounds` rounds in a row found none, and the first a day ago.

    found: when they ended, oldest first. A block is over by then as a rule; one that is not is seen by what `shows_others` says.
    """
    return len(found) >= rounds and now - found[0] >= BELIEVED_AFTER


def shows_others(window: Iterable[Observation], answer: Observation) -> bool:
    """Whether postings of another keyword were shown through the exit of `answer`: what hides everything shows none of them."""
    search = answer.keyword, answer.city
    return any(
        one.exit_name == answer.exit_name and one.page and one.verdict in HEALTHY and (one.keyword, one.city) != search
        for one in window
    )


def find_empty_streak(own: Sequence[Observation], limits: Thresholds) -> Seen:
    """The last list pages (of an exit, or of the site) that ought to have postings were empty, one after the other."""
    with_history = reversed([one for one in own if one.page and one.expected])
    streak = list(takewhile(lambda one: bool(find_false_emptiness(one, limits)), with_history))
    keywords = {(one.keyword, one.city) for one in streak}
    if len(streak) < limits.empty_streak or len(keywords) < limits.empty_keywords:
        return {}
    return {"empty": len(streak), "keywords": len(keywords)}


def find_captchas(own: Iterable[Observation], enough: int) -> Seen:
    """So many captchas in one window."""
    count = sum(one.verdict is Verdict.CAPTCHA for one in own)
    return {"captchas": count} if count >= enough else {}


def find_block_ratio(own: Sequence[Observation], limits: Thresholds, min_answers: int, ratio: float) -> Seen:
    """A great part of the answers are blocks."""
    blocks = len(select_blocks(own, limits))
    return _ratio(blocks, len(own)) if len(own) >= min_answers and blocks >= ratio * len(own) else {}


def find_site_block_ratio(window: Sequence[Observation], limits: Thresholds) -> Seen:
    """The same for the whole site, met through more than one exit: else it is the exit's."""
    exits = {one.exit_name for one in select_blocks(window, limits)}
    found = find_block_ratio(window, limits, limits.site_min_answers, limits.site_block_ratio)
    return {**found, "exits": len(exits)} if found and len(exits) > 1 else {}


def find_blocked_exits(window: Sequence[Observation], limits: Thresholds) -> Seen:
    """Several exits, and a good part of all, whose last answer was a block."""
    last = {one.exit_name: one for one in window}
    blocked = len(select_blocks(last.values(), limits))
    if blocked < max(limits.blocked_exits, limits.blocked_exits_share * len(last)):
        return {}
    return {"exits": blocked, "exits_seen": len(last), **_ratio(len(select_blocks(window, limits)), len(window))}


def find_blocked_token(token: str, window: Sequence[Observation], limits: Thresholds) -> Seen:
    """A token that is refused through several exits while other tokens are answered. With one token alone nobody can tell."""
    own = [one for one in window if one.token_name == token]
    others = [one for one in window if one.token_name != token]
    exits = {one.exit_name for one in select_blocks(own, limits)}
    found = find_block_ratio(own, limits, limits.token_min_answers, limits.token_block_ratio)
    if not token or not found or len(exits) < limits.token_exits or not others:
        return {}
    if len(select_blocks(others, limits)) >= limits.token_block_ratio * len(others):
        return {}
    return {**found, "exits": len(exits)}


def find_latency_jump(times: Iterator[float], limits: Thresholds) -> Seen:
    """The last answers took several times as long as those before. A site that was slow all the time does not jump.

    times: latencies of healthy answers to pages of one kind, the latest first.
    """
    recent = median(islice(times, limits.recent_answers))
    if recent < limits.latency_min_seconds:  # so it is nearly always: the rest of the window is left alone
        return {}
    before = list(times)
    if len(before) < limits.usual_answers or recent <= limits.latency_factor * median(before):
        return {}
    return {"usual_seconds": median(before), "recent_seconds": recent}


def find_shrinking_pages(rows: Sequence[int], limits: Thresholds) -> Seen:
    """Pages amid a list have become much shorter than the longest of them (a site may have a size of its own).

    rows: postings of such pages, the latest last.
    """
    recent = rows[-limits.recent_answers :]
    if len(rows) < limits.pages_before + limits.recent_answers:
        return {}
    full = max(rows)
    short = sum(count < limits.short_share * full for count in recent)
    return {"short_pages": short, "pages": len(recent), "full_page": full} if short >= limits.short_pages else {}


def _ratio(blocks: int, answers: int) -> Seen:
    return {"blocks": blocks, "answers": answers}
