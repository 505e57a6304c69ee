"""Raw mappings read into nodes, with everything that is wrong in them.

Reading goes on after a fault, so that all of them are reported at once. Inside a plain list a
fault is only a warning, since such mappings exist and may never reach it: the directive then
fails when an event does.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

from actions_core.errors import Problem, child_path
from actions_core.mapping.nodes import Absent, Constant, Fault, List, Object
from actions_core.values import wording
from actions_core.values.javascript import stringify
from actions_core.values.json_faults import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from actions_core.mapping.codegen import Node
    from actions_core.values.types import Json, JsonObject

METADATA: Final = "_metadata"
DIRECTIVE_NAME: Final = re.compile(r"@[a-z][A-Za-z0-9]+")

_LONGEST_SHOWN: Final = 60


def kind(value: object) -> str:
    """Say what kind of value this is; a directive is not taken for an object."""
    return "a directive" if is_directive(value) else wording.kind(value)


def is_directive(value: object) -> bool:
    """Whether an object asks to be resolved: one of its keys begins with `@`."""
    return isinstance(value, dict) and any(isinstance(key, str) and key[:1] == "@" for key in value)


def shown(text: object) -> str:
    """A value quoted in a sentence, cut where it is long."""
    full = stringify(text)
    return full if len(full) <= _LONGEST_SHOWN else full[:_LONGEST_SHOWN] + "…"


class Reader:
    """Reads raw values into nodes and gathers the problems; directives use it for their options."""

    def __init__(self, directives: dict[str, Callable[[Json, Reader], Node]]) -> None:
        self.problems: list[Problem] = []
        self.path = "$"
        self._directives = directives
        self._depth = 0
        self._in_list = False
        self._broken: str | None = None

    def fault(self, message: str, key: str | int | None = None) -> None:
        """The directive at hand can never do its work."""
        severity: Literal["error", "warning"] = "warning" if self._in_list else "error"
        self.problems.append(Problem(self._at(key), message, severity))
        if self._broken is None:
            self._broken = message

    def warn(self, message: str, key: str | int | None = None) -> None:
        """Something is odd, but the mapping can run."""
        self.problems.append(Problem(self._at(key), message, "warning"))

    def never_works(self, message: str, key: str | int | None = None) -> Fault:
        """A directive that fails whenever an event reaches it, which may be never."""
        self.warn(message, key)
        return Fault(self._at(key), message)

    def _at(self, key: str | int | None) -> str:
        return self.path if key is None else child_path(self.path, key)

    @contextmanager
    def below(self, key: str | int) -> Iterator[None]:
        """What is read inside stands under this key or index."""
        path = self.path
        self.path = child_path(path, key)
        self._depth += 1
        yield
        self._depth -= 1
        self.path = path

    def read(self, value: Json, key: str | int) -> Node:
        """Read the value under a key or index of the present place."""
        with self.below(key):
            return self.value(value)

    def value(self, value: Json) -> Node:
        """Read a value at the present place."""
        if self._depth > MAX_DEPTH:
            self.fault(f"is nested more than {MAX_DEPTH} levels deep")
            return Absent()
        if isinstance(value, dict):
            return self._directive(value) if is_directive(value) else self._object(value)
        if isinstance(value, list):
            return self._list(value)
        if value is None or isinstance(value, str | int | float):
            return Constant(value)
        self.fault(f"must be JSON, but is {kind(value)}")
        return Absent()

    def _object(self, raw: JsonObject) -> Node:
        entries: dict[str, Node] = {}
        for key, item in raw.items():
            if not isinstance(key, str):
                self.fault(f"has a key that is not text but {kind(key)}")
                continue
            entries[key] = self.read(item, key)
        if all(isinstance(node, Constant) for node in entries.values()):
            return Constant({key: node.value for key, node in entries.items() if isinstance(node, Constant)})
        return Object(entries)

    def _list(self, raw: list[Json]) -> Node:
        in_list, self._in_list = self._in_list, True
        nodes = [self.read(item, index) for index, item in enumerate(raw)]
        self._in_list = in_list
        if all(isinstance(node, Constant) for node in nodes):
            return Constant([node.value for node in nodes if isinstance(node, Constant)])
        return List(tuple(nodes))

    def _directive(self, raw: JsonObject) -> Node:
        """Read a directive; inside a list its faults stay its own."""
        path, broken, self._broken = self.path, self._broken, None
        node = self._named_directive(raw)
        if self._broken is not None:
            node = Fault(path, self._broken)
        if broken is not None or self._in_list:
            self._broken = broken
        return node

    def _named_directive(self, raw: JsonObject) -> Node:
        names = [key for key in raw if key != METADATA]
        if len(names) != 1:
            self.fault(f"must have one key that begins with '@' and no other, but it has {len(names)} keys")
            return Absent()
        read = self._directives.get(names[0])
        if read is None:
            self.fault(f"has an unknown directive: {names[0]}")
            return Absent()
        with self.below(names[0]):
            return read(raw[names[0]], self)

    def options(
        self, option: Json, *, known: Collection[str], required: Collection[str] = ()
    ) -> JsonObject | None:
        """The options of a directive that takes an object; None with a fault where it is none."""
        if not isinstance(option, dict) or is_directive(option):
            self.fault(f"must be an object but is {kind(option)}")
            return None
        for key in option:
            if key not in known:
                self.warn(f"is no option; {self._name()} takes {', '.join(known)}", str(key))
        missing = [key for key in required if key not in option]
        for key in missing:
            self.fault(f"must have the option '{key}'")
        return None if missing else option

    def _name(self) -> str:
        return self.path.rpartition(".")[2]

    def text(self, option: Json, key: str | int | None = None) -> str | None:
        """A text; None with a fault where it is none."""
        if isinstance(option, str):
            return option
        self.fault(f"must be text but is {kind(option)}", key)
        return None

    def boolean(self, options: JsonObject, key: str, *, default: bool) -> bool:
        """A boolean option, or its default."""
        value = options.get(key, default)
        if not isinstance(value, bool):
            self.fault(f"must be true or false but is {kind(value)}", key)
        return bool(value)

    def choice(self, options: JsonObject, key: str, choices: Collection[str]) -> str | None:
        """One of several texts."""
        text = self.text(options[key], key)
        if text is not None and text not in choices:
            self.fault(f"must be one of {', '.join(choices)} but is {shown(text)}", key)
        return text

    def directive_or_text(self, option: Json, key: str | int | None = None) -> Node:
        """A text, or a directive that should give one."""
        if not isinstance(option, str) and not is_directive(option):
            self.fault(f"must be text or a directive but is {kind(option)}", key)
            return Absent()
        return self.value(option) if key is None else self.read(option, key)

    def directive_or_object(self, option: Json, key: str | int) -> Node:
        """An object, or a directive."""
        if not isinstance(option, dict):
            self.fault(f"must be an object or a directive but is {kind(option)}", key)
            return Absent()
        return self.read(option, key)
