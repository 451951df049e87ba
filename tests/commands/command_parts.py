"""Runs a command as Scrapy does, in this process."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from scrapy.commands import ScrapyCommand
from scrapy.settings import Settings


@dataclass(frozen=True)
class Run:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Runner = Callable[..., Run]


def make_runner(command_class: type[ScrapyCommand], folder: Path, capsys: pytest.CaptureFixture[str], **values: str) -> Runner:
    """`run("add", "boss", ...)`: as `scrapy COMMAND add boss ...` with JOBDATA_DIR = folder; UsageError is raised."""

    def run(*words: str, **more: str) -> Run:
        command = command_class()
        command.settings = Settings({"JOBDATA_DIR": str(folder), **values, **more})
        parser = argparse.ArgumentParser(conflict_handler="resolve")
        command.add_options(parser)
        opts, args = parser.parse_known_args(list(words))
        command.process_options(args, opts)
        capsys.readouterr()
        command.run(args, opts)
        printed = capsys.readouterr()
        return Run(printed.out, printed.err, command.exitcode)

    return run
