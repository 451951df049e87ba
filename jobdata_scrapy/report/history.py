"""Which of a keyword's rounds later ones are compared with. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.report.health import Limits, compare_with_history

LOOK_BACK = 4  # times as many rounds are looked at as are compared with: some of them may be unlike the others
CONFIRMED_BY = 3  # so many rounds in a row that are unlike those before and like each other: the keyword has changed


def select_healthy(rounds: Sequence[Coverage], limits: Limits, count: int) -> list[Coverage]:
    """The last `count` healthy ones of `rounds`, both newest first; `rounds` were read to the end (done or capped).

    A round that was unlike the healthy ones before it is left out: what a site hid once is not what is usual from then on. It
    counts after all once CONFIRMED_BY in a row agree. A round without any posting begins the history anew: it was believed
    for reasons of its own (EMPTY_BELIEVED_AFTER).
    """
    healthy: list[Coverage] = []
    doubted: list[Coverage] = []
    for one in reversed(rounds):
        if not one.seen:
            healthy, doubted = [one], []
        elif not compare_with_history(one, healthy[-count:], limits):
            healthy, doubted = [*healthy, one], []
        elif len(doubted) + 1 >= CONFIRMED_BY and not compare_with_history(one, doubted[1 - CONFIRMED_BY :], limits):
            healthy, doubted = [*doubted[1 - CONFIRMED_BY :], one], []
        else:
            doubted.append(one)
    return healthy[: -count - 1 : -1]
