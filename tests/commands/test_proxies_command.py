"""`scrapy proxies`: passwords are never shown; `check` makes a real connection."""

from __future__ import annotations

import http.server
import io
import json
import re
import socketserver
import threading

import pytest
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands.proxies import Command
from jobdata_scrapy.db.cipher import make_key
from tests.commands.command_parts import Runner, make_runner


class Proxy(http.server.BaseHTTPRequestHandler):
    """A proxy that answers everything by itself, telling who asked for what."""

    def do_GET(self) -> None:
        body = f"{self.path} {self.headers.get('Proxy-Authorization')}".encode()
        self.server.asked.append(body.decode())
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as server:
        server.asked, server.status = [], 204
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(tmp_path, capsys) -> Runner:
    return make_runner(Command, tmp_path, capsys, TOKEN_KEY=make_key())


def test_a_proxy_with_a_password_is_kept_and_works_and_shows_none(run, proxy, monkeypatch):
    port = proxy.server_address[1]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"http://user:hunter2@127.0.0.1:{port}\n"))
    added, listed = run("add", "--stdin").out, run("list").out
    checked = run("check", "--url", "http://site.example/robots.txt").out
    assert re.fullmatch(rf"http://127\.0\.0\.1:{port}#[0-9a-f]+: new\n", added)
    assert re.fullmatch(rf"http://127\.0\.0\.1:{port}#[0-9a-f]+: HTTP 204 in \d+ ms\n", checked)
    assert proxy.asked == ["http://site.example/robots.txt Basic dXNlcjpodW50ZXIy"]
    assert "hunter2" not in added + listed + checked + run("list", "--json").out


def test_what_does_not_work_is_told_without_its_password(run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("socks5://user:hunter2@127.0.0.1:9\n"))
    run("add")
    checked = run("check")
    assert re.search(r": does not work: \w+\n$", checked.out)
    assert checked.code == 1
    assert "hunter2" not in checked.out


def test_a_proxy_that_refuses_its_password_does_not_work(run, proxy, monkeypatch):
    proxy.status = 407
    monkeypatch.setattr("sys.stdin", io.StringIO(f"http://user:hunter2@127.0.0.1:{proxy.server_address[1]}\n"))
    run("add")
    checked = run("check", "--url", "http://site.example/robots.txt")
    assert checked.out.endswith(": does not work: HTTP 407, the proxy refuses its user name or password\n")
    assert checked.code == 1


def test_one_that_does_not_work_among_others_is_exit_code_1(run, proxy):
    run("add", f"http://127.0.0.1:{proxy.server_address[1]}")
    assert run("check", "--url", "http://site.example/").code == 0
    run("add", "http://127.0.0.1:9")
    assert run("check", "--url", "http://site.example/").code == 1


def test_a_list_is_imported_and_bad_lines_are_told(run, tmp_path):
    path = tmp_path / "proxies.txt"
    path.write_text("# mine\n127.0.0.1:81\n\nftp://x\nsocks5://127.0.0.1:82\n", "utf-8")
    first = run("import", str(path))
    assert (first.lines[-1], first.code) == ("2 new, 0 known, 1 bad lines left out", 1)
    assert run("import", str(path)).lines[0].startswith("line 4: its scheme is none of")
    assert [row["exit"] for row in json.loads(run("list", "--json").out)] == ["http://127.0.0.1:81", "socks5://127.0.0.1:82"]
    assert run("remove", "http://127.0.0.1:81").lines == ["http://127.0.0.1:81: removed"]
    assert [row["exit"] for row in json.loads(run("list", "--json").out)] == ["socks5://127.0.0.1:82"]


def test_the_own_address_can_be_added(run):
    assert run("list").lines[0].startswith("no exits: every machine asks through its own address")
    assert run("add", "direct").lines == ["direct: new"]
    assert run("add", "direct").lines == ["direct: known"]


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        (["add", "http://user:hunter2@h:1"], {}, "^url: has credentials, which every user of this machine could see here"),
        (["add", "h:1:user:hunter2"], {}, "^url: has credentials"),
        (["add", "ftp://h:1"], {}, "^url: its scheme is none of http, https, socks5, socks5h$"),
        (["import", "nothing.txt"], {}, "^file: 'nothing.txt' cannot be read: No such file"),
        (["check"], {}, "^no proxy is known$"),
        (["check", "http://h:1"], {}, "^name: 'http://h:1' is not known"),
        (["remove", "http://h:1"], {}, "^name: 'http://h:1' is not known"),
        (["add"], {"TOKEN_KEY": ""}, "^TOKEN_KEY: is missing"),
    ],
)
def test_what_is_wrong_is_one_line(run, monkeypatch, words, settings, message):
    monkeypatch.setattr("sys.stdin", io.StringIO("http://user:hunter2@h:1\n"))
    with pytest.raises(UsageError, match=message) as caught:
        run(*words, **settings)
    assert "hunter2" not in str(caught.value)
