"""robots.txt of the fake sites."""

from __future__ import annotations

from jobdata_scrapy.sandbox.sites.contract import Reply

PLAIN = "text/plain;charset=utf-8"


def robots_reply(*, refuse: bool = False, web: bool = False) -> Reply:
    """A site's robots.txt: the API paths are allowed, or nothing is; `web`: no address with a query is, as at zhaopin."""
    text = "User-agent: *\nDisallow: /*?*\n" if web else "User-agent: *\nAllow: /\n"
    text = "User-agent: *\nDisallow: /\n" if refuse else text
    return Reply(body=text.encode(), content_type=PLAIN)


def root_robots(refused: list[str]) -> Reply:
    """The robots.txt of the sandbox's host; `refused` are path prefixes of sites."""
    lines = ["User-agent: *", *(f"Disallow: {prefix}/" for prefix in refused), "Allow: /"]
    return Reply(body=("\n".join(lines) + "\n").encode(), content_type=PLAIN)
