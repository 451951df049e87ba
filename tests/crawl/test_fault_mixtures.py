"""Faults in random mixtures (seeded): the sums hold, the run ends for a named reason, and green means complete."""

import random

import pytest

from jobdata_scrapy.verdict_policy import CLOSE_REASONS

pytestmark = pytest.mark.slow
FAULTS = ("rate_limited", "server_error", "dropped", "truncated", "renamed", "empty", "bad_rows", "captcha", "slow", "block")


def draw_rules(dice: random.Random, site: str) -> list[dict]:
    rules = []
    for _ in range(dice.randint(2, 5)):
        rule = {"site": site, "kind": "search", "fault": dice.choice(FAULTS), "times": dice.randint(1, 2)}
        rule |= {"pages": [dice.randint(1, 3)]} if dice.random() < 0.7 else {"after": dice.randint(0, 3)}
        rule |= {"retry_after": 0} if rule["fault"] == "rate_limited" else {}
        rule |= {"seconds": 0.3} if rule["fault"] == "slow" else {}
        rules.append(rule)
    return rules


@pytest.mark.parametrize("seed", range(6))
def test_sums_hold_and_the_reason_has_a_name(crawl, sandbox, three_pages, seed):
    dice = random.Random(seed)
    site = dice.choice(("boss", "qcwy", "zhilian"))
    keyword = three_pages(site)
    sandbox.control(draw_rules(dice, site))
    run = crawl(site, keyword=keyword, city="上海", settings={"MONITORS_ENABLED": "false"})
    line, truth = run.round, sandbox.truth(site, keyword, "上海")["ids"]
    parts = ("new", "changed", "unchanged", "repeated", "rejected")
    assert line["seen"] == sum(line[part] for part in parts), run.err
    assert line["stored"] == line["distinct"], run.err
    assert run.report["run"]["finish_reason"] in CLOSE_REASONS, run.err
    assert line["stop_reason"], run.err
    assert (run.code == 0) == (line["state"] == "done"), run.err
    if run.code == 0:
        assert line["stored"] + line["rejected"] >= len(truth), run.err
