"""The monitors, as Spidermon has them: each test method of a Monitor is one promise about a finished run.

Their data: `finish_reason`, `tally`, `limits`, `rounds`, and `history`: round id -> last healthy rounds of the same keyword.
`code` names the problem of a monitor that fails; `action` tells the operator what to do.
"""

from __future__ import annotations

from typing import ClassVar

from spidermon import Monitor, MonitorSuite, monitors

from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.report.health import check_blocks, check_fields, compare_with_history

READ = (RoundState.DONE, RoundState.CAPPED)


class RunMonitor(Monitor):
    """Base of ours: fails with the lines that a pure check returned."""

    code: ClassVar[str]
    action: ClassVar[str]

    def expect_none(self, lines: list[str]) -> None:
        if lines:
            raise self.failureException("; ".join(lines))


@monitors.name("finish reason")
class FinishMonitor(RunMonitor):
    """The run was not closed before its searches ended."""

    code = "stopped_early"
    action = "see the close reason, mend the cause and run again"

    @monitors.name("finished")
    def test_finished(self) -> None:
        reason = self.data.finish_reason
        self.expect_none([] if reason == "finished" else [f"the run stopped as {reason!r}"])


@monitors.name("items")
class ItemMonitor(RunMonitor):
    """A run that was answered and found no posting at all is no success. One that read no search says so itself."""

    code = "no_items"
    action = "check the keyword on the site itself"

    @monitors.name("some")
    def test_some(self) -> None:
        rounds = self.data.rounds
        was_answered = any(coverage.state in READ for coverage in rounds)
        found_none = was_answered and not any(coverage.seen for coverage in rounds)
        self.expect_none(["nothing was found: the run saw no posting at all"] if found_none else [])


@monitors.name("fields")
class FieldMonitor(RunMonitor):
    """The fields that make a posting useful are filled."""

    code = "fields_missing"
    action = "look at the postings on the site: a login may have run out, or the site has renamed a field"

    @monitors.name("filled")
    def test_filled(self) -> None:
        self.expect_none(check_fields(self.data.tally, self.data.limits))


@monitors.name("blocks")
class BlockMonitor(RunMonitor):
    """The site did not refuse us again and again, even where each refusal was overcome."""

    code = "blocked_often"
    action = "ask more slowly (SLEEP_MIN_SECONDS) or through more exits"

    @monitors.name("few")
    def test_few(self) -> None:
        self.expect_none(check_blocks(self.data.tally, self.data.limits))


@monitors.name("history")
class HistoryMonitor(RunMonitor):
    """Each keyword looks as in its own last healthy rounds."""

    code = "unlike_history"
    action = "compare the keyword on the site with its last runs (scrapy report); what is missing may be hidden from this exit"

    @monitors.name("usual")
    def test_usual(self) -> None:
        history, limits = self.data.history, self.data.limits
        lines = [
            line
            for coverage in self.data.rounds
            for line in compare_with_history(coverage, history.get(coverage.round, []), limits)
        ]
        self.expect_none(lines)


class RunMonitorSuite(MonitorSuite):
    """All of them, in the order in which their problems are told."""

    monitors = (FinishMonitor, ItemMonitor, FieldMonitor, BlockMonitor, HistoryMonitor)
