"""Hashes of personal data, as advertising platforms and others want it.

What is hashed already stays as it is: events may come from a warehouse that knows only the hash, and the
hash of a hash is nobody. What has nothing in it has no hash either, because the hash of empty text is the
same for everybody and would make one person of them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from actions_core.errors import DefinitionError, PayloadError
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Callable

HashAlgorithm: TypeAlias = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
HashEncoding: TypeAlias = Literal["hex", "base64"]

_SIZES: Final = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
_HEX: Final = re.compile("[0-9a-fA-F]+")
_NOT_DIALLED: Final = re.compile(r"[^0-9]")


def hash_personal(
    value: str | None,
    algorithm: HashAlgorithm = "sha256",
    encoding: HashEncoding = "hex",
    *,
    normalize: Callable[[str], str] | None = None,
) -> str | None:
    """Return the hash of a value, or the value itself where it is one already.

    None, empty text, blanks, and what `normalize` leaves nothing of give None. A value counts as hashed
    when it is as long as the algorithm's hashes, in hexadecimal or Base64; it keeps its encoding.
    `normalize` is applied to what is hashed here, such as `normalize_email`.
    """
    if algorithm not in _SIZES:
        raise DefinitionError(f"there is no hash {algorithm!r}; there are {', '.join(_SIZES)}")
    if encoding not in get_args(HashEncoding):
        raise DefinitionError(f"a hash is written in hex or base64, not in {encoding!r}")
    if value is None:
        return None
    if not isinstance(value, str):
        raise PayloadError(f"only strings can be hashed, but this is {kind(value)}")
    stripped = value.strip()
    if not stripped or is_hashed(stripped, algorithm):
        return stripped or None
    text = value if normalize is None else normalize(value)
    if not text.strip():
        return None
    # These hashes hide a person from a glance; nobody's safety rests on them, so MD5 may be one of them.
    digest = hashlib.new(algorithm, text.encode("utf-8", "replace"), usedforsecurity=False).digest()
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode("ascii")


def is_hashed(value: str, algorithm: HashAlgorithm = "sha256") -> bool:
    """Return whether a value is as long as the algorithm's hashes, in hexadecimal or in Base64."""
    size = _SIZES[algorithm]
    if len(value) == size * 2 and _HEX.fullmatch(value):
        return True
    if len(value) != (size + 2) // 3 * 4:
        return False
    try:
        return len(base64.b64decode(value, validate=True)) == size
    except (binascii.Error, ValueError):
        return False


def normalize_email(value: str) -> str:
    """Return an address as platforms hash it: without blanks around it, in lower case."""
    return value.strip().lower()


def normalize_phone(value: str) -> str:
    """Return a number as platforms hash it: its digits, behind a `+` where it stood or where 00 stood for it.

    `+1 (555) 010-9999` becomes `+15550109999`. Some want it without the `+`: they take it off again.
    """
    text = value.strip()
    digits = _NOT_DIALLED.sub("", text)
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return f"+{digits}" if digits and text.startswith("+") else digits
