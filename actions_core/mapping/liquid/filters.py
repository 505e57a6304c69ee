"""Liquid's filters, written anew.

The library's own filters spell values as Python does, and some grow without bounds. These return
what Segment's return; each takes time in proportion to its operands. Filters on text spell their
operands as JavaScript does first, and numbers are doubles, as in JavaScript, so that none can grow.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import random
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote_plus

from liquid.exceptions import LiquidTypeError, LiquidValueError

from actions_core.mapping.liquid.dates import DATE_FILTERS
from actions_core.mapping.liquid.values import (
    equal,
    item,
    items,
    number,
    read_number,
    refuse_growth,
    text,
    whole_as_int,
)
from actions_core.mapping.liquid.values import (
    truthy as true_in_liquid,
)
from actions_core.values.javascript import WHITESPACE, stringify, text_length, to_text, truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Text

_SPACE: Final = re.compile(f"[{WHITESPACE}]+")
_BASE64: Final = re.compile("[A-Za-z0-9+/]*")
_HTML: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_UNHTML: Final = {escaped: character for character, escaped in _HTML.items()}
_ESCAPED: Final = re.compile("|".join(_UNHTML))
_SYMBOLS: Final = re.compile(r"[\W_]+")
_SYMBOLS_BUT_PRETTY: Final = re.compile(r"[^\w.~!$&'()+,;=@]+")
_ALL_BUT_ASCII: Final = re.compile("[^A-Za-z0-9]+")
#: What becomes a dash in each mode of `slugify`.
_SLUGS: Final = {
    "raw": _SPACE,
    "default": _SYMBOLS,
    "latin": _SYMBOLS,
    "pretty": _SYMBOLS_BUT_PRETTY,
    "ascii": _ALL_BUT_ASCII,
}
_LATIN: Final = {
    **{letter: plain for plain, letters in {
        "a": "àáâãäå", "c": "ç", "d": "ð", "e": "èéêë", "i": "ìíîï", "n": "ñ", "o": "òóôõöø", "u": "ùúûü",
        "y": "ýÿ",
    }.items() for letter in letters},
    "æ": "ae", "ß": "ss", "œ": "oe", "þ": "th", "ẞ": "SS", "Œ": "OE", "Þ": "TH",
}  # fmt: skip
_CJK_RANGES: Final = "\u4e00-\u9fff\uf900-\ufaff\u3400-\u4dbf\u3040-\u30ff\uac00-\ud7af"
_CJK: Final = re.compile(f"[{_CJK_RANGES}]")
_NOT_CJK: Final = re.compile(rf"[^{_CJK_RANGES}\s]+")


def _of_text(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: function(text(value))


def _with_text(function: Callable[[str, str], Any]) -> Callable[..., Any]:
    return lambda value, first="": function(text(value), text(first))


def _with_texts(function: Callable[[str, str, str], Any]) -> Callable[..., Any]:
    return lambda value, first="", second="": function(text(value), text(first), text(second))


def _with_one_argument(function: Callable[[str, str], str]) -> Callable[..., str]:
    """Return a filter on which Segment fails where it has not exactly one argument."""

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
    """Return a part of a text or list; a start below 0 counts from the end."""
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
    """Remove tags, comments, scripts and styles, in one pass, however many are left open."""
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


def _slugify(value: Any, mode: Any = "default", cased: Any = None) -> str:
    """Make a part of a URL; `mode` says which characters become dashes."""
    slug, kind = text(value), text(mode)
    if kind == "latin":
        slug = "".join(_LATIN.get(letter, letter) for letter in slug)
    replaced = _SLUGS.get(kind)
    if replaced is not None:
        slug = replaced.sub("-", slug)
        slug = slug.removeprefix("-").removesuffix("-")
    return slug if truthy(cased) else slug.lower()


def _number_of_words(value: Any, mode: Any = None) -> int:
    """Count words; Chinese, Japanese and Korean characters as words of their own where the mode says so."""
    words, kind = text(value), text(mode)
    if kind == "cjk" or (kind == "auto" and _CJK.search(words)):
        return len(_CJK.findall(words)) + len(_NOT_CJK.findall(words))
    return len(words.split())


def _hmac(value: Any, key: Any = None) -> str:
    return hmac.new(_encode(text(key)), _encode(text(value)), hashlib.sha256).hexdigest()


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


#: Filters that fail with too few or too many arguments.
_COUNTING: Final[dict[str, Callable[..., Any]]] = {
    "append": _with_one_argument(lambda value, end: value + end),
    "prepend": _with_one_argument(lambda value, start: start + value),
}

_ON_TEXT: Final[dict[str, Callable[..., Any]]] = {
    "base64_decode": _of_text(_decode_base64),
    "base64_encode": _of_text(lambda value: base64.b64encode(_encode(value)).decode("ascii")),
    "capitalize": _of_text(lambda value: value[:1].upper() + value[1:].lower()),
    "cgi_escape": _of_text(lambda value: quote(_encode(value), safe="-_.~").replace("%20", "+")),
    "downcase": _of_text(str.lower),
    "escape": _of_text(_escape),
    "escape_once": _of_text(lambda value: _escape(_unescape(value))),
    "hmac_sha256": _hmac,
    "lstrip": lambda value, characters=None: text(value).lstrip(_stripped(characters)),
    "normalize_whitespace": _of_text(lambda value: _SPACE.sub(" ", value)),
    "number_of_words": _number_of_words,
    "remove": _with_text(lambda value, gone: value.replace(gone, "") if gone else value),
    "remove_first": _with_text(lambda value, gone: value.replace(gone, "", 1)),
    "remove_last": _with_text(lambda value, gone: _replace_last(value, gone, "")),
    "replace": _with_texts(_replace),
    "replace_first": _with_texts(lambda value, old, new: value.replace(old, new, 1)),
    "replace_last": _with_texts(_replace_last),
    "rstrip": lambda value, characters=None: text(value).rstrip(_stripped(characters)),
    "slice": _slice,
    "sha256": _of_text(lambda value: hashlib.sha256(_encode(value)).hexdigest()),
    "slugify": _slugify,
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


# Numbers

#: An argument that is not given; one that is null counts as 0.
_NOT_GIVEN: Final = object()
_MOST_PLACES: Final = 308
#: Enough digits for any double.
_EXACT: Final = Context(prec=800)
#: A double from here on has no fraction.
_ALL_WHOLE: Final = 2**53


def _remainder(left: float, right: float) -> float:
    """Return the remainder as Ruby has it: the sign is the divisor's."""
    return math.nan if right == 0 or math.isinf(left) else math.fmod(math.fmod(left, right) + right, right)


