"""The local server's life: who starts it, what it survives, when it ends."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clickhouse_connect
import psutil
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.exceptions import LocalServerError
from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles, ServerState
from jobdata_scrapy.warehouse.local_server.handler import Server
from jobdata_scrapy.warehouse.local_server.starter import LocalServerLease
from tests.warehouse.warehouse_parts import ROOT, WAIT_SECONDS, end_server, make_config, wait_until_gone

pytestmark = pytest.mark.slow

USE_IT = """
import sys
from pathlib import Path
from jobdata_scrapy.config import Config
from jobdata_scrapy.warehouse.client import connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
folder = Path(sys.argv[1])
print("waiting", flush=True)
sys.stdin.readline()
client = connect(Config(_env_file=None, jobdata_dir=folder, clickhouse_host="", local_server_idle_seconds=60))
assert client.command("SELECT 1") == 1
print(ServerFiles(folder).read_state().pid, flush=True)
"""


def start_user(folder: Path, code: str = USE_IT) -> subprocess.Popen[str]:
    """A process of its own that uses the store when it is sent a line."""
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def state_of(files: ServerFiles) -> ServerState:
    state = files.running_state()
    assert state is not None, "the local server does not run"
    return state


def wait_for_log(files: ServerFiles, text: str) -> None:
    wait_until_gone(files)
    assert text in files.last_log_line()


def test_starts_on_loopback_with_a_password_for_its_owner_only(own_dir: Path):
    client = connect(make_config(own_dir))
    assert client.command("SELECT currentDatabase()") == "job_data"
    files = ServerFiles(own_dir)
    state = state_of(files)
    assert stat.S_IMODE(files.state.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.home.stat().st_mode) == 0o700
    assert len(state.password) >= 32
    assert state.password not in repr(state)
    assert state.password not in files.log.read_text()
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{state.port:04X}")] == [f"0100007F:{state.port:04X}"]
    assert os.getsid(state.pid) != os.getsid(0)
    client.close()


def test_ends_on_sigterm_clean_and_keeps_port_and_password(own_dir: Path):
    client = connect(make_config(own_dir))
    client.command("CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a")
    client.command("INSERT INTO t VALUES (1)")
    files = ServerFiles(own_dir)
    before = state_of(files)
    os.kill(before.pid, signal.SIGTERM)
    wait_for_log(files, "ended: told to")
    assert client.command("SELECT sum(a) FROM t") == 1  # refused: started again
    after = state_of(files)
    assert (after.port, after.password) == (before.port, before.password)
    assert after.pid != before.pid
    client.close()


def test_a_server_that_ends_takes_no_further_request_on_connections_that_are_open():
    """The engine is closed once those in flight have ended: one that came then would open it again, and hold it for ever."""
    server = Server(("127.0.0.1", 0))
    try:
        with server:
            assert not server.drain(0)
            with pytest.raises(ConnectionResetError), server:
                pass
        assert server.drain(0)
    finally:
        server.server_close()


def test_it_ends_although_its_clients_go_on_asking(own_dir: Path):
    """On connections that are open already; they find the next server."""
    client, files, over = connect(make_config(own_dir)), ServerFiles(own_dir), threading.Event()
    client.command("CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a AS SELECT 1")
    answered = threading.Semaphore(0)

    def ask() -> None:
        while not over.is_set():
            client.query("SELECT sum(number), count() FROM numbers(100000)")
            client.query("SELECT count() FROM t")
            answered.release()

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            for _ in range(3):
                for _ in range(100):
                    answered.acquire()
                owner = psutil.Process(state_of(files).pid)
                owner.terminate()
                owner.wait(WAIT_SECONDS)
        finally:
            over.set()
        assert [one.exception() for one in asking] == [None] * 4
    client.close()


def test_another_program_on_its_port_makes_it_choose_another(own_dir: Path):
    client = connect(make_config(own_dir))
    client.command("SELECT 1")
    files = ServerFiles(own_dir)
    before = state_of(files)
    end_server(files, signal.SIGKILL)
    with socket.create_server((before.host, before.port)):
        other = connect(make_config(own_dir))
        assert other.command("SELECT 1") == 1
        other.close()
    after = state_of(files)
    assert after.port != before.port
    assert after.password != before.password
    assert client.command("SELECT 1") == 1  # knew the old port only
    client.close()


def test_another_server_on_its_port_is_found_out_by_the_refused_password(own_dir: Path):
    client = connect(make_config(own_dir))
    client.command("SELECT 1")
    files = ServerFiles(own_dir)
    old = state_of(files)
    end_server(files, signal.SIGKILL)
    files.write_state(ServerState(port=old.port, password="another one"))
    other = connect(make_config(own_dir))
    other.command("SELECT 1")
    assert state_of(files).port == old.port
    assert client.command("SELECT 1") == 1  # 401: looks again
    client.close()
    other.close()


def test_a_wrong_password_is_an_authentication_error(own_dir: Path):
    lease = LocalServerLease(own_dir, 60)
    state = lease.acquire()
    with pytest.raises(DatabaseError) as failure:
        clickhouse_connect.get_client(host=state.host, port=state.port, username="default", password="no")
    assert failure.value.code == 516
    lease.close()


def test_processes_starting_it_at_the_same_moment_end_with_one(own_dir: Path):
    users = [start_user(own_dir) for _ in range(3)]
    for user in users:
        assert user.stdout is not None
        assert user.stdout.readline() == "waiting\n"
    for user in users:
        assert user.stdin is not None
        user.stdin.write("\n")
        user.stdin.flush()
    answers = [user.communicate(timeout=WAIT_SECONDS) for user in users]
    assert [user.returncode for user in users] == [0, 0, 0], answers
    assert {int(out) for out, _ in answers} == {state_of(ServerFiles(own_dir)).pid}
    assert ServerFiles(own_dir).log.read_text().count("ready on") == 1


def test_a_parent_with_piped_output_ends_at_once(own_dir: Path):
    user = start_user(own_dir)
    out, err = user.communicate("\n", timeout=WAIT_SECONDS)  # an inherited pipe would hold this to the time-out
    assert user.returncode == 0, err
    assert int(out.split()[1]) == state_of(ServerFiles(own_dir)).pid


def test_ends_when_idle_but_not_while_a_client_lives(own_dir: Path):
    first, second = LocalServerLease(own_dir, 0.2), LocalServerLease(own_dir, 0.2)
    assert first.acquire() == second.acquire()
    first.close()
    with pytest.raises(AssertionError, match="did not end"):
        wait_until_gone(second.files, seconds=1.0)
    second.close()
    wait_for_log(second.files, "ended: idle")
    state = second.files.read_state()
    assert state is not None
    assert state.state == "stopped"


def test_a_killed_client_holds_nothing(own_dir: Path):
    user = start_user(own_dir, USE_IT.replace("_idle_seconds=60", "_idle_seconds=0.2") + "sys.stdin.readline()\n")
    assert user.stdin is not None
    assert user.stdout is not None
    user.stdin.write("\n")
    user.stdin.flush()
    assert user.stdout.readline() == "waiting\n"
    assert int(user.stdout.readline()) == state_of(ServerFiles(own_dir)).pid
    assert ServerFiles(own_dir).owner_alive()
    user.kill()
    user.communicate(timeout=WAIT_SECONDS)
    wait_for_log(ServerFiles(own_dir), "ended: idle")


def test_why_it_did_not_start_is_told_in_one_line(own_dir: Path):
    files = ServerFiles(own_dir)
    files.make()
    files.store.write_text("this is no folder")
    client = connect(make_config(own_dir))
    with pytest.raises(LocalServerError) as failure:
        client.command("SELECT 1")
    client.close()
    message = str(failure.value)
    assert message.startswith("the local ClickHouse server did not start: FileExistsError: ")
    assert str(files.log) in message
    assert "\n" not in message


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    client = connect(make_config(tmp_path / "file"))
    with pytest.raises(LocalServerError, match=f"JOBDATA_DIR {tmp_path / 'file'} cannot be used"):
        client.command("SELECT 1")
    client.close()


def test_a_store_of_another_user_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(LocalServerError, match=f"^JOBDATA_DIR {tmp_path} cannot be used: Permission denied$"):
        ServerFiles(tmp_path).has_store()


def test_starts_from_a_zipped_egg(own_dir: Path, tmp_path: Path):
    egg = tmp_path / "jobdata.egg"
    with zipfile.ZipFile(egg, "w") as archive:
        for path in (ROOT / "jobdata_scrapy").rglob("*"):
            if path.suffix in (".py", ".sql", ".json"):
                archive.write(path, path.relative_to(ROOT))
    code = (
        f"import sys; sys.path.insert(0, {str(egg)!r})\n" + USE_IT + "from jobdata_scrapy.warehouse.schema import apply_schema\n"
    )
    code += "assert '003_job_sighting' in apply_schema(client)\nimport jobdata_scrapy; print(jobdata_scrapy.__file__)\n"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(own_dir)],
        cwd=tmp_path, input="\n", capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(str(egg))
    assert state_of(ServerFiles(own_dir))


def test_a_proxy_of_the_environment_does_not_stand_in_between(client: WarehouseClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert client.command("SELECT 1") == 1
