"""What is known about a user, in the one spelling of which Meta compares the hashes."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from actions_core import normalize_digits, present
from actions_meta_conversions.codes import COUNTRIES, STATES

if TYPE_CHECKING:
    from actions_core import JsonObject

#: Meta takes hashes in hexadecimal alone, so other spellings of a hash are values like any other.
_HASH: Final = re.compile("[0-9a-fA-F]{64}")
_GENDERS: Final = {"male": "m", "female": "f"}
#: Where each field goes: first those that are hashed in one spelling, then those that go out as they are.
_WORDS: Final = {
    "email": "em",
    "lastName": "ln",
    "firstName": "fn",
    "city": "ct",
    "zip": "zp",
    "gender": "ge",
    "state": "st",
    "country": "country",
}
_CODES: Final = {"gender": _GENDERS, "state": STATES, "country": COUNTRIES}
_PLAIN: Final = {
    "client_ip_address": "client_ip_address",
    "client_user_agent": "client_user_agent",
    "fbc": "fbc",
    "fbp": "fbp",
    "subscriptionID": "subscription_id",
    "leadID": "lead_id",
    "anonId": "anon_id",
    "madId": "madid",
    "fbLoginID": "fb_login_id",
    "partner_id": "partner_id",
    "partner_name": "partner_name",
    "ctwa_clid": "ctwa_clid",
}


def hash_user_data(fields: JsonObject) -> JsonObject:
    """Return the user's data under Meta's names, everything personal hashed."""
    found: JsonObject = {name: fields.get(key) for key, name in _PLAIN.items()}
    for key, name in _WORDS.items():
        text = _squeezed(fields.get(key) or "")
        found[name] = _hashed(_CODES.get(key, {}).get(text, text))
    phone = fields.get("phone") or ""
    found["ph"] = _hashed(phone if _HASH.search(phone) else normalize_digits(phone))
    found["db"] = _hashed(fields.get("dateOfBirth") or "")
    ids = [_hashed(_squeezed(value)) for value in fields.get("externalId") or ()]
    found["external_id"] = [value for value in ids if value] or None
    return present(found)


def _squeezed(text: str) -> str:
    return "".join(text.split()).lower()


def _hashed(text: str) -> str | None:
    """Return the hash of a text, the text itself where it is a hash, and None where nothing is in it."""
    if not text.strip():
        return None
    if _HASH.fullmatch(text):
        return text
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
