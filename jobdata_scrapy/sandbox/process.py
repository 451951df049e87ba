"""A sandbox in a process of its own, for tests, benchmarks and the demo."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Any, BinaryIO
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import orjson

START_SECONDS = 20.0
STOP_SECONDS = 5.0
READY = re.compile(r"sandbox ready at (http://\S+)")
ROOT = Path(__file__).parents[2]


class SandboxClient:
    """What a test asks of a running sandbox at `url`. Proxies of the environment are left aside."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = build_opener(ProxyHandler({}))

    def control(self, document: dict[str, Any] | Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Posts a rule, a list of rules or a control document. Raises ValueError with the sandbox's line where it refuses."""
        return dict(self._call("POST", "/_control", orjson.dumps(document)))

    def reset(self) -> None:
        """Ends all rules, takes back all changes, empties the log."""
        self.control({"reset": True})
        self._call("DELETE", "/_log")

    def truth(self, site: str, keyword: str, city: str = "") -> dict[str, Any]:
        """`total`, `ids`, `reachable`, `rows` of a search; `city` is a national name or the site's code. Raises ValueError."""
        return dict(self._call("GET", f"/_truth?{urlencode({'site': site, 'keyword': keyword, 'city': city})}"))

    def log(self) -> list[dict[str, Any]]:
        """What was asked so far, oldest first."""
        return list(self._call("GET", "/_log"))

    def get(self, target: str, **headers: str) -> Any:
        """What a site answers to a GET of `target` (prefix and all), decoded. Raises ValueError for an HTTP error."""
        return self._call("GET", target, headers=headers)

    def _call(self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        request = Request(self.url + target, data=body, method=method, headers=headers or {})  # noqa: S310 - our own loopback address
        try:
            with self._opener.open(request, timeout=30) as response:
                return orjson.loads(response.read())
        except HTTPError as error:
            with error:
                raise ValueError(error.read().decode().strip()) from None


class RunningSandbox(SandboxClient):
    """A sandbox that this process started. `pid` is its process id; what it prints to standard error is in `errors()`."""

    def __init__(self, url: str, pid: int, errors: BinaryIO) -> None:
        super().__init__(url)
        self.pid = pid
        self._errors = errors

    def errors(self) -> str:
        """What it has printed to standard error so far."""
        self._errors.seek(0)
        return self._errors.read().decode()


@contextmanager
def running_sandbox(*arguments: str) -> Iterator[RunningSandbox]:
    """Starts `python -m jobdata_scrapy.sandbox --port 0 <arguments>`, ends it with the block,
    and with this process, however that ends.

    Raises RuntimeError with what the sandbox said where it does not start.
    """
    command = [sys.executable, "-m", "jobdata_scrapy.sandbox", "--port", "0", "--until-eof", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))}
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
        ) as process,
    ):
        try:
            yield RunningSandbox(_read_address(process, errors), process.pid, errors)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _read_address(process: subprocess.Popen[bytes], errors: BinaryIO) -> str:
    stdout = process.stdout
    if stdout is None:
        raise RuntimeError("the sandbox was started without a pipe")
    ready, _, _ = select([stdout], [], [], START_SECONDS)
    found = READY.search(stdout.readline().decode()) if ready else None
    if found is None:
        errors.seek(0)
        raise RuntimeError(f"the sandbox did not start: {errors.read().decode().strip() or 'no answer'}")
    return found[1]
