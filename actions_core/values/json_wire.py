"""JSON that a program sent over the network: read as JavaScript reads it, as quickly as can be.

What users write in files has a stricter reader. A client cannot mend what it sent: of two equal keys the
last one holds, and half a surrogate pair, which JavaScript's `slice` leaves behind, is kept. orjson reads
nearly everything; what it would read as something else, or refuses, is read by Python.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson

from actions_core.values.json_files import parse_events

if TYPE_CHECKING:
    from actions_core.values.types import Json

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
#: Each digit as 0: orjson reads integers beyond 64 bits as floats, and these have at least so many digits.
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_INTEGER: Final = b"0" * 19


def read_wire(data: bytes) -> Json:
    """Read JSON that a client sent. Raises `EventError` with the place of what is wrong."""
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if _LONG_INTEGER not in data.translate(_DIGITS):
        try:
            read: Json = orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
        else:
            return read
    return _read_slowly(data)


def _read_slowly(data: bytes) -> Json:
    try:
        read: Json = _DECODER.decode(data.decode())
    except (ValueError, RecursionError):
        return parse_events(data)  # which says what is wrong, and where
    return read


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER: Final[Any] = json.JSONDecoder(parse_constant=_refuse)
