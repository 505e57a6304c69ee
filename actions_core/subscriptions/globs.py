"""The glob patterns of `match` in destination filters: `*`, `?`, `[abc]`, `[a-z]`, and escaped signs.

A pattern is cut at its stars into pieces that each match a text of one length. Every piece but the last
is taken where it fits first, so that no text makes matching take longer than text times pattern.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import attrs

from actions_core.errors import DefinitionError

MAX_PATTERN: Final = 1_000


@attrs.frozen
class Glob:
    """A compiled pattern: its pieces, and how many characters each of them takes."""

    pieces: tuple[re.Pattern[str], ...]
    lengths: tuple[int, ...]

    def matches(self, text: str) -> bool:
        """Tell whether the whole text matches."""
        first, last = self.pieces[0], self.pieces[-1]
        if len(self.pieces) == 1:
            return first.fullmatch(text) is not None
        at, end = self.lengths[0], len(text) - self.lengths[-1]
        if end < at or first.match(text) is None or last.match(text, end) is None:
            return False
        for piece in self.pieces[1:-1]:
            found = piece.search(text, at, end)
            if found is None:
                return False
            at = found.end()
        return True


@lru_cache(maxsize=256)
def compile_glob(pattern: str) -> Glob:
    """Compile a pattern; raise a `DefinitionError` where it cannot be read."""
    if len(pattern) > MAX_PATTERN:
        raise DefinitionError(f"a pattern has at most {MAX_PATTERN:,} characters")
    pieces, lengths = [""], [0]
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        at += 1
        if sign == "*":
            pieces.append("")
            lengths.append(0)
            continue
        if sign == "[":
            piece, at = _read_class(pattern, at)
        elif sign == "\\":
            piece, at = re.escape(_escaped(pattern, at)), at + 1
        else:
            piece = "." if sign == "?" else re.escape(sign)
        pieces[-1] += piece
        lengths[-1] += 1
    return Glob(tuple(re.compile(piece, re.DOTALL) for piece in pieces), tuple(lengths))


def _escaped(pattern: str, at: int) -> str:
    if at >= len(pattern):
        raise DefinitionError("a pattern cannot end with a backslash")
    return pattern[at]


def _read_class(pattern: str, at: int) -> tuple[str, int]:
    """Return the regular expression of a class in brackets, and the position behind it."""
    signs: list[tuple[str, bool]] = []  # and whether it stands for itself
    while at < len(pattern) and pattern[at] != "]":
        plain = pattern[at] == "\\"
        at += plain
        signs.append((_escaped(pattern, at), plain))
        at += 1
    if at >= len(pattern) or not signs:
        raise DefinitionError("a pattern has a [ without characters and a ] behind it")
    parts: list[str] = []
    index = 0
    while index < len(signs):
        low = signs[index][0]
        if signs[index + 1 : index + 2] == [("-", False)] and index + 2 < len(signs):
            high = signs[index + 2][0]
            if high < low:
                raise DefinitionError(f"a pattern has the range {low}-{high}, which is empty")
            parts.append(f"{re.escape(low)}-{re.escape(high)}")
            index += 3
        else:
            parts.append(re.escape(low))
            index += 1
    return f"[{''.join(parts)}]", at + 1
