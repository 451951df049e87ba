"""An exit is one way out: the machine's own address, or a proxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.exceptions import ConfigError

SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Exit:
    """name: without credentials, fit for logs and stats; proxy_url: None for the machine's own address."""

    name: str
    proxy_url: str | None = field(default=None, repr=False)


def configured_exit(config: Config) -> Exit:
    """The exit that the settings name: PROXY_URL, else PROXY_TUNNEL with its credentials, else the machine's own address.

    Raises ConfigError naming the setting, without its value (it may hold a password).
    """
    if url := secret_value(config.proxy_url):
        return _proxy_exit(url, "PROXY_URL")
    if config.proxy_tunnel:
        user, password = secret_value(config.proxy_username), secret_value(config.proxy_password)
        credentials = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
        return _proxy_exit(f"{config.proxy_scheme}://{credentials}{config.proxy_tunnel}", "PROXY_TUNNEL")
    return Exit("direct")


def _proxy_exit(url: str, setting: str) -> Exit:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in SCHEMES and parts.hostname and parts.port
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError(
            f"{setting}: is not a proxy address such as http://host:8080; the scheme is one of {', '.join(SCHEMES)}"
        )
    return Exit(f"{parts.scheme}://{parts.hostname}:{parts.port}", url)
