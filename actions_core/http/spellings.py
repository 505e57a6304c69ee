r"""Find secrets in a text, however they are spelled there.

A secret comes back in whatever a request, an echo or a traceback makes of it: quoted for a URL (in both
cases, `+` for a blank), escaped for JSON (`\u00e9`, `\/`), for JSON in JSON, for HTML or by `repr`, as part
of Base64, in hexadecimal digits, or cut off. A text is read level by level: one pattern knows how characters
are spelled, each level is the one before with those spellings read, and every level is searched. All of it
takes time in proportion to the text.

Levels are bytes (UTF-8, one character for each byte), since some spellings are of bytes, not of characters.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from urllib.parse import quote, quote_plus

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    #: Where something was found: from, and up to.
    Span: TypeAlias = tuple[int, int]

MASKED: Final = "***"
#: From how many bytes on a secret is looked for inside the Base64 of more: what is left of less is anyone's.
_SHORTEST_INSIDE: Final = 6
#: A shorter secret is looked for as a word of its own: letters inside of other words are no secret, and
#: without them nobody could read a message. A shorter fragment at a cut says nothing.
_SHORTEST_PART: Final = 4
#: Letters alone are a fragment from here on: fewer may be the end of any sentence.
_SHORTEST_WORD: Final = 8
#: Half of a secret that is longer than this is as secret as all of it.
_LONG: Final = 16
#: So often may a spelling be spelled again: JSON in JSON in a form, for one.
_LEVELS: Final = 5

#: How a character may be spelled, but for `+`, which forms have for a blank. Runs of backslashes are read as
#: one, whatever depth of JSON they are from.
_SPELLED: Final = re.compile(
    r"""%(?P<percent>[0-9A-Fa-f]{2})
    | \\++ (?: u(?P<high>[dD][89abAB][0-9A-Fa-f]{2}) \\++ u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2})
             | u(?P<four>[0-9A-Fa-f]{4}) | u\{(?P<braced>[0-9A-Fa-f]{1,6})\} | U(?P<eight>[0-9A-Fa-f]{8})
             | x(?P<two>[0-9A-Fa-f]{2}) | (?P<escaped>.) )?
    | & (?: \#[xX](?P<hex>[0-9A-Fa-f]{1,7}) | \#(?P<decimal>[0-9]{1,8}) | (?P<name>[A-Za-z]{2,10}) ) ;""",
    re.VERBOSE | re.DOTALL,
)
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_ENTITIES: Final = {
    "amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "sol": "/", "plus": "+", "equals": "=",
    "colon": ":", "nbsp": "\xa0", "num": "#", "percnt": "%", "bsol": "\\", "lowbar": "_", "period": ".",
    "comma": ",", "semi": ";", "excl": "!", "quest": "?", "commat": "@", "dollar": "$", "ast": "*",
    "lpar": "(", "rpar": ")", "Tab": "\t", "NewLine": "\n", "grave": "`", "Hat": "^", "verbar": "|",
    "lbrace": "{", "rbrace": "}", "lcub": "{", "rcub": "}", "lbrack": "[", "rbrack": "]", "lsqb": "[",
    "rsqb": "]", "auml": "ä", "ouml": "ö", "uuml": "ü", "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü",
    "szlig": "ß", "eacute": "é", "egrave": "è", "agrave": "à", "ccedil": "ç", "ntilde": "ñ",
}  # fmt: skip
_NUMBERED: Final = ("four", "braced", "eight", "hex")
_LAST_CHARACTER: Final = 0x10FFFF
#: What may stand behind a secret that was cut: half a spelling, dots, and what closes a quotation.
_CUT: Final = re.compile(
    r"""(?:%[0-9A-Fa-f]?|\\{1,8}(?:u[0-9A-Fa-f]{0,3})?|&\#?\w{0,6})?(?:\.{3}|\xe2\x80\xa6)?['")\]}>,.\s]{0,8}\Z"""
)
_LONGEST_CUT: Final = 32


class _Needle(NamedTuple):
    """One spelling that no level takes apart, and the parts of it that are as good as all."""

    text: str
    head: str
    tail: str


