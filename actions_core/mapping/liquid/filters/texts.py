"""Filters on text: every value is spelled as JavaScript does first."""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote_plus

from liquid.exceptions import LiquidTypeError, LiquidValueError

from actions_core.mapping.liquid.values import number, read_number, refuse_growth, text
from actions_core.values.javascript import WHITESPACE, truthy

if TYPE_CHECKING:
    from collections.abc import Callable

_SPACE: Final = re.compile(f"[{WHITESPACE}]+")
_BASE64: Final = re.compile("[A-Za-z0-9+/]*")
_HTML: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_UNHTML: Final = {escaped: character for character, escaped in _HTML.items()}
_ESCAPED: Final = re.compile("|".join(_UNHTML))


def _of_text(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: function(text(value))


def _with_text(function: Callable[[str, str], Any]) -> Callable[..., Any]:
    return lambda value, first="": function(text(value), text(first))


def _with_texts(function: Callable[[str, str, str], Any]) -> Callable[..., Any]:
    return lambda value, first="", second="": function(text(value), text(first), text(second))


def _exactly_two(function: Callable[[str, str], str]) -> Callable[..., str]:
    """A filter that Segment fails on where it has not one argument."""

    def apply(value: Any, *args: Any) -> str:
        if len(args) != 1:
            raise LiquidTypeError(f"it takes one argument, not {len(args)}", token=None)
        return function(text(value), text(args[0]))

    return apply


def _escape(value: str) -> str:
    return value.translate({ord(character): escaped for character, escaped in _HTML.items()})


def _unescape(value: str) -> str:
    return _ESCAPED.sub(lambda found: _UNHTML[found[0]], value)


def _slice(value: Any, start: Any = None, length: Any = 1) -> Any:
    """A part of a text or list; a start below 0 counts from the end."""
    sequence = value if isinstance(value, list) else text(value)
    if isinstance(value, list) and math.isnan(read_number(start)):
        return []
    first = int(number(start))
    first = first if first >= 0 else len(sequence) + first
    last = first + int(number(length))
    return sequence[first:last]


def _truncate(value: Any, length: Any = 50, ellipsis: Any = "...") -> str:
    whole, end, most = text(value), text(ellipsis), int(number(length))
    return whole if not whole or len(whole) <= most else whole[: max(most - len(end), 0)] + end


def _truncate_words(value: Any, count: Any = 15, ellipsis: Any = "...") -> str:
    words = _SPACE.split(text(value).lstrip(WHITESPACE))
    wanted = read_number(count)
    if not math.isfinite(wanted):
        return ""
    most = max(int(wanted), 1)
    return " ".join(words[:most]) + (text(ellipsis) if len(words) >= most else "")


def _replace(value: str, old: str, new: str) -> str:
    refuse_growth(value.count(old), new)
    return value.replace(old, new) if old else new.join(value)


def _replace_last(value: str, pattern: str, replacement: str) -> str:
    head, found, tail = value.rpartition(pattern) if pattern else (value, "", "")
    return f"{head}{replacement}{tail}" if found else value + replacement if not pattern else value


def _strip_html(value: str) -> str:
    """Without tags, comments, scripts and styles; one pass, however many are left open."""
    lowered = value.lower() if len(value.lower()) == len(value) else value
    kinds = [("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"), ("<", ">")]
    never: set[str] = set()
    parts = []
    at = 0
    while (start := value.find("<", at)) >= 0:
        for opening, closing in kinds:
            if closing in never or not lowered.startswith(opening, start):
                continue
            end = lowered.find(closing, start + len(opening))
            if end >= 0:
                parts.append(value[at:start])
                at = end + len(closing)
                break
            never.add(closing)
        else:
            parts.append(value[at : start + 1])
            at = start + 1
    return "".join([*parts, value[at:]])


def _slugify(value: str) -> str:
    return re.sub(r"[\W_]+", "-", value).strip("-").lower()


def _decode_base64(value: str) -> str:
    digits = re.sub(r"[ \t\n\f\r]", "", value)
    if len(digits) % 4 == 0:
        digits = digits[:-2] + digits[-2:].rstrip("=")
    if len(digits) % 4 == 1 or not _BASE64.fullmatch(digits):
        raise LiquidValueError("it is not base64", token=None)
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode("utf-8", "replace")


def _encode(value: str) -> bytes:
    return value.encode("utf-8", "replace")


def _split(value: str, separator: str) -> list[str]:
    parts = value.split(separator) if separator else list(value)
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _stripped(characters: Any) -> str:
    return text(characters) if truthy(characters) else WHITESPACE


def _url_encode(value: str) -> str:
    return quote(_encode(value), safe="-_.!~*'()").replace("%20", "+")


#: These count their arguments.
STRICT: Final[dict[str, Callable[..., Any]]] = {
    "append": _exactly_two(lambda value, end: value + end),
    "prepend": _exactly_two(lambda value, start: start + value),
}

FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "base64_decode": _of_text(_decode_base64),
    "base64_encode": _of_text(lambda value: base64.b64encode(_encode(value)).decode("ascii")),
    "capitalize": _of_text(lambda value: value[:1].upper() + value[1:].lower()),
    "cgi_escape": _of_text(lambda value: quote(_encode(value), safe="-_.~").replace("%20", "+")),
    "downcase": _of_text(str.lower),
    "escape": _of_text(_escape),
    "escape_once": _of_text(lambda value: _escape(_unescape(value))),
    "lstrip": lambda value, characters=None: text(value).lstrip(_stripped(characters)),
    "normalize_whitespace": _of_text(lambda value: _SPACE.sub(" ", value)),
    "number_of_words": _of_text(lambda value: len(value.split())),
    "remove": _with_text(lambda value, gone: value.replace(gone, "") if gone else value),
    "remove_first": _with_text(lambda value, gone: value.replace(gone, "", 1)),
    "remove_last": _with_text(lambda value, gone: _replace_last(value, gone, "")),
    "replace": _with_texts(_replace),
    "replace_first": _with_texts(lambda value, old, new: value.replace(old, new, 1)),
    "replace_last": _with_texts(_replace_last),
    "rstrip": lambda value, characters=None: text(value).rstrip(_stripped(characters)),
    "slice": _slice,
    "slugify": _of_text(_slugify),
    "split": _with_text(_split),
    "squish": _of_text(lambda value: _SPACE.sub(" ", value.strip(WHITESPACE))),
    "strip": lambda value, characters=None: text(value).strip(_stripped(characters)),
    "strip_html": _of_text(_strip_html),
    "strip_newlines": _of_text(lambda value: value.replace("\r\n", "").replace("\n", "")),
    "truncate": _truncate,
    "truncatewords": _truncate_words,
    "upcase": _of_text(str.upper),
    "uri_escape": _of_text(lambda value: quote(_encode(value), safe="-_.!~*'();/?:@&=+$,#[]")),
    "url_decode": _of_text(unquote_plus),
    "url_encode": _of_text(_url_encode),
    "xml_escape": _of_text(_escape),
}
