"""A request as people and programs read it: as JSON, and as a curl command.

Both contain what goes over the wire: the URL with its query, the headers, the content type that follows
from the body, and the body to the byte. What is secret must have been masked before.
"""

from __future__ import annotations

import base64
import json
import shlex
from typing import TYPE_CHECKING, Any, Final

from actions_core.errors import PayloadError
from actions_core.values.plain import as_json
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.http.requests import Request
    from actions_core.values.types import Json, JsonObject

#: Methods whose requests have no length without a body, and those whose have a type even then.
_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_TYPED: Final = frozenset({"POST", "PUT", "PATCH"})
#: A longer argument may be refused by the system; a pipe takes any length.
_LONGEST_ARGUMENT: Final = 100_000
#: What curl would take for a set or a range of URLs.
_GLOBBING: Final = frozenset("[]{}")


def all_headers(request: Request) -> dict[str, str]:
    """Return the headers of a request, and the content type that the transport adds."""
    return _with_type(request, request.content()[1])


def _with_type(request: Request, content_type: str | None) -> dict[str, str]:
    if content_type is None or any(name.lower() == "content-type" for name in request.headers):
        return dict(request.headers)
    return {**request.headers, "content-type": content_type}


def request_json(request: Request) -> JsonObject:
    """Return the request as JSON: `method`, `url`, `headers`, and `json`, `form`, `body` or `bodyBase64`.

    `json` is what goes over the wire. Of a body that cannot be written there is nothing.
    """
    try:
        content, content_type = request.content()
    except PayloadError:
        return {"method": request.method, "url": request.url, "headers": dict(request.headers)}
    headers = _with_type(request, content_type)
    shown: JsonObject = {"method": request.method, "url": request.url, "headers": headers}
    if content is None:
        return shown
    if request.json is not MISSING:
        return {**shown, "json": json.loads(content)}
    if request.form is not None:
        return {**shown, "form": _form(request.form)}
    try:
        return {**shown, "body": content.decode()}
    except UnicodeDecodeError:
        return {**shown, "bodyBase64": base64.b64encode(content).decode("ascii")}


def _form(form: Mapping[str, Any]) -> Json:
    """Return a form as plain JSON, without what is left out of it."""
    given = {name: as_json(value) for name, value in form.items() if value is not MISSING}
    return {name: value for name, value in given.items() if value is not None}


def curl(request: Request) -> str:
    """Return a shell command that sends the same request; the body comes through a pipe where it must."""
    body = request.content()[0]
    parts = [
        "curl --head" if request.method.upper() == "HEAD" else f"curl --request {shlex.quote(request.method)}"
    ]
    parts += _address(request.url)
    parts += [f"--header {shlex.quote(_header(*header))}" for header in all_headers(request).items()]
    if body is None:
        return " \\\n  ".join([*parts, *_empty_body(request)])
    text = _argument(body)
    if text is not None:
        return " \\\n  ".join([*parts, f"--data-raw {shlex.quote(text)}"])
    return f"printf '{_printf_format(body)}' | \\\n" + " \\\n  ".join([*parts, "--data-binary @-"])


def _address(url: str) -> list[str]:
    options = []
    if _GLOBBING & set(url):
        options.append("--globoff")
    if "/." in url:
        # Else curl takes out what looks like "here" and "above".
        options.append("--path-as-is")
    return [*options, f"--url {shlex.quote(url)}"]


def _header(name: str, value: str) -> str:
    # "name:" would take the header away; this is how curl sends an empty one.
    return f"{name}: {value}" if value else f"{name};"


def _empty_body(request: Request) -> list[str]:
    """Return the headers that the transport sends in place of a body."""
    method = request.method.upper()
    if method in _BODILESS:
        return []
    typed = method not in _TYPED or any(name.lower() == "content-type" for name in request.headers)
    content_type = [] if typed else ["--header 'content-type: application/octet-stream'"]
    return [*content_type, "--header 'content-length: 0'"]


def _argument(body: bytes) -> str | None:
    """Return the body as text that a shell can take and a terminal can show; None if it is not such text."""
    if len(body) > _LONGEST_ARGUMENT:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(char.isprintable() or char == "\n" for char in text) else None


def _printf_format(body: bytes) -> str:
    """Write bytes as a format of the shell's `printf`: letters and digits as they are, the rest in octal."""
    return "".join(
        chr(byte) if byte < 128 and (chr(byte).isalnum() or chr(byte) in ' "{}[]:,._-') else f"\\{byte:03o}"  # noqa: PLR2004 - the end of ASCII
        for byte in body
    )