@attrs.frozen
class _Level:
    """A text, read some levels deep, and where each of its characters began in the text itself."""

    text: str
    #: One more than characters: the end of the text.
    places: Sequence[int]

    def span(self, start: int, end: int) -> Span:
        """Return where in the text itself a part of this level stands."""
        # A character of several bytes has one place: what ends inside of it takes all of it.
        while self.places[end] == self.places[end - 1]:
            end += 1
        return self.places[start], self.places[end]

    def deeper(self) -> _Level | None:
        """Return the level with the spellings read; None where there are none."""
        spelled = _spelled(self.text)
        text = _joined(self.text, spelled)
        if text == self.text:
            return None
        if not spelled:
            return _Level(text, self.places)
        places: list[int] = []
        known = self.places
        behind = 0
        for start, end, read in spelled:
            places.extend(known[behind:start])
            places.extend([known[start]] * len(read))
            behind = end
        places.extend(known[behind:])
        return _Level(text, places)


def _spelled(text: str) -> list[tuple[int, int, str]]:
    """Return each spelling in a text: its start, its end, and the bytes that it stands for."""
    if "%" not in text and "\\" not in text and "&" not in text:
        return []  # quickly said, also of a long text
    return [(*found.span(), _read(found)) for found in _SPELLED.finditer(text)]


def _joined(text: str, spelled: list[tuple[int, int, str]]) -> str:
    """Return a text with its spellings read, and `+` as the blank that it is in forms."""
    parts: list[str] = []
    behind = 0
    for start, end, read in spelled:
        parts += (_without_plus(text[behind:start]), read)
        behind = end
    parts.append(_without_plus(text[behind:]))
    return "".join(parts)


def _without_plus(text: str) -> str:
    return text.replace("+", " ")


def _read(found: re.Match[str]) -> str:
    """Return the bytes that a spelling stands for."""
    kind = found.lastgroup
    if kind is None:
        return ""  # backslashes at the end
    said = found[kind]
    if kind in {"percent", "two"}:
        return chr(int(said, 16))
    if kind == "escaped":
        return _CONTROLS.get(said, said)
    if kind == "name":
        return _bytewise(_ENTITIES[said]) if said in _ENTITIES else found[0]
    if kind == "low":
        number = 0x10000 + ((int(found["high"], 16) - 0xD800) << 10) + int(said, 16) - 0xDC00
    else:
        number = int(said, 16 if kind in _NUMBERED else 10)
    return _bytewise(chr(number)) if number <= _LAST_CHARACTER else found[0]


def _bytewise(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("latin-1")


def _as_it_is(text: str) -> _Level:
    return _Level(text, range(len(text) + 1))


def _first_level(text: str) -> _Level:
    if text.isascii():
        return _as_it_is(text)
    places: list[int] = []
    for place, char in enumerate(text):
        code = ord(char)
        places.extend([place] * (1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)))  # noqa: PLR2004 - UTF-8
    return _Level(_bytewise(text), [*places, len(text)])


def _one_byte(char: str) -> str:
    """Return a character as one byte, if it is one of Latin-1."""
    return char if char <= "\xff" else _bytewise(char)


