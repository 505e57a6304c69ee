"""Checks for what FullStory is known to refuse, so that no request is wasted.

Each check adds to a list of faults, so that all of an event's faults are reported at once.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from actions_core import PayloadError, Problem

LONGEST_UID: Final = 256
LONGEST_DISPLAY_NAME: Final = 256
LONGEST_EMAIL: Final = 128

#: What JavaScript's encodeURIComponent leaves as it is, beside letters and digits.
_UNRESERVED: Final = "-_.!~*'()"
#: Segments that say "here" and "above" in a path: whoever reads the URL takes them out.
_DOTS: Final = frozenset({".", ".."})


def refuse(faults: list[Problem]) -> None:
    """Raise `PayloadError` if there are problems."""
    if faults:
        raise PayloadError(problems=faults)


def check_length(faults: list[Problem], path: str, label: str, text: str, limit: int) -> None:
    """Check a length; FullStory counts characters."""
    if len(text) > limit:
        faults.append(Problem(path, f"{label} must have at most {limit} characters but it has {len(text)}."))


def check_name(faults: list[Problem], name: str) -> None:
    """Check that an event has a name."""
    if not name:
        faults.append(Problem("$.name", "Name must not be empty."))


def check_person(faults: list[Problem], display_name: str | None, email: str | None) -> None:
    """Check FullStory's limits for a user."""
    if display_name is not None:
        check_length(faults, "$.displayName", "Display Name", display_name, LONGEST_DISPLAY_NAME)
    if email is not None:
        check_length(faults, "$.email", "Email", email, LONGEST_EMAIL)


def encoded_uid(faults: list[Problem], uid: str) -> str:
    """Encode a uid for a query as JavaScript's encodeURIComponent does, `/` and `@` too."""
    check_length(faults, "$.userId", "User ID", uid, LONGEST_UID)
    try:
        return quote(uid, safe=_UNRESERVED)
    except UnicodeEncodeError:
        faults.append(
            Problem("$.userId", "User ID holds half a character (a lone surrogate), which no URL can.")
        )
        return ""


def uid_segment(faults: list[Problem], uid: str) -> str:
    """Encode a uid for a path."""
    if uid in _DOTS:
        faults.append(
            Problem("$.userId", f"User ID {uid!r} cannot stand in a URL's path. The V2 actions take it.")
        )
    elif not uid:
        faults.append(Problem("$.userId", "User ID must not be empty."))
    return encoded_uid(faults, uid)
