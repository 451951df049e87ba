"""Which rules hit a request: matching, counting, bans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jobdata_scrapy.sandbox.rules import FAULTS, Control, Rule
from jobdata_scrapy.sandbox.sites.contract import Ask

COMBINED = frozenset({"slow", "capped"})  # these leave room for another fault on the same request


@dataclass(slots=True)
class ActiveRule:
    """A rule with its counts. `banned` and `seen_by` are keyed by address or token, for the two bans."""

    rule: Rule
    seen: int = 0
    fired: int = 0
    seen_by: dict[str, int] = field(default_factory=dict)
    banned: dict[str, float] = field(default_factory=dict)

    def observe(self, ask: Ask, now: float) -> bool:
        """Counts a matching request; True where the fault is due for it."""
        self.seen += 1
        if self.rule.times is not None and self.fired >= self.rule.times:
            return False
        if self.rule.fault not in ("ban_address", "ban_token"):
            return self.seen > self.rule.after
        return self._is_banned(ask.address if self.rule.fault == "ban_address" else ask.token, now)

    def _is_banned(self, who: str, now: float) -> bool:
        until = self.banned.get(who)
        if until is not None and now >= until:
            del self.banned[who]
            self.seen_by[who] = 0
            until = None
        if until is not None:
            return True
        self.seen_by[who] = self.seen_by.get(who, 0) + 1
        if self.seen_by[who] <= self.rule.after:
            return False
        self.banned[who] = now + self.rule.seconds if self.rule.seconds is not None else float("inf")
        return True


class ActiveRules:
    """The rules in force, in the order they were given. `clock` tells monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rules: list[ActiveRule] = []

    def add(self, control: Control) -> None:
        """Puts the rules of a control document after those in force."""
        self._rules += [ActiveRule(rule) for rule in control.rules]

    def clear(self) -> None:
        """Ends all rules."""
        self._rules.clear()

    def fire(self, ask: Ask) -> list[Rule]:
        """The faults of this request: any number of `COMBINED` ones, and the first of the others that is due."""
        now = self._clock()
        due = [active for active in self._rules if matches(active.rule, ask) and active.observe(ask, now)]
        main = next((active for active in due if active.rule.fault not in COMBINED), None)
        chosen = [active for active in due if active is main or active.rule.fault in COMBINED]
        for active in chosen:
            active.fired += 1
        return [active.rule for active in chosen]

    def smallest_cap(self, site: str, keyword: str) -> int | None:
        """The cap that `capped` rules put on a search now, None where there is none."""
        caps = [
            one.rule.cap
            for one in self._rules
            if one.rule.fault == "capped" and one.rule.site in (site, "*") and one.rule.keyword in (None, keyword)
        ]
        return min(caps, default=None)

    def describe(self) -> list[dict[str, Any]]:
        """The rules in force with their counts; tokens cut to their last four characters."""
        return [_describe(active) for active in self._rules]


def matches(rule: Rule, ask: Ask) -> bool:
    """Whether a rule is about this request at all. Kind "*" means every API call; robots.txt must be named."""
    kinds = FAULTS[rule.fault][0]
    hits_kind = ask.kind == rule.kind or (
        rule.kind == "*" and ask.kind in kinds and (ask.kind != "robots" or kinds == {"robots"})
    )
    return (
        hits_kind
        and rule.site in (ask.site, "*")
        and (rule.pages is None or ask.page in rule.pages)
        and rule.keyword in (None, ask.keyword)
        and rule.token in (None, ask.token)
        and rule.address in (None, ask.address)
        and not (rule.fault == "ban_token" and not ask.token)
        and not (rule.fault == "expired_token" and ask.site == "qcwy")
    )


def _describe(active: ActiveRule) -> dict[str, Any]:
    given = active.rule.model_dump(exclude_unset=True)
    if "token" in given:
        given["token"] = given["token"][-4:]
    return given | {"seen": active.seen, "fired": active.fired}
