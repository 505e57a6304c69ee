"""Requests in one form, whichever side made them: address, query, headers and body, each as JSON."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import attrs

if TYPE_CHECKING:
    from actions_core.http.requests import Request
    from actions_core.values.types import Json, JsonObject

#: Headers that differ by nature: how a message is framed, and which program sends it.
_OWN: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "host", "transfer-encoding", "user-agent"}
)
_SAFE: Final = "%/:@!$&'()*+,;=~-._[]|"
#: What stands for itself in a part of a path, and may be percent-encoded all the same.
_UNRESERVED: Final = re.compile(
    r"%(2D|2E|5F|7E|21|27|28|29|2A|24|26|2B|2C|3A|3B|3D|4[0-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9A]|3[0-9])",
    re.IGNORECASE,
)


@attrs.frozen
class PlainRequest:
    """A request as it is compared: `query` has the values of each name, `kind` says how `body` is written."""

    method: str
    url: str
    query: JsonObject
    headers: JsonObject
    kind: str
    body: Json
    address: str = attrs.field(default="", eq=False)  #: the URL as it was, with its query

    @property
    def parts(self) -> JsonObject:
        """The request as JSON, by the names of its leaves."""
        parts: JsonObject = {"method": self.method, "url": self.url}
        for key in ("query", "headers"):
            if getattr(self, key):
                parts[key] = getattr(self, key)
        if self.kind:
            parts[self.kind] = self.body
        return parts


def recorded_request(data: JsonObject) -> PlainRequest:
    """Return a request that the published destination made, as its process tells of it."""
    body = base64.b64decode(data["base64"]) if "base64" in data else data.get("body", "").encode()
    return _plain(data["method"], data["url"], data["headers"], body)


def our_request(request: Request) -> PlainRequest:
    """Return a request of ours, complete as a transport gets it."""
    body, kind = request.content()
    headers = {name.lower(): value for name, value in request.headers.items()}
    if kind is not None:
        headers.setdefault("content-type", kind)
    return _plain(request.method, request.url, headers, body or b"")


def _plain(method: str, url: str, headers: Any, body: bytes) -> PlainRequest:
    split = urlsplit(url)
    media = str(headers.get("content-type", "")).partition(";")[0].strip().lower()
    kind, value = _body(body, media)
    kept = {name.lower(): value for name, value in headers.items() if name.lower() not in _OWN}
    kept.pop("content-type", None)
    if kind and media and not (kind == "text" and media == "text/plain"):
        kept["content-type"] = media
    pairs: dict[str, Json] = {}
    for name, text in parse_qsl(split.query, keep_blank_values=True):
        pairs.setdefault(name, []).append(text)
    query = {name: values[0] if len(values) == 1 else values for name, values in pairs.items()}
    address = f"{split.scheme}://{split.netloc.lower()}{_path(split.path or '/')}"
    return PlainRequest(method.upper(), address, query, kept, kind, value, url)


def _path(path: str) -> str:
    """Spell a path in one way: what need not be percent-encoded is not."""
    encoded = quote(path, safe=_SAFE)
    return _UNRESERVED.sub(lambda found: chr(int(found[1], 16)), encoded)


def _body(body: bytes, media: str) -> tuple[str, Json]:  # noqa: PLR0911  # one for each kind of body
    if not body:
        return "", None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "base64", base64.b64encode(body).decode()
    if media == "application/x-www-form-urlencoded":
        pairs: dict[str, Any] = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            pairs.setdefault(name, []).append(value)
        return "form", {name: values[0] if len(values) == 1 else values for name, values in pairs.items()}
    value = _json(text)
    if value is not _NO_JSON and not isinstance(value, str | int | float | bool | None):
        return "json", value
    if "\n" in text.strip():
        lines = [_json(line) for line in text.strip().split("\n")]
        if all(isinstance(line, dict | list) for line in lines):
            return "lines", lines
    if value is not _NO_JSON and "json" in media:
        return "json", value
    return "text", text


_NO_JSON: Final = object()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NO_JSON
