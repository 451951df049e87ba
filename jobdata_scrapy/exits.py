"""An exit is one way out: the machine's own address, a proxy, or a session of a tunnel; and how a line that names one is read."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.exceptions import ConfigError

SCHEMES = ("http", "https", "socks5", "socks5h")
FORMS = "scheme://user:password@host:port, host:port, host:port:user:password or user:password@host:port"
ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?):([0-9]{1,5})")
WITH_CREDENTIALS = re.compile(rf"({ADDRESS.pattern}):([^:@]+):(.+)")


@dataclass(frozen=True, slots=True)
class Exit:
    """name: without credentials, fit for logs and stats; proxy_url: None for the machine's own address; node: the only one that
    can use it, "" where all can."""

    name: str
    proxy_url: str | None = field(default=None, repr=False)
    node: str = ""


DIRECT = Exit("direct")


def read_exit(line: str, default_scheme: str = "http") -> Exit:
    """The proxy that a line names, in one of FORMS. In the URL form, credentials are percent-encoded where they need to be.

    The name depends on the line alone. With a user it ends in a short hash of the user's name: the users of one gateway are exits
    of their own. Raises ValueError saying what is wrong, without showing the line (it may hold a password).
    """
    scheme, mark, rest = line.strip().partition("://")
    scheme, rest = (scheme.lower(), rest) if mark else (default_scheme, scheme)
    if scheme not in SCHEMES:
        raise ValueError(f"its scheme is none of {', '.join(SCHEMES)}")
    credentials, at, address = rest.rstrip("/").rpartition("@")
    if at and ADDRESS.fullmatch(address):
        user, _, password = credentials.partition(":")
        if mark:
            user, password = unquote(user), unquote(password)
        if not user:
            raise ValueError("its user name is empty")
    elif found := WITH_CREDENTIALS.fullmatch(rest):
        address, user, password = found[1], found[4], found[5]
    else:
        address, user, password = rest.rstrip("/"), "", ""
    return make_exit(scheme, address, user, password)


def make_exit(scheme: str, address: str, user: str = "", password: str = "", *, label: str | None = None) -> Exit:
    """The proxy at `address` ("host:port"); `label` ends its name, by default a short hash of the user's name.

    Raises ValueError without showing any of them.
    """
    found = ADDRESS.fullmatch(address)
    if found is None or not 1 <= int(found[2]) <= 65535 or not _is_host(found[1]):
        raise ValueError(f"is not a proxy address such as http://host:8080; allowed: {FORMS}")
    place = f"{found[1].lower()}:{int(found[2])}"
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    if label is None:
        label = hashlib.blake2b(user.encode(), digest_size=3).hexdigest() if user else ""
    return Exit(f"{scheme}://{place}" + (f"#{label}" if label else ""), f"{scheme}://{credentials}{place}")


def without_credentials(one: Exit, node: str) -> Exit:
    """The exit under the same name, its user name and password left out: of use to the node alone that knows them."""
    if one.proxy_url is None or "@" not in one.proxy_url:
        return one
    scheme, _, rest = one.proxy_url.partition("://")
    return Exit(one.name, f"{scheme}://{rest.rpartition('@')[2]}", node)


def read_setting(url: str, setting: str) -> Exit:
    """The proxy in a setting: a URL with its scheme. Raises ConfigError naming the setting, without its value."""
    try:
        if "://" not in url:
            raise ValueError(f"is not a proxy address such as http://host:8080; the scheme is one of {', '.join(SCHEMES)}")
        return read_exit(url)
    except ValueError as error:
        raise ConfigError(f"{setting}: {error}") from None


def tunnel_exits(config: Config) -> list[Exit]:
    """The sessions of the tunnel, told apart by user names; a single one goes by PROXY_USERNAME itself. Raises ConfigError."""
    user, password = secret_value(config.proxy_username), secret_value(config.proxy_password)
    count = config.proxy_tunnel_sessions
    if count > 1 and not user:
        raise ConfigError("PROXY_TUNNEL_SESSIONS: needs PROXY_USERNAME, which tells the sessions apart")
    template = config.proxy_tunnel_username_template if count > 1 else "{username}"
    try:
        return [
            make_exit(
                config.proxy_scheme,
                config.proxy_tunnel,
                template.format(username=user, session=number),
                password,
                label=f"session-{number}" if count > 1 else "",
            )
            for number in range(1, count + 1)
        ]
    except ValueError as error:
        raise ConfigError(f"PROXY_TUNNEL: {error}") from None


def _is_host(text: str) -> bool:
    """A name, or an address that is one."""
    try:
        if text.startswith("["):
            ipaddress.IPv6Address(text[1:-1])
        elif re.fullmatch(r"[0-9.]+", text):
            ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
