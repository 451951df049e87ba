"""A real Scrapyd on loopback, as docs/deploy.md sets it up, and the project sent to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COPIED = ("jobdata_scrapy", "spiders", "middlewares", "pipelines", "scrapy.cfg", "setup.py", "pyproject.toml", "README.md")
USER, PASSWORD = "operator", "p%ss/word"
T = TypeVar("T")


def copy_project(target: Path) -> Path:
    """A copy to build in: the build leaves files behind."""
    target.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return target


def build_egg(project: Path) -> Path:
    """What `make egg` runs."""
    egg = project / "jobdata.egg"
    subprocess.run([BIN / "scrapyd-deploy", "--build-egg", egg], cwd=project, check=True, capture_output=True, timeout=120)
    return egg


def wait_for(what: str, ask: Callable[[], T | None], seconds: float = 60.0) -> T:
    """Asks until the answer is something. Raises AssertionError naming what did not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"{what} did not come within {seconds:g} s")


@dataclass(frozen=True, slots=True)
class Node:
    """A running Scrapyd: its address and its folder."""

    url: str
    folder: Path

    def get(self, path: str, **params: str) -> Any:
        """A GET with the operator's password."""
        return self._read(requests.get(f"{self.url}/{path}", params=params, auth=(USER, PASSWORD), timeout=20))

    def post(self, path: str, **data: str | list[str]) -> Any:
        """A POST with the operator's password."""
        return self._read(requests.post(f"{self.url}/{path}", data=data, auth=(USER, PASSWORD), timeout=20))

    @staticmethod
    def _read(response: requests.Response) -> Any:
        response.raise_for_status()
        answer = response.json()
        assert answer["status"] == "ok", answer
        return answer

    def wait_for_job(self, job: str, state: str = "finished") -> None:
        """Until Scrapyd says that the job is in `state`."""
        wait_for(f"job {job} {state}", lambda: self.get("status.json", job=job)["currstate"] == state)

    def own_log(self) -> str:
        """What Scrapyd itself has logged so far: exit codes, and what jobs print."""
        return (self.folder / "scrapyd.log").read_text("utf-8")

    def log(self, spider: str, job: str) -> str:
        """A job's log over HTTP."""
        response = requests.get(f"{self.url}/logs/jobdata/{spider}/{job}.log", auth=(USER, PASSWORD), timeout=20)
        response.raise_for_status()
        return response.content.decode()

    def deploy(self, project: Path) -> None:
        """`scrapyd-deploy` with the target's password from the environment."""
        target = f"[deploy:test]\nurl = {self.url}/\nproject = jobdata\nusername = ${{NODE_USER}}\npassword = ${{NODE_PASSWORD}}"
        with (project / "scrapy.cfg").open("a") as file:
            file.write(f"\n{target}\n")
        own = os.environ | {"NODE_USER": USER, "NODE_PASSWORD": PASSWORD}
        subprocess.run([BIN / "scrapyd-deploy", "test"], cwd=project, env=own, check=True, capture_output=True, timeout=120)


@contextmanager
def running_node(folder: Path, **environment: str) -> Iterator[Node]:
    """Scrapyd with deploy/scrapyd.conf in `folder`; `environment` is what its jobs get."""
    folder.mkdir()
    shutil.copy(ROOT / "deploy" / "scrapyd.conf", folder)
    port = find_port()
    own = {"SCRAPYD_HTTP_PORT": str(port), "SCRAPYD_USERNAME": USER, "SCRAPYD_PASSWORD": PASSWORD}
    with (folder / "scrapyd.log").open("wb") as log:
        command = [BIN / "scrapyd", "--pidfile="]
        process = subprocess.Popen(command, cwd=folder, env=os.environ | own | environment, stdout=log, stderr=log)
    try:
        node = Node(f"http://127.0.0.1:{port}", folder)
        wait_for("Scrapyd", lambda: process.poll() is None and answers(node.url))
        yield node
    finally:
        process.terminate()
        process.wait(20)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == requests.codes.unauthorized
    except requests.ConnectionError:
        return False


def find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
