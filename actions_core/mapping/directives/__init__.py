# the protocol Node says what its methods do
"""The directives by name, and those that an embedding program registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import ActionsError, MappingError
from actions_core.mapping.directives import conditions, languages, objects, paths
from actions_core.mapping.reader import DIRECTIVE_NAME
from actions_core.mapping.runtime import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.mapping.codegen import MappingSource, Node
    from actions_core.mapping.reader import Reader
    from actions_core.values.paths import Steps
    from actions_core.values.types import Json, JsonObject, Missing


def _own(reader: str) -> Callable[[Json, Reader], Node]:
    """Return the function that reads a directive of our own; their module loads with the first of them."""

    def read(option: Json, to: Reader) -> Node:
        from actions_core.mapping.directives import shapes

        node: Node = getattr(shapes, reader)(option, to)
        return node

    return read


#: For each directive the function that reads its option.
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
    "@hash": _own("read_hash"),
    "@time": _own("read_time_as"),
    "@omit": _own("read_omit"),
    "@pick": _own("read_pick"),
    "@choose": _own("read_choose"),
    "@values": _own("read_values"),
    "@split": _own("read_split"),
}
#: Those that Segment does not know: a mapping with one of them cannot be used there.
OF_OUR_OWN: Final = frozenset({"@hash", "@time", "@omit", "@pick", "@choose", "@values", "@split"})


def register_directive(
    name: str,
    function: Callable[[Json | Missing, JsonObject], Json | Missing],
    *,
    check: Callable[[Json], str | None] | None = None,
) -> None:
    """Add a directive to all mappings that are compiled from now on.

    `function` is called for each event with the directive's option, in which all directives have
    been resolved (it may be `MISSING`), and the event; it returns the value, or `MISSING`. It must
    change neither. `check` gets the option as it stands in the mapping, when that is loaded, and
    returns a sentence about what is wrong with it, or None.

    The name is `@`, a small letter, then at least one letter or digit. It must not be taken.
    """
    if not isinstance(name, str) or not DIRECTIVE_NAME.fullmatch(name):
        raise MappingError(
            f"a directive's name is '@', a small letter, then letters or digits, which {name!r} is not"
        )
    if name in DIRECTIVES:
        raise MappingError(f"there is a directive {name} already")

    def read(option: Json, reader: Reader) -> Node:
        complaint = None if check is None else check(option)
        if complaint:
            reader.error(complaint)
        return _Registered(name, reader.value(option), function, reader.path)

    DIRECTIVES[name] = read


@attrs.frozen
class _Registered:
    """A call of a registered function."""

    name: str
    option: Node
    function: Callable[[Json | Missing, JsonObject], Json | Missing]
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        option = self.option.emit(source, event)
        return source.let(f"{source.keep(self.call)}({option}, {event})")

    def call(self, option: Json | Missing, event: JsonObject) -> Json | Missing:
        """Call the function; turn what it raises into an error of the mapping."""
        try:
            return self.function(option, event)
        except ActionsError:
            raise
        except Exception as error:  # an embedder's function may raise anything
            raise fail(self.place, f"{self.name} failed: {error!r}") from error

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        yield from self.option.reads(base)
        if base is not None:
            yield base  # the function may look anywhere in the event

    def repeats(self) -> int:
        return self.option.repeats()
