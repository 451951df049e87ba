"""Exits as settings name them, and what of them may be shared."""

import pytest

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ConfigError
from jobdata_scrapy.exit_sources import read_by_setting
from jobdata_scrapy.exits import DIRECT, Exit, read_setting, tunnel_exits, without_credentials


def test_tunnel_with_credentials_that_need_quoting():
    config = Config(_env_file=None, proxy_tunnel="tunnel.example:15818", proxy_username="u", proxy_password="p@:/")
    (exit_,) = tunnel_exits(config)
    assert exit_.proxy_url == "http://u:p%40%3A%2F@tunnel.example:15818"
    assert exit_.name == "http://tunnel.example:15818"
    assert "p%40" not in repr(exit_)


def test_proxy_url_wins_over_the_tunnel():
    config = Config(_env_file=None, proxy_url="socks5://127.0.0.1:1080", proxy_tunnel="x:1")
    named = {setting: [one.name for one in listed.exits] for setting, listed in read_by_setting(config).items()}
    assert named == {"PROXY_URL": ["socks5://127.0.0.1:1080"], "PROXY_LIST": [], "PROXY_FILE": []}


@pytest.mark.parametrize("url", ["ftp://u:secret@h:1", "http://u:secret@h", "secret", "http://u:secret@h:99999999", "socks5://"])
def test_a_wrong_address_is_refused_without_showing_it(url):
    with pytest.raises(ConfigError, match=r"^PROXY_URL: ") as caught:
        read_setting(url, "PROXY_URL")
    assert "secret" not in str(caught.value)


def test_credentials_can_be_left_out():
    shared = without_credentials(Exit("socks5://h:1#ab12", "socks5://u:p%40@h:1"), "node-1")
    assert shared == Exit("socks5://h:1#ab12", "socks5://h:1", node="node-1")
    assert without_credentials(DIRECT, "node-1") is DIRECT
