"""Words for messages: values from outside shown safely, and suggestions for misspelt words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST_SHOWN: Final = 60


def suggestion(word: object, known: Collection[str]) -> str:
    """`; did you mean 'label'?` where one of the known words is near, else nothing."""
    import difflib  # only faults need it

    if not isinstance(word, str) or not known:
        return ""
    folded = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(word.lower()[:_LONGEST_SHOWN], list(folded), n=1, cutoff=0.6)
    return f"; did you mean {shown(folded[near[0]])}?" if near else ""


def shown(word: object) -> str:
    """A word from outside, quoted for a sentence: never longer than a line, never unprintable."""
    text = str(word)
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 1] + "…"
    escaped = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )
    return f"'{escaped}'"
