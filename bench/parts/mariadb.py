"""A MariaDB server of the benchmark's own (Debian: mariadb-server), in a folder that goes away with it."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql

START_SECONDS = 60


@contextmanager
def mariadb_server() -> Iterator[str]:
    """A DATABASE_URL of an empty database. Raises RuntimeError where there is no MariaDB, or it does not start."""
    if not (shutil.which("mariadbd") and shutil.which("mariadb-install-db")):
        raise RuntimeError("no MariaDB server here (Debian: apt install mariadb-server); or give --url")
    with tempfile.TemporaryDirectory(prefix="jobdata-bench-") as folder:
        data, log = Path(folder, "data"), Path(folder, "log")
        user = f"--user={getpass.getuser()}"
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", user]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = _free_port()
        command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={folder}/socket", f"--port={port}", user]
        command += ["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=512M", "--innodb-flush-log-at-trx-commit=2"]
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
            try:
                _make_database(port, process, log)
                yield f"mysql://root:@127.0.0.1:{port}/bench"
            finally:
                process.terminate()


def _make_database(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with pymysql.connect(host="127.0.0.1", port=port, user="root") as connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE bench CHARACTER SET utf8mb4")
            return
        except pymysql.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}") from None
            time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
