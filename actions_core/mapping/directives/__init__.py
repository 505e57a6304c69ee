"""The directives by name, and the door for new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.errors import MappingError
from actions_core.mapping.directives import building, choosing, languages, picking
from actions_core.mapping.directives.custom import Custom
from actions_core.mapping.reading import DIRECTIVE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.mapping.reading import Reader
    from actions_core.mapping.source import Node
    from actions_core.types import Json, JsonObject, Missing

#: How the option of each directive is read.
DIRECTIVES: Final[dict[str, Callable[[Json, Reader], Node]]] = {
    "@path": picking.read_path,
    "@template": picking.read_template,
    "@arrayPath": picking.read_array_path,
    "@jmespath": languages.read_jmespath,
    "@liquid": languages.read_liquid,
    "@literal": building.read_literal,
    "@flatten": building.read_flatten,
    "@json": building.read_json,
    "@merge": building.read_merge,
    "@transform": building.read_transform,
    "@excludeWhenNull": building.read_exclude_when_null,
    "@if": choosing.read_if,
    "@case": choosing.read_case,
    "@replace": choosing.read_replace,
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
