"""The signature of requests; everything else about them is in `destination.json`."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from actions_core import Destination

if TYPE_CHECKING:
    from actions_core import Context, Request

destination = Destination.from_package(__package__)


@destination.prepare
def sign(request: Request, context: Context) -> Request:
    """Write the body as JavaScript does, and with a shared secret sign it: the HMAC by SHA-1, in hexadecimal.

    Receivers of Segment's webhook compute the signature from `JSON.stringify` of the body that they read,
    so that is how it is written. What is signed is what `content` gives: the very bytes that go out.
    """
    request = request.evolve(stringify=True)
    secret = context.settings.get("sharedSecret")
    body, _ = request.content()
    if not secret or body is None:
        return request
    signature = hmac.new(str(secret).encode("utf-8", "replace"), body, hashlib.sha1).hexdigest()
    return request.with_headers({"X-Signature": signature})
