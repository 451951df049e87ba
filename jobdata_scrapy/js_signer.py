"""Calls the operator's own signing script (PyExecJS on Node.js), off the event loop and with a time limit.

PyExecJS has no time limit of its own: `timeout` from coreutils ends a script that hangs, and the calls have an executor of their
own, so that a slow script never holds the threads others need.
"""

from __future__ import annotations

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from execjs import Error as ExecJsError
from execjs import ExternalRuntime
from execjs._runner_sources import Node

from jobdata_scrapy.exceptions import ConfigError, SignerError

TIME_LIMIT_SECONDS = 5
FUNCTION = "sign"


class JsSigner:
    """The script at `path` (setting `setting`), which defines `function sign(target, token, nowMs)` returning a string.

    Raises ConfigError naming the setting when the script, Node.js or `timeout` is missing.
    """

    def __init__(self, path: str, setting: str, *, time_limit: int = TIME_LIMIT_SECONDS) -> None:
        try:
            source = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{setting}: cannot read the script {path!r}: {type(error).__name__}") from None
        for program in ("node", "timeout"):
            if shutil.which(program) is None:
                raise ConfigError(f"{setting}: needs the program {program!r} on PATH (Node.js 20 or later, GNU coreutils)")
        runtime = ExternalRuntime("Node.js", ["timeout", str(time_limit), "node"], Node, tempfile=True)
        self._context = runtime.compile(source)
        self._setting = setting
        self._limit = time_limit
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="js-signer")

    async def sign(self, target: str, token: str, now: float) -> str:
        """The script's value for a request target (path and query), the session token and POSIX seconds. Raises SignerError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._call, target, token, int(now * 1000))

    def _call(self, target: str, token: str, now_ms: int) -> str:
        try:
            value = self._context.call(FUNCTION, target, token, now_ms)
        except (ExecJsError, IndexError, ValueError, OSError) as error:
            # the script's own text may hold the token: name the kind of failure only
            limit = " (time limit)" if getattr(error, "status", None) == 124 else ""
            raise SignerError(f"{self._setting}: {FUNCTION}() failed: {type(error).__name__}{limit}") from None
        if not isinstance(value, str) or not value:
            raise SignerError(f"{self._setting}: {FUNCTION}() must return a non-empty string, got {type(value).__name__}")
        return value

    def close(self) -> None:
        """Lets go of the threads; a call under way is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)
