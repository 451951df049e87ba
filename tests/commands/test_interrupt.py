"""What asks a command to end, and what does not."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator

import pytest
from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._interrupt import told_when_interrupted


class Command(ScrapyCommand):
    def short_desc(self) -> str:
        return ""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Nothing is run."""


@pytest.fixture(params=[signal.SIGTERM, signal.SIGHUP])
def ignored(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    before = signal.signal(request.param, signal.SIG_IGN)
    yield request.param
    signal.signal(request.param, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_command_in_one_line(capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int):
    command, before = Command(), signal.getsignal(number)
    with told_when_interrupted(command, "scrapy some: interrupted"):
        signal.raise_signal(number)
        raise AssertionError("it goes on")
    assert (command.exitcode, capsys.readouterr().err) == (code, "scrapy some: interrupted\n")
    assert signal.getsignal(number) is before


def test_a_signal_that_nohup_ignores_stays_ignored(ignored: signal.Signals):
    command = Command()
    with told_when_interrupted(command, "scrapy some: interrupted"):
        signal.raise_signal(ignored)
    assert command.exitcode == 0
    assert signal.getsignal(ignored) is signal.SIG_IGN
