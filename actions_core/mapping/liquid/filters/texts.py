"""Filters on text: every value is spelled as JavaScript does first."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote_plus

from actions_core.javascript import WHITESPACE
from actions_core.mapping.liquid.values import number, text

if TYPE_CHECKING:
    from collections.abc import Callable

_SPACE: Final = re.compile(f"[{WHITESPACE}]+")
_HTML: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_UNHTML: Final = {escaped: character for character, escaped in _HTML.items()}
_ESCAPED: Final = re.compile("|".join(_UNHTML))


def on_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that gets text, and whose arguments are text too."""

    def apply(value: Any, *args: Any) -> Any:
        return function(text(value), *map(text, args))

    return apply


def _escape(value: str) -> str:
    return value.translate({ord(character): escaped for character, escaped in _HTML.items()})


def _unescape(value: str) -> str:
    return _ESCAPED.sub(lambda found: _UNHTML[found[0]], value)


def _slice(value: Any, start: Any = None, length: Any = 1) -> Any:
    sequence = value if isinstance(value, list) else text(value)
    begin, count = number(start), number(length)
    first = int(begin) if begin == begin else 0  # noqa: PLR0124  # NaN alone differs from itself
    first = first if first >= 0 else len(sequence) + first
    last = first + (int(count) if count == count else 0)  # noqa: PLR0124  # as above
    return sequence[max(first, 0) : max(last, 0)]


def _truncate(value: Any, length: Any = 50, ellipsis: Any = "...") -> str:
    whole, end, most = text(value), text(ellipsis), int(number(length))
    return whole if len(whole) <= most else whole[: max(most - len(end), 0)] + end


def _truncate_words(value: Any, count: Any = 15, ellipsis: Any = "...") -> str:
    words = _SPACE.split(text(value))
    most = max(int(number(count)), 1)
    return " ".join(words[:most]) + (text(ellipsis) if len(words) > most else "")


def _replace_last(value: str, pattern: str, replacement: str = "") -> str:
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
    return base64.b64decode(value + "=" * (-len(value) % 4)).decode("utf-8", "replace")


def _encode(value: str) -> bytes:
    return value.encode("utf-8", "replace")


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "append": on_text(lambda value, end: value + end),
    "base64_decode": on_text(_decode_base64),
    "base64_encode": on_text(lambda value: base64.b64encode(_encode(value)).decode("ascii")),
    "capitalize": on_text(lambda value: value[:1].upper() + value[1:].lower()),
    "cgi_escape": on_text(lambda value: quote(_encode(value), safe="-_.!~*'()").replace("%20", "+")),
    "downcase": on_text(str.lower),
    "escape": on_text(_escape),
    "escape_once": on_text(lambda value: _escape(_unescape(value))),
    "lstrip": on_text(lambda value: value.lstrip(WHITESPACE)),
    "normalize_whitespace": on_text(lambda value: _SPACE.sub(" ", value)),
    "number_of_words": on_text(lambda value: len(value.split())),
    "prepend": on_text(lambda value, start: start + value),
    "remove": on_text(lambda value, gone="": value.replace(gone, "") if gone else value),
    "remove_first": on_text(lambda value, gone="": value.replace(gone, "", 1)),
    "remove_last": on_text(lambda value, gone="": _replace_last(value, gone)),
    "replace": on_text(lambda value, old="", new="": value.replace(old, new)),
    "replace_first": on_text(lambda value, old="", new="": value.replace(old, new, 1)),
    "replace_last": on_text(_replace_last),
    "rstrip": on_text(lambda value: value.rstrip(WHITESPACE)),
    "slice": _slice,
    "slugify": on_text(_slugify),
    "split": on_text(lambda value, separator="": _split(value, separator)),
    "squish": on_text(lambda value: _SPACE.sub(" ", value.strip(WHITESPACE))),
    "strip": on_text(lambda value: value.strip(WHITESPACE)),
    "strip_html": on_text(_strip_html),
    "strip_newlines": on_text(lambda value: value.replace("\r\n", "").replace("\n", "")),
    "truncate": _truncate,
    "truncatewords": _truncate_words,
    "upcase": on_text(str.upper),
    "uri_escape": on_text(lambda value: quote(_encode(value), safe="-_.!~*'();/?:@&=+$,#[]")),
    "url_decode": on_text(unquote_plus),
    "url_encode": on_text(lambda value: quote(_encode(value), safe="-_.!~*'()").replace("%20", "+")),
    "xml_escape": on_text(_escape),
}


def _split(value: str, separator: str) -> list[str]:
    parts = value.split(separator) if separator else list(value)
    while parts and not parts[-1]:
        parts.pop()
    return parts