def _spellings(secret: str) -> set[str]:
    """Return the secret as texts hold it that no level reads: it is then found in every level."""
    # Python's `ascii` spells the characters of Latin-1 as one byte, `repr` those that cannot be printed.
    found = {
        _bytewise(secret),
        "".join(map(_one_byte, secret)),
        "".join([_bytewise(char) if char.isprintable() else _one_byte(char) for char in secret]),
    }
    written = {
        secret,
        quote(secret, safe="", errors="replace"),
        quote(secret, errors="replace"),
        quote_plus(secret, errors="replace"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    for form in written:
        data = form.encode("utf-8", "replace")
        plain = base64.b64encode(data).decode().rstrip("=")
        codes = {plain, *(_inside(data, before) for before in range(3) if len(data) >= _SHORTEST_INSIDE)}
        found |= {spelled for code in codes for spelled in (code, code.replace("+", "-").replace("/", "_"))}
        if len(data) >= _SHORTEST_INSIDE:
            found |= {data.hex(), data.hex().upper()}
    # As deeper levels show them: what looks like a spelling in the secret itself is read as one there.
    for form in list(found):
        level: _Level | None = _as_it_is(form)
        for _ in range(_LEVELS):
            level = None if level is None else level.deeper()
            if level is not None:
                found.add(level.text)
    least = min(len(secret), _SHORTEST_PART)
    return {form for form in found if len(form) >= least}


def _inside(data: bytes, before: int) -> str:
    """Return data as it looks inside longer Base64 (`user:password`), `before` bytes after a group of 3.

    Without the characters that it shares with what stands around it.
    """
    encoded = base64.b64encode(bytes(before) + data).decode()
    return encoded[(4 * before + 2) // 3 : 4 * (before + len(data)) // 3]


def _needle(text: str) -> _Needle:
    half = (len(text) + 1) // 2 if len(text) >= _LONG else len(text)
    return _Needle(text, text[:half], text[-half:])


class Finder:
    """Finds the spellings of some secrets in texts."""

    __slots__ = ("_hint", "_needles")

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {form for secret in secrets if secret for form in _spellings(secret)}
        self._needles = [_needle(form) for form in sorted(spelled)]
        # How anything that can be found begins or ends: most texts have none of it.
        ends = {
            part
            for needle in self._needles
            for part in (needle.text[:_SHORTEST_PART], needle.text[-_SHORTEST_PART:])
        }
        self._hint = re.compile("|".join(map(re.escape, sorted(ends))))

    def masked(self, text: str) -> str:
        """Return the text with `***` in place of each secret, and of each part of one at a cut."""
        found = self._found(_bytewise(text))
        if not any(found):
            return text
        level: _Level | None = _first_level(text)
        spans: list[Span] = []
        for parts in found:
            if level is None:
                break
            spans += [level.span(*part) for part in parts]
            level = level.deeper()
        return _replaced(text, spans)

    def _found(self, text: str) -> list[list[Span]]:
        """Return what is found in each level; where that stands in the text itself is known later."""
        found: list[list[Span]] = []
        for _ in range(_LEVELS):
            found.append([] if self._hint.search(text) is None else list(self._search(text)))
            read = _joined(text, _spelled(text))
            if read == text:
                break
            text = read
        return found

    def _search(self, text: str) -> Iterator[Span]:
        ends = {len(text)}
        cut = _CUT.search(text, len(text) - _LONGEST_CUT)
        if cut is not None:
            ends.add(cut.start())
        for needle in self._needles:
            yield from _occurrences(text, needle)
            if len(needle.text) > _SHORTEST_PART:
                yield from _at_start(text, needle.text)
                for end in ends:
                    yield from _at_end(text, end, needle.text)


def _occurrences(text: str, needle: _Needle) -> Iterator[Span]:
    whole, head, tail = needle
    start = text.find(head)
    while start >= 0:
        end = start + len(head)
        while end - start < len(whole) and end < len(text) and text[end] == whole[end - start]:
            end += 1
        if len(whole) >= _SHORTEST_PART or _is_word(text, start, end):
            yield start, end
        start = text.find(head, end)
    if len(tail) == len(whole):
        return
    start, before = text.find(tail), 0
    while start >= 0:
        first, end, left = start, start + len(tail), len(whole) - len(tail)
        while first > before and left > 0 and text[first - 1] == whole[left - 1]:
            first, left = first - 1, left - 1
        yield first, end
        before = end
        start = text.find(tail, end)


def _is_word(text: str, start: int, end: int) -> bool:
    return not (text[:start][-1:].isalnum() or text[end : end + 1].isalnum())


def _at_end(text: str, end: int, whole: str) -> Iterator[Span]:
    """Yield the beginning of a secret where the text was cut."""
    begin = whole[:_SHORTEST_PART]
    start = text.find(begin, max(end - len(whole), 0), end)
    while start >= 0:
        part = text[start:end]
        if whole.startswith(part) and _tells(part):
            yield start, end
            break
        start = text.find(begin, start + 1, end)


def _at_start(text: str, whole: str) -> Iterator[Span]:
    """Yield the end of a secret at the beginning of a text."""
    close = whole[-_SHORTEST_PART:]
    start = text.rfind(close, 0, len(whole))
    while start >= 0:
        part = text[: start + len(close)]
        if whole.endswith(part) and _tells(part):
            yield 0, len(part)
            break
        start = text.rfind(close, 0, start + len(close) - 1)


def _tells(part: str) -> bool:
    return len(part) >= _SHORTEST_WORD or not part.isalpha()


def _replaced(text: str, spans: list[Span]) -> str:
    parts: list[str] = []
    until = 0
    for start, end in sorted(spans):
        # Those that touch are one.
        if start > until or not parts:
            parts += (text[until:start], MASKED)
        until = max(until, end)
    return "".join([*parts, text[until:]])
