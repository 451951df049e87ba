"""51job's request signature: header `sign` = lower-case hex HMAC-SHA256 over the request as sent.

Message: path + "?" + query exactly as they go on the wire (api_key and timestamp first), followed by the JSON body of a POST.
Key: the operator's (QCWY_SIGN_KEY). Source: the site's web and mini-program clients; three independent implementations agree.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from jobdata_scrapy.platform import RequestSpec, SignContext
from spiders.qcwy.requests import SEARCH_PATH

SIGNED_SEARCH_PATH = "/open/noauth/search-pc"


def sign(spec: RequestSpec, context: SignContext) -> RequestSpec:
    """The spec as it goes on the wire.

    Without a key the open endpoint is asked as it stands. With a key a list request becomes the one of the site's own web page
    (`to_signed_search`), every request gets api_key and timestamp in front, and the signature is made last, over all of it.
    """
    named = spec.with_headers(("uuid", context.nonce))
    if not context.secret:
        return named
    stamped = add_timestamp(to_signed_search(named), context.now)
    return stamped.with_headers(("sign", make_signature(signed_message(stamped), context.secret)))


def to_signed_search(spec: RequestSpec) -> RequestSpec:
    """The signed endpoint's form of a list request: its path, source 1 for 3, and its page code. Other requests stay."""
    if spec.path != SEARCH_PATH:
        return spec
    params = tuple((name, "1" if name == "source" else value) for name, value in spec.params)
    return replace(spec, path=SIGNED_SEARCH_PATH, params=(*params, ("pageCode", "sou|sou|soulb"), ("scene", "7")))


def add_timestamp(spec: RequestSpec, now: float) -> RequestSpec:
    """api_key and timestamp (whole seconds) first, as the site's own client sends them."""
    rest = tuple(param for param in spec.params if param[0] not in ("api_key", "timestamp"))
    return replace(spec, params=(("api_key", "51job"), ("timestamp", str(int(now))), *rest))


def signed_message(spec: RequestSpec) -> bytes:
    """What the signature is made over: the target as sent, and the body of a POST."""
    return spec.target.encode() + spec.body


def make_signature(message: bytes, secret: str) -> str:
    """Lower-case hex HMAC-SHA256."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
