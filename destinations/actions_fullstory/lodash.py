"""Camel case as lodash's `camelCase` makes it: accents are removed, words are joined.

Where words end is decided by the kind of each character: `fooBar` has two words, `HTTPServer` two,
`v2Beta` three, `2nd` one. Letters of other scripts make words with those next to them; an emoji is
a word of its own. Names that come out must stay what they were in FullStory, so this follows
lodash also where one might wish otherwise.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Latin letters that Unicode does not take apart, as they are spelt without their mark.
_SPELT: Final = {
    "Æ": "Ae", "æ": "ae", "Ð": "D", "ð": "d", "Ø": "O", "ø": "o", "Þ": "Th", "þ": "th", "ß": "ss",
    "Đ": "D", "đ": "d", "Ħ": "H", "ħ": "h", "\u0131": "i", "Ĳ": "IJ", "ĳ": "ij", "ĸ": "k", "Ŀ": "L", "ŀ": "l",
    "Ł": "L", "ł": "l", "ŉ": "n", "Ŋ": "N", "ŋ": "n", "Œ": "Oe", "œ": "oe", "Ŧ": "T", "ŧ": "t", "\u017f": "s",
}  # fmt: skip

_APOSTROPHES: Final = "'\u2019"
_MARKS: Final = (range(0x0300, 0x0370), range(0x20D0, 0x2100), range(0xFE20, 0xFE30))
_LATIN: Final = range(0x00C0, 0x0180)
_SIGNS: Final = "\u00d7\u00f7"

_SEPARATORS: Final = frozenset("\u00d7\u00f7\ufeff\u1680\u180e\u3000")
_GENERAL_PUNCTUATION: Final = range(0x2000, 0x2070)
_DINGBATS: Final = range(0x2700, 0x27C0)
_SURROGATES: Final = range(0xD800, 0xE000)
_LAST_OF_LATIN_1_SIGNS: Final = 0xBF
_FIRST_ASTRAL: Final = 0x10000

_JOINER: Final = "\u200d"
_VARIATIONS: Final = frozenset("\ufe0e\ufe0f")
_REGIONS: Final = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_SKIN_TONES: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))

# What a character can be. Only the first three are letters that join into words.
_UPPER, _LOWER, _OTHER, _DIGIT, _PICTURE, _BREAK, _BROKEN = "ULODPB!"


def _folding() -> dict[int, str | None]:
    table: dict[int, str | None] = {code: None for marks in _MARKS for code in marks}
    for code in _LATIN:
        letter = chr(code)
        if letter not in _SIGNS:
            table[code] = _SPELT.get(letter) or unicodedata.normalize("NFD", letter)[0]
    return table | dict.fromkeys(map(ord, _APOSTROPHES))


#: Accents and apostrophes, and what stands in their place.
_FOLDED: Final = _folding()


def _kind(letter: str) -> str:
    if letter.isascii():
        if letter.isalpha():
            return _LOWER if letter.islower() else _UPPER
        return _DIGIT if letter.isdigit() else _BREAK
    code = ord(letter)
    if code <= _LAST_OF_LATIN_1_SIGNS or letter in _SEPARATORS or code in _GENERAL_PUNCTUATION:
        return _BREAK
    if code >= _FIRST_ASTRAL or code in _DINGBATS:
        return _PICTURE
    return _BROKEN if code in _SURROGATES else _OTHER


def _run(kinds: str, start: int, wanted: str) -> int:
    """Return the end of the run of characters of the `wanted` kinds that begins at `start`."""
    while kinds[start] in wanted:
        start += 1
    return start


def _end_of_letters(kinds: str, start: int) -> int:
    """Return the end of the word of letters that begins at `start`."""
    # A word as people write it: one capital at most, then small letters.
    small = start + (kinds[start] == _UPPER)
    end = _run(kinds, small, _LOWER)
    if end > small and kinds[end] in (_UPPER, _BREAK, "$"):
        return end
    # An acronym: it leaves its last capital to the word after it, as in HTTPServer.
    end = _run(kinds, start, _UPPER + _OTHER)
    if end > start and kinds[end] in (_BREAK, "$"):
        return end
    for last in range(end - 1, start, -1):
        if kinds[last] == _UPPER and kinds[last + 1] in (_LOWER, _OTHER):
            return last
    end = _run(kinds, small, _LOWER + _OTHER)
    return end if end > small else _run(kinds, start, _UPPER)


def _end_of_digits(text: str, kinds: str, start: int) -> int:
    """Return the end of the number that begins at `start`, with its `st`, `nd`, `rd` or `th`."""
    end = _run(kinds, start, _DIGIT)
    ending = {"1": "st", "2": "nd", "3": "rd"}.get(text[end - 1], "th")
    found = text[end : end + 2]
    after = kinds[end + 2 : end + 3]
    if (found == ending and after not in (_LOWER, _DIGIT)) or (
        found == ending.upper() and after not in (_UPPER, _DIGIT)
    ):
        return end + 2
    return end


def _end_of_picture(text: str, kinds: str, start: int) -> int:
    """Return the end of the emoji that begins at `start`, with its variant, tone and joined emoji."""
    # Two regional indicators make one flag.
    end = start + 1
    if text[start] in _REGIONS and text[end : end + 1] in _REGIONS:
        end += 1
    while True:
        end += text[end : end + 1] in _VARIATIONS
        end += text[end : end + 1] in _SKIN_TONES
        if text[end : end + 1] != _JOINER or kinds[end + 1] in ("$", _BROKEN):
            return end
        end += 2


def _words(text: str) -> Iterator[str]:
    kinds = "".join(map(_kind, text)) + "$"
    at = 0
    while at < len(text):
        kind = kinds[at]
        start = at
        if kind in (_BREAK, _BROKEN):
            at += 1
            continue
        if kind == _DIGIT:
            at = _end_of_digits(text, kinds, at)
        elif kind == _PICTURE:
            at = _end_of_picture(text, kinds, at)
        else:
            at = _end_of_letters(kinds, at)
        yield text[start:at]


def _capitalized(word: str) -> str:
    # An emoji and what is joined to it count as the one first character of their word.
    return word.upper() if _kind(word[0]) == _PICTURE else word[0].upper() + word[1:]


def camel_case(text: str) -> str:
    """Return a str in camel case: `first-name` → `firstName`, `URL` → `url`, `ünïcode` → `unicode`."""
    first, *others = [word.lower() for word in _words(text.translate(_FOLDED))] or [""]
    return first + "".join(map(_capitalized, others))
