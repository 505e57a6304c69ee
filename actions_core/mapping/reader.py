"""Raw mappings read into nodes, with every problem in them.

Reading goes on after an error, so that all of them are reported at once. Inside a plain list an
error is only a warning, since such mappings exist and may never reach it: the directive then fails
when an event does.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

from actions_core.errors import Problem, child_path
from actions_core.mapping.codegen import Absent, AlwaysFails, Constant, List, Object
from actions_core.values.javascript import stringify
from actions_core.values.json_faults import MAX_DEPTH
from actions_core.values.wording import kind, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from actions_core.mapping.codegen import Node
    from actions_core.values.types import Json, JsonObject

METADATA: Final = "_metadata"
DIRECTIVE_NAME: Final = re.compile(r"@[a-z][A-Za-z0-9]+")

_LONGEST_QUOTED: Final = 60
#: What a mapping may cost to compile: directives, and objects and lists with directives in them, each more
#: the deeper it stands; and the length of the texts that are languages of their own. Far less than a second.
MAX_COST: Final = 10_000
#: Levels below which a node costs as much again, since source is indented by them.
_DEEP: Final = 10


def is_directive(value: object) -> bool:
    """Tell whether a value is an object that has to be resolved: one of its keys begins with `@`."""
    return isinstance(value, dict) and any(isinstance(key, str) and key[:1] == "@" for key in value)


def raw_kind(value: object) -> str:
    """Say what kind of value stands in a mapping: a directive is more than an object there."""
    return "a directive" if is_directive(value) else kind(value)


def quoted(value: object) -> str:
    """Return a value as JSON for a sentence, cut where it is long."""
    text = stringify(value)
    return text if len(text) <= _LONGEST_QUOTED else text[:_LONGEST_QUOTED] + "…"


class Reader:
    """Reads raw values into nodes and collects the problems; directives use it for their options."""

    def __init__(self, directives: dict[str, Callable[[Json, Reader], Node]]) -> None:
        self.problems: list[Problem] = []
        self.path = "$"
        self._directives = directives
        self._depth = 0
        self._cost = 0
        self._in_list = False
        self._failure: str | None = None

    def error(self, message: str, key: str | int | None = None) -> None:
        """Report that the current directive can never do its work."""
        severity: Literal["error", "warning"] = "warning" if self._in_list else "error"
        self.problems.append(Problem(self._at(key), message, severity))
        if self._failure is None:
            self._failure = message

    def warn(self, message: str, key: str | int | None = None) -> None:
        """Report something odd that does not keep the mapping from running."""
        self.problems.append(Problem(self._at(key), message, "warning"))

    def always_fails(self, message: str, key: str | int | None = None) -> AlwaysFails:
        """Warn, and return the node of a directive that fails whenever an event reaches it."""
        self.warn(message, key)
        return AlwaysFails(self._at(key), message)

    def claim(self, cost: int = 1) -> bool:
        """Count what a part of the mapping costs; return whether all of it is still within bounds."""
        self._cost += cost * (1 + self._depth // _DEEP)
        return not self.is_too_large

    @property
    def is_too_large(self) -> bool:
        """Whether the mapping would take too long to compile."""
        return self._cost > MAX_COST

    def _at(self, key: str | int | None) -> str:
        return self.path if key is None else child_path(self.path, key)

    @contextmanager
    def below(self, key: str | int) -> Iterator[None]:
        """Place what is read inside the block under this key or index."""
        path = self.path
        self.path = child_path(path, key)
        self._depth += 1
        yield
        self._depth -= 1
        self.path = path

    def read(self, value: Json, key: str | int) -> Node:
        """Read the value under a key or index of the current place."""
        with self.below(key):
            return self.value(value)

    def value(self, value: Json) -> Node:
        """Read a value at the current place."""
        if self._depth > MAX_DEPTH:
            self.error(f"is nested more than {MAX_DEPTH} levels deep")
            return Absent()
        if isinstance(value, dict):
            return self._directive(value) if is_directive(value) else self._object(value)
        if isinstance(value, list):
            return self._list(value)
        if value is None or isinstance(value, str | int | float):
            return Constant(value)
        self.error(f"must be JSON but is {kind(value)}")
        return Absent()

    def _object(self, raw: JsonObject) -> Node:
        entries: dict[str, Node] = {}
        for key, item in raw.items():
            if not isinstance(key, str):
                self.error(f"has a key that is {kind(key)}; keys are strings")
                continue
            entries[key] = self.read(item, key)
        if all(isinstance(node, Constant) for node in entries.values()):
            return Constant({key: node.value for key, node in entries.items() if isinstance(node, Constant)})
        return Object(entries) if self.claim() else Absent()

    def _list(self, raw: list[Json]) -> Node:
        in_list, self._in_list = self._in_list, True
        nodes = [self.read(item, index) for index, item in enumerate(raw)]
        self._in_list = in_list
        if all(isinstance(node, Constant) for node in nodes):
            return Constant([node.value for node in nodes if isinstance(node, Constant)])
        return List(tuple(nodes)) if self.claim() else Absent()

    def _directive(self, raw: JsonObject) -> Node:
        """Read a directive; inside a list its errors affect no other."""
        if not self.claim():
            return Absent()
        path, outer, self._failure = self.path, self._failure, None
        node = self._named_directive(raw)
        if self._failure is not None:
            node = AlwaysFails(path, self._failure)
        if outer is not None or self._in_list:
            self._failure = outer
        return node

    def _named_directive(self, raw: JsonObject) -> Node:
        names = [key for key in raw if key != METADATA]
        if len(names) != 1:
            self.error(f"must have one key that begins with '@' and no other, but it has {len(names)} keys")
            return Absent()
        read = self._directives.get(names[0])
        if read is None:
            self.error(f"has an unknown directive: {names[0]}{suggestion(names[0], self._directives)}")
            return Absent()
        with self.below(names[0]):
            return read(raw[names[0]], self)

    def options(
        self, option: Json, *, known: Collection[str], required: Collection[str] = ()
    ) -> JsonObject | None:
        """Return the options of a directive that takes an object; report anything else and return None."""
        if not isinstance(option, dict) or is_directive(option):
            self.error(f"must be an object but is {raw_kind(option)}")
            return None
        for key in option:
            if key not in known:
                self.warn(f"is not an option of {self._name()}, which takes {', '.join(known)}", str(key))
        missing = [key for key in required if key not in option]
        for key in missing:
            self.error(f"must have the option '{key}'")
        return None if missing else option

    def _name(self) -> str:
        return self.path.rpartition(".")[2]

    def text(self, option: Json, key: str | int | None = None) -> str | None:
        """Return a string; report anything else and return None."""
        if isinstance(option, str):
            return option
        self.error(f"must be a string but is {raw_kind(option)}", key)
        return None

    def boolean(self, options: JsonObject, key: str, *, default: bool) -> bool:
        """Return a boolean option, or its default; report anything else."""
        value = options.get(key, default)
        if not isinstance(value, bool):
            self.error(f"must be true or false but is {raw_kind(value)}", key)
        return bool(value)

    def choice(self, options: JsonObject, key: str, choices: Collection[str]) -> str | None:
        """Return an option that is one of several strings; report anything else."""
        text = self.text(options[key], key)
        if text is not None and text not in choices:
            self.error(f"must be one of {', '.join(choices)} but is {quoted(text)}", key)
        return text

    def directive_or_text(self, option: Json, key: str | int | None = None) -> Node:
        """Read a string, or a directive that should give one; report anything else."""
        if not isinstance(option, str) and not is_directive(option):
            self.error(f"must be a string or a directive but is {kind(option)}", key)
            return Absent()
        return self.value(option) if key is None else self.read(option, key)

    def directive_or_object(self, option: Json, key: str | int) -> Node:
        """Read an object or a directive; report anything else."""
        if not isinstance(option, dict):
            self.error(f"must be an object or a directive but is {kind(option)}", key)
            return Absent()
        return self.read(option, key)
