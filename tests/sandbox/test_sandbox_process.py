"""The sandbox as a process: the address it prints, how it ends, what it refuses."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobdata_scrapy.sandbox.process import ROOT, running_sandbox

pytestmark = pytest.mark.slow


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jobdata_scrapy.sandbox", *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)


def test_a_sandbox_is_started_asked_and_ended(tmp_path: Path):
    scenario = tmp_path / "s.json"
    scenario.write_text('{"total": {"site": "qcwy", "keyword": "k", "city": "上海", "total": 3}}')
    with running_sandbox("--scenario", str(scenario)) as sandbox:
        assert sandbox.truth("qcwy", "k", "上海")["total"] == 3
        answer = sandbox.get("/qcwy/pc/open/noauth/search-h5?keyword=k&jobArea=020000")
        assert len(answer["resultbody"]["job"]["items"]) == 3
        assert [entry["page"] for entry in sandbox.log()] == [1]
        with pytest.raises(ValueError, match="'explode' is unknown"):
            sandbox.control({"fault": "explode"})
        sandbox.control({"fault": "block"})
        sandbox.reset()
        assert (sandbox.control({})["rules"], sandbox.log()) == ([], [])
        pid = sandbox.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_replay_says_what_it_leaves_out(tmp_path: Path):
    (tmp_path / "51job_list_1.json").write_text('{"engine_search_result": []}')
    with running_sandbox("--replay", str(tmp_path)) as sandbox:
        assert "replay leaves out 51job_list_1.json" in sandbox.errors()


def test_a_sandbox_that_does_not_start_says_why():
    with pytest.raises(RuntimeError, match="--seed: 'x' is not a whole number"), running_sandbox("--seed", "x"):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_clean(number):
    with start("--port", "0") as process:
        assert process.stdout is not None
        assert b"sandbox ready at http://127.0.0.1:" in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_it_ends_with_the_input_of_whoever_started_it():
    command = [sys.executable, "-m", "jobdata_scrapy.sandbox", "--port", "0", "--until-eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(10) == 0


def test_wrong_argument_ends_with_one_line_and_code_2():
    with start("--host", "0.0.0.0") as process:  # noqa: S104 - refused
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert errors.count(b"\n") == 1
    assert b"--host: '0.0.0.0' is not a loopback address" in errors


def test_taken_port_ends_with_one_line_and_code_1():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with start("--port", str(taken.getsockname()[1])) as process:
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.count(b"\n") == 1
    assert b"Address already in use; --port 0 picks a free port" in errors
