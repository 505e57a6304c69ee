"""Words for messages: kinds of values, values from outside shown safely, lists, counts, suggestions."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from actions_core.values.types import Json, Missing

#: The types of JSON Schema in a sentence.
TYPE_WORDS: Final[Mapping[str, str]] = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
}
_LONGEST_SHOWN: Final = 60
_LONGEST_BRIEF: Final = 40
_LARGEST: Final = sys.float_info.max


def kind(value: object) -> str:  # noqa: PLR0911  # one for each kind of value
    """Say what kind of value this is: `a list`, `null`, `a Python datetime`."""
    if value is None:
        return TYPE_WORDS["null"]
    if isinstance(value, bool):
        return TYPE_WORDS["boolean"]
    if isinstance(value, int | float):
        fits = -_LARGEST <= value <= _LARGEST
        return TYPE_WORDS["number"] if fits else "a number that JSON cannot hold"
    if isinstance(value, str):
        return TYPE_WORDS["string"]
    if isinstance(value, list):
        return TYPE_WORDS["array"]
    if isinstance(value, dict):
        return TYPE_WORDS["object"]
    return "missing" if value is MISSING else f"a Python {type(value).__name__}"


def either(words: Sequence[str]) -> str:
    """Join words: `a string, a list or null`."""
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


def raised(error: BaseException) -> str:
    """Return the kind of an exception and its message; one that is empty, or cannot be made, is left out."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the exception may be of foreign code, and so is its `__str__`
        text = ""
    return f"{kind}: {text}" if text else kind


def counted(number: int, noun: str) -> str:
    """Count things: `1 item`, `3 items`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def suggestion(word: object, known: Collection[str]) -> str:
    """Return `; did you mean 'label'?` where one of the known words is near, else nothing."""
    import difflib  # only errors need it

    if not isinstance(word, str) or not known:
        return ""
    folded = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(word.lower()[:_LONGEST_SHOWN], list(folded), n=1, cutoff=0.6)
    return f"; did you mean {shown(folded[near[0]])}?" if near else ""


def brief(value: Json | Missing) -> str:
    """Return a value as JSON in one short line, cut where it is long; `nothing` where there is none."""
    if value is MISSING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_BRIEF else text[: _LONGEST_BRIEF - 1] + "…"


def shown(word: object) -> str:
    """Quote a word from outside for a sentence: never longer than a line, never unprintable."""
    text = str(word)
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 1] + "…"
    escaped = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )
    return f"'{escaped}'"
