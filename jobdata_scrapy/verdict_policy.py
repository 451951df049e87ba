"""What a verdict does to the request and to the run: the one table (docs/operations.md says it in words). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobdata_scrapy.platform import Verdict


class Action(StrEnum):
    """PARSE: the answer goes to the spider; AGAIN: the request is made again; STOP: it ends as an exception."""

    PARSE = "parse"
    AGAIN = "again"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Rule:
    """limit: how often the request is made again before `then`; close_reason: of the run on STOP ("" = it goes on)."""

    limit: int
    then: Action
    close_reason: str = ""


TABLE: dict[Verdict, Rule] = {
    Verdict.OK: Rule(0, Action.PARSE),
    Verdict.EMPTY: Rule(1, Action.PARSE),  # an empty page is believed when it comes twice
    Verdict.CAPPED: Rule(0, Action.PARSE),
    Verdict.GONE: Rule(0, Action.PARSE),
    Verdict.RATE_LIMITED: Rule(3, Action.STOP, "blocked"),
    Verdict.CAPTCHA: Rule(2, Action.STOP, "blocked"),
    Verdict.IP_BANNED: Rule(2, Action.STOP, "blocked"),
    Verdict.SIGN_REJECTED: Rule(1, Action.STOP, "sign_rejected"),
    Verdict.TOKEN_EXPIRED: Rule(2, Action.STOP, "login_required"),
    Verdict.LOGIN_REQUIRED: Rule(2, Action.STOP, "login_required"),
    Verdict.LAYOUT_CHANGED: Rule(2, Action.STOP, "layout_changed"),  # three in a row
    Verdict.SERVER_ERROR: Rule(2, Action.STOP),
}

BLOCKS = frozenset({Verdict.RATE_LIMITED, Verdict.CAPTCHA, Verdict.IP_BANNED})

CLOSE_REASONS = (
    "finished",
    "blocked",
    "sign_rejected",
    "login_required",
    "robots_disallowed",
    "no_proxy_left",
    "no_exit_free",
    "no_token_free",
    "budget_spent",
    "layout_changed",
    "site_down",
    "storage_down",
    "wrong_setting",
    "drained",
)


def decide(verdict: Verdict, attempts: int) -> Action:
    """What happens to a request whose answer got `verdict`, when it was made again `attempts` times for this verdict before."""
    rule = TABLE[verdict]
    return Action.AGAIN if attempts < rule.limit else rule.then
