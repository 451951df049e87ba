"""What a browser is started with, and which proxies it can use."""

import pytest

from jobdata_scrapy.browser import browser_proxy, check_browser, launch_options
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ConfigError


def test_the_sandbox_of_chromium_is_given_up_for_root_only():
    assert "--no-sandbox" in launch_options("/usr/bin/chromium", {}, as_root=True)["args"]
    assert "--no-sandbox" not in launch_options("/usr/bin/chromium", {}, as_root=False)["args"]


def test_proxies_of_the_environment_are_left_aside():
    given = {"HTTP_PROXY": "http://a:1", "https_proxy": "http://a:1", "NO_PROXY": "x", "PATH": "/bin"}
    assert launch_options("/usr/bin/chromium", given, as_root=False)["env"] == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://host:8080", {"server": "http://host:8080"}),
        ("https://u%40x:p%3Aw@host:8080", {"server": "https://host:8080", "username": "u@x", "password": "p:w"}),
        ("socks5://host:1080", {"server": "socks5://host:1080"}),
        ("socks5h://host:1080", {"server": "socks5://host:1080"}),
    ],
)
def test_a_proxy_as_playwright_takes_it(url, proxy):
    assert browser_proxy(url) == proxy


def test_socks_with_a_password_is_refused_without_showing_it():
    with pytest.raises(ValueError, match="SOCKS proxy a password") as caught:
        browser_proxy("socks5h://user:hunter2@host:1080")
    assert "hunter2" not in str(caught.value)


@pytest.fixture
def program(tmp_path) -> str:
    """Something that could be a browser."""
    path = tmp_path / "browser"
    path.touch(mode=0o755)
    return str(path)


def test_a_file_that_is_no_program_is_refused(tmp_path):
    path = tmp_path / "chromium"
    path.write_text("")
    for program in (tmp_path, path, tmp_path / "missing"):
        with pytest.raises(ConfigError, match=r"BROWSER_EXECUTABLE: .* is no program; details=html needs Chromium"):
            check_browser(Config(_env_file=None, browser_executable=str(program)))
    path.chmod(0o755)
    check_browser(Config(_env_file=None, browser_executable=str(path)))


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"proxy_url": "socks5://u:hunter2@h:1"}, "PROXY_URL"),
        ({"proxy_list": "http://u:p@a:1, socks5://b:2, socks5h://u:hunter2@c:3"}, "PROXY_LIST"),
        (
            {"proxy_tunnel": "t:1", "proxy_scheme": "socks5", "proxy_username": "u", "proxy_password": "hunter2"},
            "PROXY_TUNNEL",
        ),
    ],
)
def test_any_exit_that_a_browser_cannot_use_is_refused_by_its_setting(program, given, setting):
    with pytest.raises(
        ConfigError, match=rf"^{setting}: Chromium cannot give a SOCKS proxy a password.* \(socks5h?://.:."
    ) as caught:
        check_browser(Config(_env_file=None, browser_executable=program, **given))
    assert "hunter2" not in str(caught.value)


def test_exits_of_a_file_count_too(program, tmp_path):
    path = tmp_path / "proxies.txt"
    path.write_text("socks5://a:1\nhttp://u:p@b:2\n")
    check_browser(Config(_env_file=None, browser_executable=program, proxy_file=str(path)))
    path.write_text("socks5://a:1\nsocks5://u:p@b:2\n")
    with pytest.raises(ConfigError, match=r"^PROXY_FILE: "):
        check_browser(Config(_env_file=None, browser_executable=program, proxy_file=str(path)))
