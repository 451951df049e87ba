"""The sandbox's arguments: refused in one line, before anything starts."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from jobdata_scrapy.commands.sandbox import Command
from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.sandbox.options import SandboxOptions, add_arguments, read_options


def read(*arguments: str) -> SandboxOptions:
    parser = ArgumentParser()
    add_arguments(parser)
    return read_options(parser.parse_args(arguments))


def test_defaults():
    assert read() == SandboxOptions(host="127.0.0.1", port=8077, seed=1, qcwy_key="sandbox-key")


def test_everything_can_be_given(tmp_path: Path):
    scenario = tmp_path / "s.json"
    scenario.write_text('[{"site": "boss", "fault": "block", "after": 2}]')
    options = read(
        *("--port", "0", "--host", "127.0.0.3", "--seed", "7", "--scenario", str(scenario), "--replay", str(tmp_path)),
        *("--boss-token", "a", "--boss-token", "b", "--qcwy-key", "k"),
    )
    assert (options.port, options.host, options.seed, options.boss_tokens, options.qcwy_key) == (
        0,
        "127.0.0.3",
        7,
        ("a", "b"),
        "k",
    )
    assert options.scenario is not None
    assert options.scenario.rules[0].after == 2
    assert options.replay == tmp_path


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.org", "::", ""])  # noqa: S104 - refused
def test_only_loopback_is_listened_on(host):
    with pytest.raises(ArgumentError, match=r"^--host: .* is not a loopback address; allowed: 127\.0\.0\.0/8, ::1, localhost$"):
        read("--host", host)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--port", "x"], "--port: 'x' is not a whole number from 0 to 65535"),
        (["--port", "65536"], "--port: '65536' is not a whole number from 0 to 65535"),
        (["--seed", "1.5"], "--seed: '1.5' is not a whole number from 0 to 9223372036854775807"),
        (["--scenario", "missing.json"], "--scenario: cannot read 'missing.json': No such file or directory"),
        (["--replay", "missing"], "--replay: 'missing' is not a folder"),
        (["--boss-token", " "], "--boss-token: must not be empty"),
        (["--qcwy-key", ""], "--qcwy-key: must not be empty"),
    ],
)
def test_wrong_argument_gets_one_line(arguments, line):
    with pytest.raises(ArgumentError) as caught:
        read(*arguments)
    assert str(caught.value) == line


def test_wrong_scenario_names_file_and_field(tmp_path: Path):
    scenario = tmp_path / "s.json"
    scenario.write_text('{"rules": [{"fault": "explode"}]}')
    with pytest.raises(ArgumentError, match=r"s\.json: rules\.0\.fault: 'explode' is unknown; allowed: 'block', "):
        read("--scenario", str(scenario))


def test_the_scrapy_command_refuses_with_a_usage_error():
    command = Command()
    parser = ArgumentParser(conflict_handler="resolve")
    command.settings = Settings()
    command.add_options(parser)
    with pytest.raises(UsageError, match="--port: 'x' is not a whole number"):
        command.run([], parser.parse_args(["--port", "x"]))
    with pytest.raises(UsageError, match="unknown argument 'now'"):
        command.run(["now"], parser.parse_args([]))
