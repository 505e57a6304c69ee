"""The addresses of the console's pages: every state that a page shows has one that can be kept and sent.

Ids may be any text. In a path, `/` and `~` are spelled `~1` and `~0`, and a dot at the beginning `~2`, since
servers and browsers resolve `%2F` and `..` before a page sees them.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

CATALOGUE: Final = "/"
DELIVERIES: Final = "/deliveries"
LETTERS: Final = "/letters"
EVENT: Final = "/event"
PASTE: Final = "/paste"


def destination(slug: str) -> str:
    """Return the address of a destination's page."""
    return f"/d/{segment(slug)}"


def new_instance(slug: str) -> str:
    """Return the address of the form that adds an instance of a destination."""
    return f"{destination(slug)}/new"


def instance(instance_id: str) -> str:
    """Return the address of an instance's mappings."""
    return f"/i/{segment(instance_id)}"


def settings(instance_id: str) -> str:
    """Return the address of an instance's settings."""
    return f"{instance(instance_id)}/settings"


def mapping(instance_id: str, number: int, **state: str | int | None) -> str:
    """Return the address of a subscription's mapping; `state` is `event` or `letter`."""
    return with_query(f"{instance(instance_id)}/s/{number}", **state)


def deliveries(**state: str | int | None) -> str:
    """Return the address of deliveries; `state` has `status`, `instance`, `subscription`, `reason`, `q`."""
    return with_query(DELIVERIES, **state)


def letters(**state: str | int | None) -> str:
    """Return the address of dead letters; `state` has the same keys."""
    return with_query(LETTERS, **state)


def event(message_id: str) -> str:
    """Return the address of an event that is known by its messageId."""
    return f"{EVENT}/{segment(message_id)}"


def with_query(path: str, **state: str | int | None) -> str:
    """Return an address with those keys of its state that have a value."""
    kept = {key: str(value) for key, value in state.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


def segment(text: str) -> str:
    """Return a text as one part of a path."""
    spelled = text.replace("~", "~0").replace("/", "~1").replace("\\", "~3")
    if spelled.startswith("."):
        spelled = "~2" + spelled[1:]
    return quote(spelled.encode("utf-8", "surrogatepass"), safe="~")


def text_of(part: str) -> str:
    """Return the text of a part of a path, as a page is handed it."""
    spelled = "." + part[2:] if part.startswith("~2") else part
    return spelled.replace("~3", "\\").replace("~1", "/").replace("~0", "~")
