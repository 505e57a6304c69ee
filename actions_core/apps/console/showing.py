"""How times, spans, JSON and secrets are shown to people."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from actions_core.values.times import format_time

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk
    from actions_core.delivery.store import InstanceState

_MILLISECONDS: Final = 1000
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


def masked(desk: Desk, instance: str, text: str) -> str:
    """Return a text without the secrets of an instance."""
    found = desk.instances.get(instance)
    return text if found is None else found.lane.connection.mask.text(text)


def masked_everywhere(desk: Desk, text: str) -> str:
    """Return a text without the secrets of any instance."""
    for instance in desk.instances:
        text = masked(desk, instance, text)
    return text


def pretty(text: str) -> str:
    """Return JSON over several lines; a text that is none, since it was cut perhaps, as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def moment(milliseconds: int) -> str:
    """Return a time as people read it, such as `26 Nov 2026, 21:40:05 UTC`."""
    at = datetime.fromtimestamp(milliseconds / _MILLISECONDS, UTC)
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def event_time(milliseconds: int) -> str:
    """Return a time as events have it."""
    return format_time(datetime.fromtimestamp(milliseconds / _MILLISECONDS, UTC))


def ago(milliseconds: int, now: float) -> str:
    """Return how long ago a time is, or how long it is to it."""
    seconds = now - milliseconds / _MILLISECONDS
    text = span(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def span(seconds: float) -> str:
    """Return a span of time in its largest unit."""
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * size or (seconds >= size and unit == "min"):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def took(milliseconds: int | None) -> str:
    """Return how long a try took."""
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < _MILLISECONDS else f"{milliseconds / _MILLISECONDS:.1f} s"


def stopped_words(state: InstanceState, now: float) -> str:
    """Say why an instance gets nothing, and what to do."""
    resume = f"'actions outbox resume {state.instance}'"
    if state.state == "gone":
        words = f"{state.instance} is gone, and its events wait: {state.reason}"
        return f"{_sentence(words)} Changed settings have it tried again, and so does {resume}."
    left = 0.0 if state.until is None else state.until / _MILLISECONDS - now
    again = f"It is tried again in {span(left)}" if left > 0 else "It is tried again soon"
    words = f"{state.instance} gets nothing, and its events wait: {state.reason}"
    return f"{_sentence(words)} {again}; changed settings have it tried again at once, and so does {resume}."


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?")) else f"{words}."
