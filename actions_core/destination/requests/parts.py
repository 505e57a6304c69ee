"""From resolved parts to a request: each part is taken only in the form that HTTP has for it."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from actions_core.errors import PayloadError
from actions_core.http.requests import Request
from actions_core.values.javascript import number_text
from actions_core.values.types import MISSING, Json, JsonObject
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

METHOD: Final = re.compile(r"[A-Za-z]{1,20}")
_ABSOLUTE: Final = re.compile(r"(https?://[^/?#]*)(.*)", re.DOTALL | re.IGNORECASE)
#: A place in a URL for a value of `path`.
PLACE: Final = re.compile(r"\{([^{}]*)\}")
#: What stands in a URL as it is: its own signs, and what is percent-encoded already.
_URL_SIGNS: Final = "!#$%&'()*+,/:;=?@[]~"
#: How a message is framed, and where a connection leads, is the transport's to say.
FRAMING: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def build_request(parts: Json, places: Sequence[str], *, timeout: float | None, relative: bool) -> Request:
    """Return the request of resolved parts; `places` is its URL cut at the places of `path`, if any."""
    method = text_of("method", parts.get("method", MISSING))
    if not METHOD.fullmatch(method) or method.upper() == "CONNECT":
        raise PayloadError("the request's method must be one word of letters, such as POST")
    url = parts.get("url", MISSING) if not places else _filled(places, parts.get("path"))
    headers = headers_of(parts.get("headers"))
    if "basic" in parts:
        headers = {**headers, "Authorization": basic_of(parts["basic"])}
    return Request(
        method.upper(),
        _url("url", url, relative=relative),
        headers=headers,
        params=pairs_of("params", parts.get("params")),
        json=parts.get("json", MISSING),
        form=pairs_of("form", parts.get("form")),
        timeout=timeout,
    )


def _filled(places: Sequence[str], values: Json) -> str:
    """Put each value of `path` into its place, quoted; one that would lead elsewhere is refused."""
    made = [places[0]]
    for name, following in zip(places[1::2], places[2::2], strict=True):
        value = values.get(name, MISSING) if isinstance(values, dict) else MISSING
        text = text_of(f"path.{name}", value)
        if text in ("", ".", ".."):
            raise PayloadError(
                f"the request's path.{name} must not be {text!r}: it is a part of the URL's path"
            )
        made += [quote(text.encode("utf-8", "surrogatepass"), safe=""), following]
    return "".join(made)


def is_absolute(url: str) -> bool:
    """Tell whether a URL takes nothing from a base."""
    return url[:1] != "/" and _ABSOLUTE.fullmatch(url) is not None


def basic_of(value: Json) -> str:
    """Return the header of a user and a password, of which either may be missing."""
    given = [*value, None][:2] if isinstance(value, list) else [MISSING, None]
    user, password = ("" if item is None else text_of("basic", item) for item in given)
    if ":" in user:
        raise PayloadError("the user of the request's basic authentication contains a colon")
    pair = f"{user}:{password}".encode("utf-8", "replace")
    return f"Basic {b64encode(pair).decode('ascii')}"


def _url(what: str, value: Json, *, relative: bool) -> str:
    text = text_of(what, value)
    absolute = _ABSOLUTE.fullmatch(text)
    if absolute:
        # Names of hosts have an encoding of their own; the transport refuses those that it cannot read.
        if " " in absolute[1] or not absolute[1].isprintable():
            raise PayloadError(f"the request's {what} has no host that there can be")
        return absolute[1] + _quoted(absolute[2])
    if not relative:
        # Without the text itself, which may hold a secret.
        raise PayloadError(f"the request's {what} must begin with https:// or http://")
    return _quoted(text)


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe=_URL_SIGNS)


def headers_of(value: Json) -> dict[str, str]:
    """Return headers by name, without those that are null; refuse what is not for a definition to set."""
    headers = {}
    for name, item in _object("headers", value).items():
        if name.lower() in FRAMING:
            raise PayloadError(f"the request's header {name} is not for a definition or an event to set")
        if item is not None:
            headers[name] = text_of(f"header {name}", item)
    return headers


def pairs_of(what: str, value: Json) -> Mapping[str, Any] | None:
    """Return what a query or a form is made of, without what is null."""
    if value is None:
        return None
    return {
        name: (
            [text_of(f"{what}.{name}", one) for one in item if one is not None]
            if isinstance(item, list)
            else text_of(f"{what}.{name}", item)
        )
        for name, item in _object(what, value).items()
        if item is not None
    }


def _object(what: str, value: Json) -> JsonObject:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PayloadError(f"the request's {what} must be an object but is {kind(value)}")
    return value


def text_of(what: str, value: Json) -> str:
    """Return text as it is, and numbers and booleans as JavaScript spells them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    raise PayloadError(f"the request's {what} must be a string but is {kind(value)}")
