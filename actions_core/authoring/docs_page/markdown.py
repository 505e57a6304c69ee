"""What a definition says, in the words of a page, and as Markdown that stays whole whatever it says."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from actions_core.validation.fields import ConditionSet
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.validation.fields import FieldCondition, FieldSpec
    from actions_core.values.types import Json

_SPECIAL: Final = re.compile(r"[<>|]")
_CODE: Final = re.compile(r"(`+[^`]+`+)")
_NOT_IN_AN_ANCHOR: Final = re.compile(r"[^\w\- ]")


def required_text(field: FieldSpec) -> str:
    """`Required.`, or on which conditions; nothing for an optional field."""
    if not isinstance(field.required, ConditionSet):
        return "Required." if field.required else ""
    word = " and " if field.required.match == "all" else " or "
    return f"Required if {word.join(_condition(one) for one in field.required.conditions)}."


def _condition(condition: FieldCondition) -> str:
    name = code(condition.field_key) if condition.field_key else "the sync mode"
    if condition.value is MISSING:
        return f"{name} is {'missing' if condition.operator == 'is' else 'there'}"
    values = condition.value if isinstance(condition.value, (list, tuple)) else [condition.value]
    said = " or ".join(code(_plain(value)) for value in values)
    return f"{name} is {'' if condition.operator == 'is' else 'not '}{said}"


def type_text(field: FieldSpec) -> str:
    """The type in capitals, as catalogues write it."""
    return f"Type: {code(field.type.upper())}{', a list' if field.multiple else ''}"


def choices_text(field: FieldSpec) -> str:
    """The values to choose from, where there are some."""
    return f"One of {', '.join(code(_plain(value)) for value in field.values)}." if field.values else ""


def default_text(field: FieldSpec) -> str:
    """The default as JSON; nothing where there is none."""
    return "" if field.default is MISSING else code(json.dumps(field.default, ensure_ascii=False))


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def code(text: str) -> str:
    """A text in the type of code, which may stand in a table."""
    text = " ".join(text.split()).replace("|", r"\|")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def prose(text: str | None) -> str:
    """A description on one line; its links and code stay, tags and bars become plain characters."""
    parts = _CODE.split(" ".join((text or "").split()))
    return "".join(
        part.replace("|", r"\|") if index % 2 else _SPECIAL.sub(r"\\\g<0>", part)
        for index, part in enumerate(parts)
    )


def anchor(title: str) -> str:
    """The name under which a heading can be linked to."""
    return _NOT_IN_AN_ANCHOR.sub("", title.lower()).replace(" ", "-")


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines of a table."""
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
