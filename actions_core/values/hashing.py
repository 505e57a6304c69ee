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
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from actions_core.errors import DefinitionError, PayloadError
from actions_core.values.wording import kind, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HashAlgorithm: TypeAlias = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
HashEncoding: TypeAlias = Literal["hex", "base64"]
#: What a value is, and so how it is spelled before it is hashed.
Normalization: TypeAlias = Literal["email", "gmail", "phone", "digits", "e164"]

_SIZES: Final = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
_HEX: Final = re.compile("[0-9a-fA-F]+")
_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})
_NOT_DIALLED: Final = re.compile(r"[^0-9]")


def hash_personal(
    value: str | None,
    algorithm: HashAlgorithm = "sha256",
    encoding: HashEncoding = "hex",
    *,
    normalize: Normalization | Callable[[str], str] | None = None,
    region: str | None = None,
) -> str | None:
    """Return the hash of a value, or the value itself where it is one already.

    None, empty text, blanks, and what `normalize` leaves nothing of give None. A value counts as hashed
    when it is as long as the algorithm's hashes, in hexadecimal or Base64; it keeps its encoding.
    `normalize` is applied to what is hashed here: a function, or the name of one:

    - `email`: without blanks around it, in lower case
    - `gmail`: the same, and at Gmail without the dots and the `+tag` that its addresses may have
    - `phone`: the digits of a number, behind a `+` where one stood
    - `digits`: the digits alone
    - `e164`: the number as it is dialled from everywhere; `region`, such as `US`, is the country of
      numbers without one. It needs the extra `[phone]`, and raises `PayloadError` for what is no number.
    """
    if isinstance(normalize, str):
        normalize = normalization(normalize, region)
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


def normalize_gmail(value: str) -> str:
    """Return an address as platforms hash it, and one of Gmail's in the one spelling for all of its others.

    `Jane.Doe+news@googlemail.com` becomes `janedoe@gmail.com`.
    """
    address = normalize_email(value)
    name, at, host = address.rpartition("@")
    if not at or host not in _GMAIL:
        return address
    return f"{name.partition('+')[0].replace('.', '')}@gmail.com"


def normalize_digits(value: str) -> str:
    """Return the digits of a value alone: `+1 (555) 010-9999` becomes `15550109999`."""
    return _NOT_DIALLED.sub("", value)


def normalize_e164(value: str, region: str | None = None) -> str:
    """Return a phone number as it is dialled from everywhere: `+15550109999`.

    `region`, such as `US`, is the country of numbers that name none. Raises `PayloadError` for what is not a
    phone number, `DefinitionError` where the extra `[phone]` is not installed or there is no such region.
    """
    try:
        import phonenumbers  # an extra, and costly to import
    except ImportError:
        raise DefinitionError(
            "phone numbers in E.164 need phonenumbers: pip install 'actions-core[phone]'"
        ) from None
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise DefinitionError(
            f"there is no region {region!r}; name a country by its two letters, such as 'US'"
        )
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        hint = "" if region is not None else ", or its country is not known: it begins with + and the country"
        raise PayloadError(f"this is not a phone number{hint}")  # not which: it is personal
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


#: How a value is spelled before it is hashed, by name.
NORMALIZATIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "email": normalize_email,
    "gmail": normalize_gmail,
    "phone": normalize_phone,
    "digits": normalize_digits,
    "e164": normalize_e164,
}


def normalization(name: str, region: str | None = None) -> Callable[[str], str]:
    """Return the function of a normalisation. Raises `DefinitionError` for a name that there is not."""
    function = NORMALIZATIONS.get(name)
    if function is None:
        known = ", ".join(NORMALIZATIONS)
        raise DefinitionError(
            f"there is no normalisation {name!r}{suggestion(name, list(NORMALIZATIONS))}; there are {known}"
        )
    return partial(normalize_e164, region=region) if name == "e164" else function
