# ruff: noqa: D102  # the protocol Node says what its methods do
"""Directives of our own, which Segment does not know.

`@hash`, `@time`, `@omit`, `@pick`, `@choose`, `@values`, `@split`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import DefinitionError, PayloadError
from actions_core.mapping.codegen import Absent, Constant, MappingSource, Node, guard_weight
from actions_core.mapping.reader import is_directive, quoted, raw_kind
from actions_core.mapping.shaping import (
    SPELLINGS,
    TIMES,
    change_values,
    choice_key,
    hashed,
    omit,
    pick,
    split,
    time_as,
)
from actions_core.values.hashing import NORMALIZATIONS, normalization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.mapping.reader import Reader
    from actions_core.values.paths import Steps
    from actions_core.values.types import Json, JsonObject, Missing

_ALGORITHMS: Final = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_A_NUMBER: Final = "+15550109999"


@attrs.frozen
class Made:
    """A value that a function makes of the values of nodes; `call` takes them in their order."""

    call: Callable[..., Json | Missing]
    nodes: tuple[Node, ...]

    def emit(self, source: MappingSource, event: str) -> str:
        values = [node.emit(source, event) for node in self.nodes]
        return source.let(f"{source.keep(self.call)}({', '.join(values)})")

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        for node in self.nodes:
            yield from node.reads(base)

    def repeats(self) -> int:
        return sum(node.repeats() for node in self.nodes)


def read_hash(option: Json, reader: Reader) -> Node:
    """Read `@hash`: a value, or `value` with `as`, `algorithm`, `encoding` and `region`."""
    if not isinstance(option, dict) or is_directive(option):
        return Made(partial(_hash, "sha256", "hex", None, reader.path), (reader.value(option),))
    options = reader.options(
        option, known=("value", "as", "algorithm", "encoding", "region"), required=("value",)
    )
    if options is None:
        return Absent()
    given = {"algorithm": "sha256", "encoding": "hex", **options}
    algorithm = reader.choice(given, "algorithm", _ALGORITHMS)
    encoding = reader.choice(given, "encoding", ("hex", "base64"))
    normalize = _normalization(options, reader)
    return Made(
        partial(_hash, algorithm, encoding, normalize, reader.path),
        (reader.read(options["value"], "value"),),
    )


def _normalization(options: JsonObject, reader: Reader) -> Callable[[str], str] | None:
    name = options.get("as")
    region = None if options.get("region") is None else reader.text(options["region"], "region")
    if name is None or reader.choice(options, "as", tuple(NORMALIZATIONS)) not in NORMALIZATIONS:
        return None
    normalize = normalization(name, region)
    try:
        normalize(_A_NUMBER)  # what is not installed, and a region that there is not, shows here
    except DefinitionError as error:
        reader.error(error.message, "as")
    except PayloadError:
        pass
    return normalize


def _hash(algorithm: Any, encoding: Any, normalize: Any, place: str, value: Json | Missing) -> Json | Missing:
    return hashed(value, algorithm, encoding, normalize, place)


def read_time_as(option: Json, reader: Reader) -> Node:
    """Read `@time`, which writes a time `as` another form; `else` is given for what is no time."""
    options = reader.options(option, known=("value", "as", "else"), required=("value", "as"))
    if options is None:
        return Absent()
    form = reader.choice(options, "as", tuple(TIMES)) or "iso"
    nodes = [reader.read(options[key], key) for key in ("value", "else") if key in options]
    return Made(partial(_time_as, form, reader.path), tuple(nodes))


def _time_as(form: str, place: str, value: Json | Missing, *otherwise: Json | Missing) -> Json | Missing:
    return time_as(value, form, place, *otherwise)


def read_omit(option: Json, reader: Reader) -> Node:
    """Read `@omit`, which leaves out `keys`, and those that have one of the `values`; `deep` at any depth."""
    options = reader.options(option, known=("value", "keys", "values", "deep"), required=("value",))
    if options is None:
        return Absent()
    if "keys" not in options and "values" not in options:
        reader.error("must have the option 'keys' or 'values'")
    values = options.get("values", [])
    if not isinstance(values, list):
        reader.error(f"must be a list but is {raw_kind(values)}", "values")
        values = []
    keys = _keys(options, reader, renaming=False) if "keys" in options else Constant([])
    deep = reader.boolean(options, "deep", default=False)
    call = partial(omit, values=list(values), place=reader.path, deep=deep)
    return Made(call, (reader.read(options["value"], "value"), keys))


def read_pick(option: Json, reader: Reader) -> Node:
    """Read `@pick`, which keeps `keys` only; an object of them has the old key under the new one."""
    options = reader.options(option, known=("value", "keys"), required=("value", "keys"))
    if options is None:
        return Absent()
    keys = _keys(options, reader, renaming=True)
    return Made(partial(pick, place=reader.path), (reader.read(options["value"], "value"), keys))


def _keys(options: JsonObject, reader: Reader, *, renaming: bool) -> Node:
    keys = options["keys"]
    if is_directive(keys):
        return reader.read(keys, "keys")
    listed = keys.values() if isinstance(keys, dict) and renaming else keys
    if isinstance(keys, dict) and not renaming:
        listed = None
    if listed is None or isinstance(listed, str) or not hasattr(listed, "__iter__"):
        either = (
            "a list of keys, or an object with the old key of each new one," if renaming else "a list of keys"
        )
        reader.error(f"must be {either} but is {raw_kind(keys)}", "keys")
        return Absent()
    if not all(isinstance(key, str) for key in listed):
        reader.error("must have keys that are strings", "keys")
    return Constant(keys)


@attrs.frozen
class Choose:
    """One of several values, chosen by the text of another."""

    by: Node
    of: tuple[tuple[str, Node], ...]
    otherwise: Node

    def emit(self, source: MappingSource, event: str) -> str:
        source.use(choice_key)
        with source.untraced():
            by = source.let(f"choice_key({self.by.emit(source, event)})")
        if all(isinstance(node, Constant) and not isinstance(node.value, list | dict) for _, node in self.of):
            table = {key: node.value for key, node in self.of if isinstance(node, Constant)}
            result = source.let(f"{source.keep(table)}.get({by}, MISSING)")
        else:
            result = source.let("MISSING")
            for key, node in self.of:
                with source.block(f"if {by} == {source.constant(key)}:"):
                    source.put(f"{result} = {node.emit(source, event)}")
        if not isinstance(self.otherwise, Absent):
            keys = source.keep(frozenset(key for key, _ in self.of))
            with source.block(f"if {by} not in {keys}:"):
                source.put(f"{result} = {self.otherwise.emit(source, event)}")
        return result

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        for node in (self.by, *(node for _, node in self.of), self.otherwise):
            yield from node.reads(base)

    def repeats(self) -> int:
        return max(node.repeats() for node in (*(node for _, node in self.of), self.otherwise))


def read_choose(option: Json, reader: Reader) -> Node:
    """Read `@choose`: the value `of` the key that `by` gives, or `else`."""
    options = reader.options(option, known=("by", "of", "else"), required=("by", "of"))
    if options is None:
        return Absent()
    of = options["of"]
    if not isinstance(of, dict) or is_directive(of):
        reader.error(f"must be an object with a value for each key but is {raw_kind(of)}", "of")
        return Absent()
    by = reader.directive_or_text(options["by"], "by")
    with reader.below("of"):
        nodes = tuple((key, reader.read(value, key)) for key, value in of.items())
    otherwise = reader.read(options["else"], "else") if "else" in options else Absent()
    return Choose(by, nodes, otherwise)


@attrs.frozen
class Values:
    """An object whose keys are spelled anew and whose values are changed."""

    value: Node
    each: Node | None
    spelling: Callable[[str], str] | None
    text: bool
    listed: bool
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        value = self.value.emit(source, event)
        each = "None" if self.each is None else source.shape_function(self.each)
        call = partial(_change, self.spelling, self.place, self.text, self.listed)
        return guard_weight(source, self, source.let(f"{source.keep(call)}({value}, {each})"))

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        return self.value.reads(base)

    def repeats(self) -> int:
        return self.value.repeats() * (1 if self.each is None else self.each.repeats())


def _change(
    spelling: Callable[[str], str] | None,
    place: str,
    text: bool,  # noqa: FBT001 - bound by `partial`, which takes them in their order
    listed: bool,  # noqa: FBT001 - as above
    value: Json | Missing,
    each: Callable[[JsonObject], Json | Missing] | None,
) -> Json | Missing:
    return change_values(value, spelling, each, place, text=text, listed=listed)


def read_values(option: Json, reader: Reader) -> Node:
    """Read `@values`, which changes the values of an object, `each` as `{key, value}`, and its `keys`."""
    options = reader.options(option, known=("value", "each", "as", "keys", "list"), required=("value",))
    if options is None:
        return Absent()
    if options.keys() == {"value"}:
        reader.error("must have one of the options 'each', 'as', 'keys' and 'list'")
    text = "as" in options and reader.choice(options, "as", ("text",)) == "text"
    spelling = reader.choice(options, "keys", tuple(SPELLINGS)) if "keys" in options else None
    return Values(
        reader.read(options["value"], "value"),
        reader.read(options["each"], "each") if "each" in options else None,
        SPELLINGS.get(spelling or ""),
        text,
        reader.boolean(options, "list", default=False),
        reader.path,
    )


def read_split(option: Json, reader: Reader) -> Node:
    """Read `@split`, which cuts text at each `by`."""
    options = reader.options(option, known=("value", "by", "trim"), required=("value", "by"))
    if options is None:
        return Absent()
    by = reader.text(options["by"], "by")
    if by == "":
        reader.error(f"must not be empty but is {quoted(by)}", "by")
    trim = reader.boolean(options, "trim", default=True)
    return Made(
        partial(split, by=by or ",", place=reader.path, trim=trim), (reader.read(options["value"], "value"),)
    )
