"""What an answer to robots.txt allows (RFC 9309). An error or a block page there is no permission. Pure."""

from __future__ import annotations

from collections.abc import Callable

from protego import Protego

from jobdata_scrapy.exceptions import RobotsUnreadable
from jobdata_scrapy.platform import Answer, Verdict

ABSENT_STATUSES = (404, 410)
NOT_FOUND_WORDS = ("404", "not found", "页面不存在", "找不到")
BLOCKING = frozenset(Verdict) - {Verdict.OK, Verdict.EMPTY, Verdict.LAYOUT_CHANGED, Verdict.GONE}


def robots_url(base_url: str) -> str:
    """Where the robots.txt of a site is."""
    return base_url.rstrip("/") + "/robots.txt"


def read_rules(answer: Answer, judge: Callable[[Answer], Verdict]) -> Protego | None:
    """The rules in an answer, None where the site has no robots.txt. `judge` is the site's own verdict.

    Raises RobotsUnreadable saying what came instead of rules.
    """
    text = answer.body.decode("utf-8", "replace")
    is_page = text.lstrip().startswith("<")
    if answer.status in ABSENT_STATUSES or (answer.status == 200 and is_page and _is_soft_404(answer, text, judge)):
        return None
    if answer.status != 200:
        raise RobotsUnreadable(f"{answer.url} answered HTTP {answer.status}")
    if is_page:
        raise RobotsUnreadable(f"{answer.url} answered a page instead of rules")
    return Protego.parse(text)


def _is_soft_404(answer: Answer, text: str, judge: Callable[[Answer], Verdict]) -> bool:
    """A 'not found' page sent with HTTP 200 (51job does), unless the site's own block detection knows it as a block."""
    return judge(answer) not in BLOCKING and any(word in text.lower() for word in NOT_FOUND_WORDS)
