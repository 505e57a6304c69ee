"""Profiles in Mixpanel's form: what is set of a person or a group, and what is added to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from actions_core import MISSING, PayloadError, Problem, present, to_text

if TYPE_CHECKING:
    from actions_core import Context, Json, JsonObject

#: Mixpanel's name of a trait, and the traits of which the first with a value has it.
_CREATED: Final = {"$created": ("created", "createdAt", "created_at")}
_PERSON: Final = {
    **_CREATED,
    "$email": ("email",),
    "$first_name": ("firstName",),
    "$last_name": ("lastName",),
    "$name": ("name",),
    "$username": ("username",),
    "$phone": ("phone",),
}
_GROUP: Final = {**_CREATED, "$name": ("name",)}

MOST_NUMBERS: Final = 20


def person(payload: JsonObject) -> JsonObject:
    """Return whose profile it is. Raises `PayloadError` where nobody is named."""
    ids = (payload.get("user_id"), payload.get("anonymous_id"))
    who = next((one for one in ids if one is not None), None)
    if who is None:
        raise PayloadError.at("$", "Give a user id or an anonymous id: a profile belongs to one of them.")
    return present({"$distinct_id": who, "$ip": payload.get("ip")})


def person_traits(traits: JsonObject) -> JsonObject:
    """Return a person's traits; a full name is made of first and last name where there is none."""
    found = _renamed(traits, _PERSON)
    first, last = traits.get("firstName"), traits.get("lastName")
    if traits.get("name") is None and _is_name(first) and _is_name(last):
        found["$name"] = f"{to_text(first)} {to_text(last)}"
    return found


def group_traits(traits: JsonObject) -> JsonObject:
    """Return a group's traits."""
    return _renamed(traits, _GROUP)


def numbers(increment: JsonObject, context: Context) -> JsonObject:
    """Return what is to be added; warn of what is neither number nor text, and left out.

    Raises `PayloadError` for text that is no number, and for more numbers than Mixpanel takes at once.
    """
    if len(increment) > MOST_NUMBERS:
        raise PayloadError.at(
            "$.increment",
            f"At most {MOST_NUMBERS} properties can be incremented, and there are {len(increment)}.",
        )
    found: JsonObject = {}
    faults: list[Problem] = []
    for name, value in increment.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            context.warn("$.increment", f"The value of {name!r} is not a number, and is left out.")
        elif (number := _number(value)) is None:
            faults.append(Problem("$.increment", f"The value of {name!r} is not a number."))
        else:
            found[name] = number
    if faults:
        raise PayloadError(problems=faults)
    return found


def _renamed(traits: JsonObject, names: dict[str, tuple[str, ...]]) -> JsonObject:
    olds = {old for group in names.values() for old in group}
    found = {name: value for name, value in traits.items() if name not in olds}
    for name, group in names.items():
        values = [traits.get(old, MISSING) for old in group]
        value = next((value for value in values if value is not None and value is not MISSING), values[-1])
        if value is not MISSING:
            found[name] = value
    return found


def _is_name(value: Json) -> bool:
    return isinstance(value, str | int | float) and value not in {"", 0}


def _number(value: float | str) -> float | None:
    """Return a number, or the number that a text spells; None without one."""
    if isinstance(value, str):
        try:
            value = float(value.strip() or 0) if "_" not in value else math.nan
        except ValueError:
            return None
    return value if math.isfinite(value) else None
