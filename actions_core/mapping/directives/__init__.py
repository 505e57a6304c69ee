"""The directives by name, and the door for new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.errors import MappingError
from actions_core.mapping.directives import conditions, languages, objects, paths
from actions_core.mapping.directives.custom import Custom
from actions_core.mapping.reader import DIRECTIVE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.mapping.codegen import Node
    from actions_core.mapping.reader import Reader
    from actions_core.values.types import Json, JsonObject, Missing

#: How the option of each directive is read.
DIRECTIVES: Final[dict[str, Callable[[Json, Reader], Node]]] = {
    "@path": paths.read_path,
    "@template": paths.read_template,
    "@arrayPath": paths.read_array_path,
    "@jmespath": languages.read_jmespath,
    "@liquid": languages.read_liquid,
    "@literal": objects.read_literal,
    "@flatten": objects.read_flatten,
    "@json": objects.read_json,
    "@merge": objects.read_merge,
    "@transform": objects.read_transform,
    "@excludeWhenNull": objects.read_exclude_when_null,
    "@if": conditions.read_if,
    "@case": conditions.read_case,
    "@replace": conditions.read_replace,
}


def register_directive(
    name: str,
    function: Callable[[Json | Missing, JsonObject], Json | Missing],
    *,
    check: Callable[[Json], str | None] | None = None,
) -> None:
    """Make a directive of one's own known to every mapping that is compiled from now on.

    `function` is called for each event with the directive's option, in which all directives have
    been resolved (`MISSING` where nothing came out), and the event; it gives the value, or
    `MISSING`. It must change neither. `check` sees the option as it stands in the mapping, when
    that is loaded, and says in a sentence what is wrong with it, or None.

    The name is `@`, a small letter, then at least one letter or digit. A taken name is refused.
    """
    if not isinstance(name, str) or not DIRECTIVE_NAME.fullmatch(name):
        raise MappingError(
            f"a directive's name is '@', a small letter, then letters or digits; {name!r} is not such a name"
        )
    if name in DIRECTIVES:
        raise MappingError(f"there is a directive {name} already")

    def read(option: Json, reader: Reader) -> Node:
        complaint = None if check is None else check(option)
        if complaint:
            reader.fault(complaint)
        return Custom(name, reader.value(option), function, reader.path)

    DIRECTIVES[name] = read
