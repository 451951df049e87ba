"""What a browser needs to read a page for us. Pure but for the look at the file of its program."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ConfigError
from jobdata_scrapy.exit_sources import read_by_setting

# /dev/shm is small in containers; the rest keeps the browser from talking to anybody but the site.
ARGUMENTS = (
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--no-first-run",
)
UNNEEDED = frozenset({"image", "font", "media"})
"""Kinds of what a page loads (Playwright's `resource_type`) that are not asked for: nothing of ours stands in them."""

WRITE_STATE = """name => {
    const script = document.createElement("script");
    script.type = "application/json";
    script.textContent = name + "=" + JSON.stringify(window[name]).replace(/</g, "\\\\u003c");
    document.documentElement.appendChild(script);
}"""
"""Writes a variable of the page into its document, so that the HTML we get has what the page's scripts made."""


def check_browser(config: Config) -> None:
    """Refuses what no browser page could come of: a missing program, and any configured exit that a browser cannot use, since a
    page leaves through whichever is leased. Raises ConfigError naming the setting."""
    program = config.browser_executable
    if not (os.path.isfile(program) and os.access(program, os.X_OK)):
        raise ConfigError(
            f"BROWSER_EXECUTABLE: {program!r} is no program; details=html needs Chromium (Debian: package chromium)"
        )
    for setting, listed in read_by_setting(config).items():
        for one in filter(lambda found: found.proxy_url, listed.exits):
            try:
                browser_proxy(str(one.proxy_url))
            except ValueError as error:
                raise ConfigError(f"{setting}: {error} ({one.name})") from None


def launch_options(program: str, environment: dict[str, str], *, as_root: bool) -> dict[str, Any]:
    """Playwright's options to start `program`. The environment's proxies are left out: the exit is chosen by us."""
    kept = {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if as_root else [])]  # Chromium refuses to run as root with its sandbox
    return {"executable_path": program, "headless": True, "args": arguments, "env": kept}


def browser_proxy(url: str) -> dict[str, str]:
    """Playwright's proxy option for a proxy URL. Raises ValueError, without the URL, for SOCKS with a password."""
    parts = urlsplit(url)
    scheme = "socks5" if parts.scheme == "socks5h" else parts.scheme  # Chromium leaves names to a SOCKS proxy anyway
    if scheme == "socks5" and parts.username:
        raise ValueError("Chromium cannot give a SOCKS proxy a password; take an HTTP proxy for details=html")
    proxy = {"server": f"{scheme}://{parts.hostname}:{parts.port}"}
    if parts.username:
        proxy |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    return proxy
