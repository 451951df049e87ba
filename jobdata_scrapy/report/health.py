"""Does a run look as its keywords use to look? Pure: each check returns what is wrong, one line each, [] where all is well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.report.tally import Tally
from jobdata_scrapy.report.text import clean_text

ANSWERS_NEEDED = 20  # of fewer answers a share says nothing
NEW_NEEDED = 3  # the first round of a keyword is all new: its share of new postings is judged by three rounds or more
LEAST_SECONDS = 60.0  # a round whose pages took less is never too slow
COMPARED = (RoundState.DONE, RoundState.CAPPED)


@dataclass(frozen=True, slots=True)
class Limits:
    """field_coverage: field -> least share of postings that have it; block_ratio: largest share of answers that were blocks;
    tolerance: how far (as a share) a round may fall below its history; duration_factor: how many times as long it may take.
    """

    field_coverage: dict[str, float]
    block_ratio: float
    tolerance: float
    duration_factor: float


def make_limits(config: Config) -> Limits:
    """The limits that the MONITOR_* settings name."""
    return Limits(
        field_coverage=config.monitor_field_coverage,
        block_ratio=config.monitor_block_ratio,
        tolerance=config.monitor_tolerance,
        duration_factor=config.monitor_duration_factor,
    )


def check_fields(tally: Tally, limits: Limits) -> list[str]:
    """Fields that too few of the postings have."""
    looked_at = tally.looked_at
    return [
        f"{name} is filled in {tally.filled[name]} of {looked_at} postings ({tally.filled[name] / looked_at:.0%}), "
        f"at least {wanted:.0%} are expected"
        for name, wanted in limits.field_coverage.items()
        if looked_at and tally.filled[name] < wanted * looked_at
    ]


def check_blocks(tally: Tally, limits: Limits) -> list[str]:
    """Too large a share of the answers were blocks, although each was overcome."""
    answers, blocks = tally.answers, tally.blocks
    if answers < ANSWERS_NEEDED or blocks <= limits.block_ratio * answers:
        return []
    return [f"{blocks} of {answers} answers were blocks ({blocks / answers:.0%}), at most {limits.block_ratio:.0%} are tolerated"]


def compare_with_history(coverage: Coverage, history: Sequence[Coverage], limits: Limits) -> list[str]:
    """How a round that ended well differs from this keyword's last healthy rounds: yield, coverage, share of new, duration."""
    if coverage.state not in COMPARED or not history:
        return []
    lines = [
        _check_yield(coverage, history, limits),
        _check_coverage(coverage, history, limits),
        _check_new(coverage, history, limits),
        _check_duration(coverage, history, limits),
    ]
    name = clean_text(f"{coverage.platform} {coverage.keyword} / {coverage.city}", 100)
    return [f"{name}: {line}" for line in lines if line]


def _check_yield(coverage: Coverage, history: Sequence[Coverage], limits: Limits) -> str:
    usual = median(one.distinct for one in history)
    if coverage.distinct >= usual * (1 - limits.tolerance):
        return ""
    return f"{coverage.distinct} postings, {usual:g} are usual"


def _check_coverage(coverage: Coverage, history: Sequence[Coverage], limits: Limits) -> str:
    shares = [min(one.seen / one.total, 1.0) for one in history if one.total]  # a split search sees many a posting twice
    if not shares or not coverage.total or coverage.seen / coverage.total >= median(shares) * (1 - limits.tolerance):
        return ""
    return f"{coverage.seen} of {coverage.total} advertised postings were shown, {median(shares):.0%} are usual"


def _check_new(coverage: Coverage, history: Sequence[Coverage], limits: Limits) -> str:
    """A jump only: it is what changed ids look like. Few new postings are what a healthy site shows twice a day."""
    shares = [one.new / one.distinct for one in history if one.distinct]
    if len(shares) < NEW_NEEDED or not coverage.distinct:
        return ""
    share = coverage.new / coverage.distinct
    if share <= median(shares) + limits.tolerance:
        return ""
    return f"{share:.0%} of the postings are new, {median(shares):.0%} are usual: have the ids changed?"


def _check_duration(coverage: Coverage, history: Sequence[Coverage], limits: Limits) -> str:
    pace = [one.seconds / one.pages_ok for one in history if one.pages_ok and one.seconds]
    if not pace or not coverage.pages_ok or coverage.seconds < LEAST_SECONDS:
        return ""
    taken = coverage.seconds / coverage.pages_ok
    if taken <= median(pace) * limits.duration_factor:
        return ""
    return f"{taken:.1f} s a page, {median(pace):.1f} s are usual"
