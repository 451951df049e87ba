"""Did a run keep its promises? Pure: decides the exit code, and says in one line a problem what an operator has to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobdata_scrapy.backend.base import SpoolCounts
from jobdata_scrapy.coverage import Coverage, RoundState, waits_for_spool
from jobdata_scrapy.platform import Verdict
from jobdata_scrapy.report.text import clean_text, hide_url_credentials
from jobdata_scrapy.verdict_policy import TABLE

EXIT_CODES = {"kept": 0, "failed": 1, "capped": 3}  # 2 is a usage error, given before a run exists
MAX_ERRORS_SHOWN = 10
SHORTFALL_ALLOWED = 0.2
"""A site's total moves while it is paged and may count advertisement cards; a round that ends further below it lost postings."""
REJECTED_ALLOWED, REJECTED_FEW = 0.1, 2
"""Of the postings seen, and so many in any case: single rows go wrong on every site, a tenth of them is another layout."""

_REPLAY = "bring the warehouse back (scrapy warehouse status), then scrapy spool replay"
_STOP_ACTIONS = {
    "no_exit_free": "wait until another process gives its exit back, or add an exit, and run again",
    "no_token_free": "wait until another process gives its token back, or add a token (scrapy tokens add), and run again",
    "no_proxy_left": "check the proxies (PROXY_TUNNEL, credentials, balance) and run again",
    "blocked": "the site blocks this exit: wait some hours or change the exit; do not push on",
    "sign_rejected": "the site refuses our signature: check the signing key or script of this site",
    "login_required": "the site wants a login: renew the token of this site",
    "robots_disallowed": "robots.txt refuses these pages: ask the site for permission before turning the check off",
    "layout_changed": "the site changed its answers: an engineer has to mend the parser",
    "site_down": "the site, or the exit on the way to it, answers errors or nothing: look whether both are up and run again",
    "storage_down": "bring the warehouse back (scrapy warehouse status) and run again: pages not stored are read again",
    "wrong_setting": "correct the setting that the error names, in the environment of every process, and run again",
    "empty_against_history": "look at the keyword on the site: what it shows there is hidden from this exit; if it has no "
    "postings any more, run it once with EMPTY_BELIEVED_AFTER=0",
    "budget_spent": "the page budget is used up: run again when the next one begins, or raise it",
    "drained": "the run was asked to end: run again to read the rest",
    "shutdown": "the run was interrupted: run again to read the rest",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One line for an operator: `code` names the kind, `message` what happened, `action` what to do."""

    code: str
    message: str
    action: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}. Action needed: {self.action}."


@dataclass(frozen=True, slots=True)
class Judgement:
    """state: kept (exit code 0), capped (3: all promises kept, but the site's result cap hides postings) or failed (1)."""

    state: str
    exit_code: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class MonitorOutcome:
    """What one monitor found. name: of the monitor; problem: None where all is well."""

    name: str
    problem: Problem | None = None


def judge_run(
    rounds: list[Coverage],
    *,
    pages_yielded: int,
    pages_stored: int,
    finish_reason: str,
    errors: list[str],
    monitored: Sequence[MonitorOutcome] = (),
    idle: bool = False,
    waiting: Mapping[str, int] | None = None,
    spool: SpoolCounts | None = None,
) -> Judgement:
    """Judges a run from its ledger lines, its pages, Scrapy's finish reason, what went wrong (spider exceptions, lost
    requests, failed pages: one text each) and what the monitors found. idle: the queue had no keyword ready: no round is right.
    waiting: why it had none (`Backend.count_waiting`); keywords that are dead wait for a person. spool: what went through the
    spool, and what waits there.
    """
    problems = [
        *_check_finish(finish_reason),
        *_check_errors(errors),
        *_check_pages(pages_yielded, pages_stored),
        *(problem for coverage in rounds for problem in _check_round(coverage)),
        *_check_spool(spool or SpoolCounts(), rounds),
        *([] if idle else _check_found(rounds)),
        *_check_queue(waiting or {}),
    ]
    said = {problem.code for problem in problems}
    problems += [one.problem for one in monitored if one.problem is not None and one.problem.code not in said]
    if problems:
        return Judgement("failed", EXIT_CODES["failed"], tuple(problems))
    capped = tuple(_describe_cap(coverage) for coverage in rounds if coverage.state is RoundState.CAPPED)
    state = "capped" if capped else "kept"
    return Judgement(state, EXIT_CODES[state], capped)


def describe_queue(platform: str, waiting: Mapping[str, int]) -> str:
    """Why a run over the queue had nothing to do, in one line."""
    if not waiting:
        return f"the queue has no keyword of {platform} (scrapy keywords add {platform} KEYWORD)"
    reasons = ", ".join(f"{count} {reason}" for reason, count in waiting.items())
    return f"no keyword of {platform} is ready: {reasons} (scrapy keywords list {platform})"


def count_uncovered(coverage: Coverage) -> int | None:
    """Postings the site advertised and the round has not seen; None where that is not known.

    A capped search whose advertised total is itself cut at the cap tells nothing about what is behind it.
    """
    if coverage.total is None:
        return None
    missing = max(coverage.total - coverage.seen, 0)
    return None if coverage.state is RoundState.CAPPED and not missing else missing


def _check_finish(reason: str) -> Iterator[Problem]:
    if reason != "finished":
        name = clean_text(reason, 60) or "(none)"
        action = _STOP_ACTIONS.get(reason, "read the log above this stop, mend the cause and run again")
        yield Problem("stopped_early", f"the run stopped as {name!r}; what comes after the stop was not read", action)


def _check_errors(errors: list[str]) -> Iterator[Problem]:
    action = "read the log for the whole error, mend the cause and run again"
    for error in errors[:MAX_ERRORS_SHOWN]:
        yield Problem("error", hide_url_credentials(clean_text(error)).rstrip(". ") or "an error without a text", action)
    if len(errors) > MAX_ERRORS_SHOWN:
        yield Problem("error", f"and {len(errors) - MAX_ERRORS_SHOWN} more errors", action)


def _check_pages(pages_yielded: int, pages_stored: int) -> Iterator[Problem]:
    if pages_yielded != pages_stored:
        message = f"{pages_yielded} pages were read and {pages_stored} stored"
        yield Problem("pages_lost", message, "run again; if it stays so, look for storage errors in the log")


def _check_found(rounds: list[Coverage]) -> Iterator[Problem]:
    if not rounds:
        yield Problem("no_rounds", "no keyword was worked on", "check the arguments and the errors at the start of the log")
    elif all(map(_ended_well, rounds)) and not any(coverage.seen for coverage in rounds):
        action = "check the keyword's spelling on the site itself; a site that shows postings there is hiding them from this exit"
        yield Problem("no_items", "nothing was found: the run saw no posting at all", action)


def _check_round(coverage: Coverage) -> Iterator[Problem]:
    name, reason = _name(coverage), clean_text(coverage.stop_reason, 60) or "no reason given"
    if not _ended_well(coverage) and not waits_for_spool(coverage):
        message = f"{name} ended as {coverage.state.value} ({reason}) after {coverage.pages_ok} of {coverage.pages_asked} pages"
        action = _STOP_ACTIONS.get(_close_reason(coverage.stop_reason), "run this keyword again")
        yield Problem("round_unfinished", message, action)
    if not coverage.adds_up:
        parts = coverage.new + coverage.changed + coverage.unchanged + coverage.repeated + coverage.rejected + coverage.spooled
        message = f"{name} saw {coverage.seen} postings but accounts for {parts}"
        yield Problem("sums_differ", message, "report this as a bug with the run's JSON report; run the keyword again")
    if coverage.rejected > max(REJECTED_FEW, REJECTED_ALLOWED * coverage.seen):
        message = f"{name}: {coverage.rejected} of {coverage.seen} postings were refused (the table rejected_row has them)"
        yield Problem("rejected_many", message, "the site changed its answers: an engineer has to mend the parser")
    yield from _check_arrival(coverage, name)


def _check_arrival(coverage: Coverage, name: str) -> Iterator[Problem]:
    if coverage.spooled:
        yield Problem("spooled", f"{name}: {coverage.spooled} postings wait on disk, not in the warehouse", _REPLAY)
    elif coverage.stored is None and (_ended_well(coverage) or waits_for_spool(coverage)):
        yield Problem("not_counted", f"{name}: the warehouse was not asked what arrived", "run this keyword again")
    elif coverage.stored is not None and coverage.stored != coverage.distinct:
        message = f"{name}: the warehouse counts {coverage.stored} postings, {coverage.distinct} were read"
        yield Problem("count_mismatch", message, "check the warehouse (scrapy warehouse status) and run this keyword again")
    total = coverage.total or 0
    if coverage.state is RoundState.DONE and coverage.seen < total * (1 - SHORTFALL_ALLOWED):
        message = f"{name} ended after {coverage.seen} postings where the site advertises {total}"
        yield Problem("shortfall", message, "the site cut its answers short: wait or change the exit, and run again")


def _check_queue(waiting: Mapping[str, int]) -> Iterator[Problem]:
    if dead := waiting.get("dead"):
        message = f"{dead} of the queue's {sum(waiting.values())} keywords are dead: no run takes them up any more"
        action = "see why (scrapy keywords list --state dead), mend the cause, then scrapy keywords retry"
        yield Problem("dead_keywords", message, action)


def _check_spool(spool: SpoolCounts, rounds: Sequence[Coverage]) -> Iterator[Problem]:
    if spool.waiting_pages and not any(coverage.spooled for coverage in rounds):  # details, which no round counts
        yield Problem("spooled", f"{spool.waiting_pages} pages wait on disk, not in the warehouse", _REPLAY)
    if spool.damaged:
        names = ", ".join(spool.damaged[:3]) + (f" and {len(spool.damaged) - 3} more" if len(spool.damaged) > 3 else "")
        message = f"{len(spool.damaged)} files of the spool are damaged and were set aside: {names}"
        action = "run their keywords again (scrapy coverage --state failed names them), then remove the files"
        yield Problem("spool_damaged", clean_text(message, 400), action)


def _close_reason(stop_reason: str) -> str:
    """What a run is closed as for a round that stopped so: by its verdict, or by the reason itself."""
    verdict = stop_reason.upper()
    return TABLE[Verdict(verdict)].close_reason if verdict in Verdict.__members__ else stop_reason


def _ended_well(coverage: Coverage) -> bool:
    if coverage.state is RoundState.PARTIAL:
        return coverage.stop_reason == "pages_limit"
    return coverage.state in (RoundState.DONE, RoundState.CAPPED)


def _describe_cap(coverage: Coverage) -> Problem:
    missing = count_uncovered(coverage)
    hidden = "an unknown number of further postings" if missing is None else f"{missing} of {coverage.total} postings"
    parts = f" ({clean_text(coverage.uncovered_parts)})" if coverage.uncovered_parts else ""
    message = f"{_name(coverage)}: the site's result cap hides {hidden}{parts}"
    return Problem("capped", message, "narrow the search (one city instead of 全国, a longer keyword) to reach them")


def _name(coverage: Coverage) -> str:
    return clean_text(f"{coverage.platform} {coverage.keyword} / {coverage.city}", 100)
