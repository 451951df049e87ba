"""The table of verdicts: every verdict has a rule, every stop a documented close reason."""

import pytest

from jobdata_scrapy.platform import Verdict
from jobdata_scrapy.verdict_policy import CLOSE_REASONS, TABLE, Action, decide


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_a_rule_whose_close_reason_is_known(verdict):
    rule = TABLE[verdict]
    assert rule.close_reason in (*CLOSE_REASONS, "")
    assert (rule.then is Action.STOP) >= bool(rule.close_reason)


@pytest.mark.parametrize(
    ("verdict", "attempts", "expected"),
    [
        (Verdict.OK, 0, Action.PARSE),
        (Verdict.GONE, 0, Action.PARSE),
        (Verdict.EMPTY, 0, Action.AGAIN),
        (Verdict.EMPTY, 1, Action.PARSE),
        (Verdict.CAPTCHA, 1, Action.AGAIN),
        (Verdict.CAPTCHA, 2, Action.STOP),
        (Verdict.IP_BANNED, 2, Action.STOP),
        (Verdict.RATE_LIMITED, 2, Action.AGAIN),
        (Verdict.RATE_LIMITED, 3, Action.STOP),
        (Verdict.SIGN_REJECTED, 0, Action.AGAIN),
        (Verdict.SIGN_REJECTED, 1, Action.STOP),
        (Verdict.TOKEN_EXPIRED, 1, Action.AGAIN),
        (Verdict.TOKEN_EXPIRED, 2, Action.STOP),
        (Verdict.LAYOUT_CHANGED, 1, Action.AGAIN),
        (Verdict.LAYOUT_CHANGED, 2, Action.STOP),
    ],
)
def test_decide(verdict, attempts, expected):
    assert decide(verdict, attempts) is expected
