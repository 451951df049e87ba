"""The HTML that stands where JSON was asked for (docs/platforms.md: failures of each site)."""

from __future__ import annotations

from jobdata_scrapy.sandbox.sites.contract import HTML, PREFIXES, Reply

VERIFY_PATHS = {
    "boss": "/web/user/safe/verify-slider",
    "qcwy": "/verify/slider.html",
    "zhilian": "/verify/challenge.html",
}
PAGES = {
    "boss": "<!DOCTYPE html><html><head><title>安全验证</title></head><body>"
    '<div id="wrap" data-action="/wapi/zpAntispam/v2/geetest/validate">为了您的账号安全，请完成验证</div></body></html>',
    "qcwy": "<!DOCTYPE html><html><head><title>滑动验证页面</title></head><body>"
    '<div class="waf-nc-title">访问验证</div><p>请按住滑块，拖动到最右边</p></body></html>',
    "zhilian": "<!DOCTYPE html><html><head><title>Security Verification</title></head><body>"
    "<p>Please complete the challenge to continue.</p><script src='/TencentEOCaptcha.js'></script>"
    "<p>Protected by Tencent Cloud EdgeOne</p></body></html>",
}
BLOCKED = (
    "<!DOCTYPE html><html><head><title>405</title></head><body>"
    "<h1>很抱歉，由于您访问的URL有可能对网站造成安全威胁，您的访问被阻断。</h1></body></html>"
)


def captcha(site: str) -> Reply:
    """The site's verification page, HTTP 200."""
    return Reply(body=PAGES[site].encode(), content_type=HTML)


def captcha_redirect(site: str, host: str = "") -> Reply:
    """HTTP 302 to the site's verification page (which the sandbox serves too)."""
    location = f"{PREFIXES[site]}{host}{VERIFY_PATHS[site]}?callbackUrl=%2F"
    return Reply(body=b"", status=302, content_type=HTML, headers={"Location": location})


def blocked() -> Reply:
    """HTTP 405 of the firewall before 51job."""
    return Reply(body=BLOCKED.encode(), status=405, content_type=HTML)
