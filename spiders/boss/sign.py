"""How a request to the mini program's endpoints identifies itself. No signature: the session token is the only credential."""

from __future__ import annotations

from urllib.parse import quote

from jobdata_scrapy.platform import RequestSpec, SignContext
from spiders.boss.requests import APP_ID

REFERER = "https://servicewechat.com/"  # the mini program's own app id and build are the operator's business
PLATFORM_HEADER = "miniapp"


def sign(spec: RequestSpec, context: SignContext) -> RequestSpec:
    """Adds the mini program's headers, the operator's token (`mpt`), and the value of the operator's script where there is one.

    `context.script_value` is the bare web token; it goes out URL-encoded, as the cookie `__zp_stoken__`. Parameters stay.
    """
    headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("referer", REFERER),
        ("zp_app_id", APP_ID),
        ("platform", PLATFORM_HEADER),
        ("traceid", f"F-{context.nonce}"),
    ]
    if context.token:
        headers.append(("mpt", context.token))
    if context.script_value:
        headers.append(("cookie", f"__zp_stoken__={quote(context.script_value, safe='')}"))
    return spec.with_headers(*headers)
