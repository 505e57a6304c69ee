"""Paths into an event, as `@path` and templates write them.

`$.a.b[0]['c d']`: keys after dots or quoted in brackets, indexes in brackets. A path is read once
into its steps; only this module knows what a step finds in which kind of value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.javascript import text_length
from actions_core.types import MISSING, Missing

if TYPE_CHECKING:
    from actions_core.types import Json

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
    """The steps of a path; none for the whole event."""
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
    """A path that leads along these steps, in its plainest spelling."""
    if not steps:
        return WHOLE
    text = ""
    for step in steps:
        if step == ANY_ITEM:
            text += step
        elif text and _INDEX.fullmatch(step):
            text += f"[{step}]"
        elif _BARE.fullmatch(step) and not (step == "$" and not text):
            text += f".{step}" if text else step
        else:
            quote = '"' if "'" in step else "'"
            text += f"[{quote}{step}{quote}]"
    return text


def step_into(value: Json | Missing, key: str) -> Json | Missing:
    """What stands under a key or an index of any value."""
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


def read(value: Json | Missing, steps: Steps) -> Json | Missing:
    """What a path finds, from any value."""
    for step in steps:
        value = step_into(value, step)
    return value
