"""What a command prints into a pipe that nobody reads any more (`... | head`) is no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environment


@pytest.mark.slow
@pytest.mark.parametrize("words", [("keywords", "list"), ("keywords", "list", "--json"), ("report", "--list")])
def test_the_command_ends_quietly(tmp_path: Path, words: tuple[str, ...]):
    with subprocess.Popen(
        [sys.executable, "-m", "scrapy", *words],
        cwd=ROOT,
        env=clean_environment(JOBDATA_DIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        command.stdout.close()
        _, told = command.communicate(timeout=60)
    assert (told, command.returncode) == ("", 1)
