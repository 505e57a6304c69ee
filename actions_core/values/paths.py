"""Paths into an event: how mappings write them, and what mappings and subscriptions find along them.

`$.a.b[0]['c d']`: keys after dots or quoted in brackets, indexes in brackets. A path is read once
into its steps; only this module knows what a step finds in which kind of value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.values.javascript import text_length
from actions_core.values.types import MISSING, Missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.values.types import Json

Steps: TypeAlias = tuple[str, ...]

#: The key, as it is written, that stands for any item of a list in `Mapping.keys()`.
ANY_ITEM: Final = "[]"
#: How a path to the whole event is written.
WHOLE: Final = "$."

_TOKEN: Final = re.compile(
    r"\[(?:(?P<index>[0-9]+)|'(?P<single>[^']+)'|\"(?P<double>[^\"]+)\")(?:\]|$)"
    r"|(?P<dot>\.)"
    r"|(?P<plain>\[?[^.\[]*)",
    re.DOTALL,
)
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,14}")
_BARE: Final = re.compile(r"[^.\[\]'\"]+")


@lru_cache(maxsize=256)
def parse_path(text: str) -> Steps:
    """Return the steps of a path; none for the whole event."""
    steps: list[str] = []
    key = ""
    at = 2 if text.startswith("$.") else 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        assert found is not None  # noqa: S101  # every text begins with a token: the last form takes anything
        at = found.end()
        quoted = found["index"] or found["single"] or found["double"]
        if found["plain"] is not None:
            key += found["plain"]
            continue
        steps.append(key)
        key = ""
        steps.append(quoted or "")
    steps.append(key)
    return tuple(step for step in steps if step)


def format_path(steps: Steps) -> str:
    """Return a path that leads along these steps, in its plainest spelling."""
    if not steps:
        return WHOLE
    text = ""
    for step in steps:
        text = text + step if step == ANY_ITEM else add_step(text, step)
    return text


def add_step(text: str, step: str) -> str:
    """Add a step to the text of a path."""
    if text and _INDEX.fullmatch(step):
        return f"{text}[{step}]"
    if _BARE.fullmatch(step) and (text or step != "$"):
        return f"{text}.{step}" if text else step
    quote = '"' if "'" in step else "'"
    return f"{text}[{quote}{step}{quote}]"


def step_into(value: Json | Missing, key: str) -> Json | Missing:
    """Return what any value has under a key or an index.

    Only data can be reached: keys of objects, items of lists and characters of texts by number, and the
    `length` of both. Null, false, 0 and empty text yield themselves.
    """
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if not value and not isinstance(value, list):
        return value
    if not isinstance(value, list | str):
        return MISSING
    if key == "length":
        return text_length(value) if isinstance(value, str) else len(value)
    if _INDEX.fullmatch(key) and int(key) < len(value):
        return value[int(key)]
    return MISSING


def read(value: Json | Missing, steps: Iterable[str]) -> Json | Missing:
    """Follow a path from any value."""
    for step in steps:
        value = step_into(value, step)
    return value