def _quotient(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 else math.copysign(math.inf, left)
    return left / right


def _divided_by(value: Any, divisor: Any = _NOT_GIVEN, whole: Any = None) -> float:
    """Divide; with a true second argument, return the whole number below the quotient."""
    if divisor is _NOT_GIVEN:
        return math.nan
    result = _quotient(number(value), number(divisor))
    return whole_as_int(math.floor(result) if number(whole) != 0 and math.isfinite(result) else result)


def _round(value: Any, places: Any = 0) -> float:
    """Round a number; halves go away from zero."""
    amount, digits = number(value), int(max(-_MOST_PLACES, min(_MOST_PLACES, number(places))))
    if not math.isfinite(amount) or (digits >= 0 and abs(amount) >= _ALL_WHOLE):
        return whole_as_int(amount)
    # In decimals, of the number as it is written: 1.005 is a little less in binary.
    whole = Decimal(repr(amount)).scaleb(digits, _EXACT).to_integral_value(ROUND_HALF_UP)
    return whole_as_int(float(whole.scaleb(-digits, _EXACT)))


def _binary(function: Callable[[float, float], float]) -> Callable[..., float]:
    def apply(value: Any, other: Any = _NOT_GIVEN) -> float:
        return math.nan if other is _NOT_GIVEN else whole_as_int(function(number(value), number(other)))

    return apply


def _whole(function: Callable[[float], int]) -> Callable[[Any], float]:
    def apply(value: Any) -> float:
        amount = number(value)
        return function(amount) if math.isfinite(amount) else amount

    return apply


def _sum(value: Any, key: Any = None) -> float:
    found = [item(one, key) if truthy(key) else one for one in items(value)]
    return whole_as_int(sum(map(number, found)))


_ON_NUMBERS: Final[dict[str, Callable[..., Any]]] = {
    "abs": lambda value: whole_as_int(abs(number(value))),
    "at_least": lambda value, *others: whole_as_int(max(map(number, (value, *others)))),
    "at_most": lambda value, *others: whole_as_int(min(map(number, (value, *others)))),
    "ceil": _whole(math.ceil),
    "divided_by": _divided_by,
    "floor": _whole(math.floor),
    "minus": _binary(lambda left, right: left - right),
    "modulo": _binary(_remainder),
    "plus": _binary(lambda left, right: left + right),
    "round": _round,
    "sum": _sum,
    "times": _binary(lambda left, right: left * right),
    "to_integer": lambda value: whole_as_int(read_number(value)),
}


# Lists and values of any kind

_WIDEST_INDENT: Final = 10


def _default(value: Any, other: Any = None, *, allow_false: Any = False) -> Any:
    if value is False:
        return value if allow_false else other
    return other if value is None or value in ("", []) else value


def _size(value: Any) -> int:
    if isinstance(value, str):
        return text_length(value)
    return len(value) if isinstance(value, list) else 0


def _join(value: Any, separator: Any = None) -> str:
    between = " " if separator is None else text(separator)
    refuse_growth(len(items(value)), between)
    return between.join(["" if one is None else to_text(one) for one in items(value)])


def _where(value: Any, key: Any = None, wanted: Any = None) -> list[Any]:
    found = [(one, item(one, key)) for one in items(value)]
    if wanted is None:
        return [one for one, held in found if true_in_liquid(held)]
    return [one for one, held in found if equal(held, wanted)]


def _sample(value: Any, count: Any = 1) -> Any:
    """Return one item or character at random, or a list of so many."""
    if value is None:
        return []
    found = value if isinstance(value, list) else list(text(value))
    wanted = int(max(0.0, min(number(count), len(found))))
    chosen = random.sample(found, wanted)
    return (chosen[0] if chosen else None) if count == 1 else chosen


def _json(value: Any, indent: Any = None) -> str:
    """Write JSON as `JSON.stringify` does, indented by a number of blanks or a text."""
    written = stringify(value)
    if isinstance(indent, str):
        blanks = indent[:_WIDEST_INDENT]
    else:
        blanks = " " * int(max(0.0, min(number(indent), _WIDEST_INDENT)))
    if not blanks or not isinstance(value, list | dict):
        return written
    size, parts = 0, []
    for part in _indented(value, "\n", blanks):
        size += len(part)
        refuse_growth(size, "x")
        parts.append(part)
    return "".join(parts)


def _indented(value: Any, line: str, blanks: str) -> Iterator[str]:
    """Yield the parts of a value's indented JSON; `line` is what begins a line at its level."""
    if not isinstance(value, list | dict) or not value:
        yield stringify(value)
        return
    opening, closing = "[]" if isinstance(value, list) else "{}"
    pairs = value.items() if isinstance(value, dict) else ((None, one) for one in value)
    between = opening
    for key, one in pairs:
        yield between + line + blanks
        if key is not None:
            yield f"{stringify(key)}: "
        yield from _indented(one, line + blanks, blanks)
        between = ","
    yield line + closing


_ON_LISTS: Final[dict[str, Callable[..., Any]]] = {
    "compact": lambda value: [one for one in items(value) if one is not None],
    "default": _default,
    "first": lambda value: value[0] if isinstance(value, list | str) and value else None,
    "inspect": _json,
    "join": _join,
    "json": _json,
    "jsonify": _json,
    "last": lambda value: value[-1] if isinstance(value, list | str) and value else None,
    "pop": lambda value: items(value)[:-1],
    "push": lambda value, new=None: [*items(value), new],
    "raw": lambda value: value,
    "sample": _sample,
    "shift": lambda value: items(value)[1:],
    "size": _size,
    "unshift": lambda value, new=None: [new, *items(value)],
    "where": _where,
}


# All of them


def _ignoring_more(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that ignores arguments which the function does not take, as Segment does."""
    kinds = [parameter.kind for parameter in signature(function).parameters.values()]
    most = None if Parameter.VAR_POSITIONAL in kinds else len(kinds) - kinds.count(Parameter.KEYWORD_ONLY) - 1
    named = Parameter.KEYWORD_ONLY in kinds

    def apply(value: Any, *args: Any, **options: Any) -> Any:
        return function(value, *args[:most], **(options if named else {}))

    return apply


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    **{
        name: _ignoring_more(function)
        for family in (DATE_FILTERS, _ON_LISTS, _ON_NUMBERS, _ON_TEXT)
        for name, function in family.items()
    },
    **_COUNTING,
}
