"""JavaScript's reading and spelling of plain values.

Segment's mappings were written for an engine in JavaScript, and their results hold its spelling
wherever text is made from a value: `1.0` is "1", `True` is "true", a list is its items joined by
commas. Only this module knows those rules.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final

from actions_core.values.types import MISSING, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actions_core.values.types import Json

#: What JavaScript's `trim` takes away; Python's `strip` takes away others.
WHITESPACE: Final = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_BASED: Final = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
_INFINITY: Final = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}
_BASES: Final = {"x": 16, "o": 8, "b": 2}
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

#: From here on JavaScript writes a number with an exponent.
_EXPONENT_FROM: Final = 10**21
_MOST_DIGITS: Final = 21
_BEYOND_DOUBLE: Final = 10**308
_NOT_JSON: Final = {"NaN", "Infinity", "-Infinity"}
_LEAST_POINT: Final = -6
#: Longer than any finite double, and within Python's limit for reading an `int`.
_LONGEST_INT: Final = 320


def truthy(value: Json | Missing) -> bool:
    """Return whether the value is true in JavaScript: an empty list or object is, `0` and `''` are not."""
    if isinstance(value, list | dict):
        return True
    return bool(value) and value == value  # noqa: PLR0124  # NaN alone differs from itself


def text_length(text: str) -> int:
    """Return the length of a string in JavaScript: a character beyond the first 65,536 counts twice."""
    return len(text) if text.isascii() else len(text) + len(_ASTRAL.findall(text))


def number_text(number: float) -> str:
    """Return a number as JavaScript writes it. An `int` keeps all its digits."""
    if isinstance(number, int):
        if -_EXPONENT_FROM < number < _EXPONENT_FROM:
            return str(int(number))
        try:
            number = float(number)
        except OverflowError:
            return "Infinity" if number > 0 else "-Infinity"
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).rstrip("0")
    point -= len(digits) - len(digits.lstrip("0"))
    return sign + _place_point(digits.lstrip("0"), point)


def _place_point(digits: str, point: int) -> str:
    """Digits with a decimal point before `digits[point]`, or an exponent where that would be long."""
    if len(digits) <= point <= _MOST_DIGITS:
        return digits + "0" * (point - len(digits))
    if 0 < point <= _MOST_DIGITS:
        return f"{digits[:point]}.{digits[point:]}"
    if _LEAST_POINT < point <= 0:
        return "0." + "0" * -point + digits
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def to_text(value: Json | Missing) -> str:  # noqa: PLR0911  # one for each kind of value
    """Return the value as JavaScript's `String()` writes it."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list):
        return ",".join(["" if item is None or item is MISSING else to_text(item) for item in value])
    if value is MISSING:
        return "undefined"
    return "[object Object]"


def to_number(text: str) -> float | int | None:
    """Return the number that JavaScript reads in a string; None where it reads none, and for a blank one."""
    text = text.strip(WHITESPACE)
    if _WHOLE.fullmatch(text):
        return int(text) if len(text) <= _LONGEST_INT else float(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _BASED.fullmatch(text):
        if len(text) > _LONGEST_INT:
            return math.inf
        return int(text[2:], _BASES[text[1].lower()])
    return _INFINITY.get(text)


def quote(text: str) -> str:
    """Return a string as JSON, with what is not well-formed Unicode escaped."""
    quoted = json.encoder.encode_basestring(text)
    if quoted.isascii():
        return quoted
    return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def stringify(value: Json | Missing) -> str:
    """Write the value as `JSON.stringify` does: without missing keys, missing items and NaN as `null`.

    Raises `TypeError` for a value of Python's own that has no form in JSON.
    """
    try:
        written = "".join(_encode(value, 0))
        if not written.isascii():
            written.encode()
    except (TypeError, ValueError):
        return _write(value)
    if ".0" in written or "e-" in written or "e+" in written:
        return _write(value)
    return written


def _fast_encoder() -> Callable[[Json, int], Iterable[str]]:
    """Python's own encoder: fast, but it spells some numbers as Python does."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
        return lambda value, _: encode(value)
    # As JSONEncoder makes it, but only once. No check for circles, no way out for other types, characters
    # as they are, no indent, the separators; keys neither sorted nor skipped, and no NaN.
    options = (None, _refuse, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    encoder: Callable[[Json, int], Iterable[str]] = make(*options)
    return encoder


def _refuse(value: object) -> None:
    raise TypeError(f"a {type(value).__name__} is not JSON")


_encode: Final = _fast_encoder()


def _write(value: Json | Missing) -> str:  # noqa: PLR0911  # one for each kind of value
    if isinstance(value, str):
        return quote(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int) and abs(value) < _BEYOND_DOUBLE:
        return int.__repr__(value)
    if isinstance(value, int | float):
        text = number_text(value)
        return "null" if text in _NOT_JSON else text
    if isinstance(value, dict):
        pairs = [f"{key_json(key)}:{_write(item)}" for key, item in value.items() if item is not MISSING]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([_write(item) for item in value]) + "]"
    if value is None or value is MISSING:
        return "null"
    raise TypeError(f"a {type(value).__name__} is not JSON")


def key_json(key: object) -> str:
    """Write the key of an object as JSON; raises `TypeError` for one that is not a string or a scalar."""
    if isinstance(key, str):
        return quote(str.__str__(key))
    if key is None or isinstance(key, bool | int | float):
        return quote(to_text(key))
    raise TypeError(f"a key that is a {type(key).__name__} is not JSON")
