"""Ctrl-C is one line, and so is what else asks a command to end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import NoReturn

from scrapy.commands import ScrapyCommand

KILLED = 128  # what a shell adds to a signal's number


@contextmanager
def told_when_interrupted(command: ScrapyCommand, line: str) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP (the terminal was closed) end the block, so that it can remove what it began.

    `line` goes to the standard error, and the exit code is a shell's: 130, 143, 129.
    """
    try:
        with stopped_like_ctrl_c(signal.SIGTERM), stopped_like_ctrl_c(signal.SIGHUP):
            yield
    except KeyboardInterrupt as interrupt:
        with suppress(OSError):  # a terminal that was closed takes no line
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        command.exitcode = KILLED + (interrupt.args[0] if interrupt.args else signal.SIGINT)


@contextmanager
def stopped_like_ctrl_c(number: signal.Signals) -> Iterator[None]:
    """Lets the signal end the block as Ctrl-C does. One that is ignored (by nohup) stays ignored."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(number)

    with ExitStack() as stack:
        if signal.getsignal(number) is not signal.SIG_IGN:
            stack.callback(signal.signal, number, signal.signal(number, interrupt))
        yield
