"""Words of a published destination's source: what its guards compare with, and the keys that it reads.

Random values meet a guard such as `if (payload.type === 'sms')` only where `sms` is among them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.values.types import JsonObject

_STRING: Final = re.compile(r"'((?:[^'\\\n]|\\.)*)'|\"((?:[^\"\\\n]|\\.)*)\"|`((?:[^`\\$]|\\.)*)`")
#: A string that something is compared with.
_GUARD: Final = re.compile(
    r"(?:[=!]==?\s*|case\s+|(?:includes|startsWith|endsWith|indexOf|has)\(\s*)(?:'([^'\n]{1,60})'|\"([^\"\n]{1,60})\")"
    r"|(?:'([^'\n]{1,60})'|\"([^\"\n]{1,60})\")\s*[=!]=="
)
#: A host in a string, or in a regular expression that an address has to match.
_HOST: Final = re.compile(r"(?<![a-z0-9-])((?:[a-z0-9-]{1,63}\\?\.){1,6}(?:com|io|net|org|co|app|dev|ai))\b")
_MEMBER: Final = re.compile(r"(?:\?\.|\.)([A-Za-z_$][\w$]*)(\s*\()?")
_NUMBER: Final = re.compile(r"(?:[<>=]=?|[<>])\s*(-?\d+(?:\.\d+)?)\b|\b(-?\d+(?:\.\d+)?)\s*(?:[<>=]=?)")
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)|^[^\S\n]*//[^\n]*", re.DOTALL | re.MULTILINE)
_FIELD: Final = re.compile(r"\b(?:label|description|title|placeholder|message)\s*:\s*(?:'|\"|`)")
_RESPONSE_KEY: Final = re.compile(
    r"\b(?:response|res|result|data|body|content|json|error|err|r|item|status)\w*(?:\?\.|\.)([A-Za-z_]\w*)"
    r"(?:(?:\?\.|\.|\[\d+\]\??\.?)([A-Za-z_]\w*))?",
    re.IGNORECASE,
)
#: What `typeof` gives, which no value is compared with.
_TYPES: Final = ("string", "number", "boolean", "object", "undefined", "function", "default")
_LONGEST: Final = 60
_MOST: Final = 400
_MOST_HOSTS: Final = 12
#: Members of JavaScript's own objects, and of the modules as they are compiled.
_COMMON: Final = frozenset(
    {
        *("length", "map", "filter", "forEach", "push", "join", "split", "slice", "toString"),
        *("toLowerCase", "toUpperCase", "replace", "trim", "includes", "indexOf", "keys", "values"),
        *("entries", "default", "prototype", "hasOwnProperty", "call", "apply", "bind", "reduce"),
        *("find", "some", "every", "concat", "startsWith", "endsWith", "test", "match", "exec"),
        *("parse", "stringify", "then", "catch", "message", "name", "stack", "log", "now"),
        *("toISOString", "getTime", "constructor", "exports", "assign", "freeze", "create"),
        *("defineProperty", "isArray", "flat", "flatMap", "has", "get", "set", "delete", "add", "size"),
        *("sort", "reverse", "finally", "resolve", "reject", "all", "from", "json", "text"),
    }
)


@attrs.frozen
class Literals:
    """Words of a source: all strings, those that guards compare with, keys, numbers, keys of responses."""

    texts: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    response_keys: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The hosts as addresses."""
        return tuple(f"https://{host}" for host in self.hosts)


def read_literals(sources: Iterable[JsonObject]) -> Literals:
    """Return the words of the sources, those of the nearest files first.

    A source has `path`, `text` and, where it belongs to the action itself, a true `near`.
    """
    ordered = sorted(sources, key=lambda source: not source.get("near"))
    texts: dict[str, None] = {}
    keys: dict[str, None] = {}
    numbers: dict[float, None] = {}
    response_keys: dict[str, None] = {}
    guards: dict[str, None] = {}
    hosts: dict[str, None] = {}
    for source in ordered:
        text = _COMMENT.sub("", source["text"])
        for line in text.splitlines():
            _read_line(line, texts, keys, numbers)
        for found in _HOST.finditer(text):
            host = found[1].replace("\\", "")
            hosts.setdefault(host if host.count(".") > 1 else f"hooks.{host}")
        for found in _GUARD.finditer(text):
            guards.setdefault(next(group for group in found.groups() if group is not None))
        for found in _RESPONSE_KEY.finditer(text):
            response_keys.update(dict.fromkeys(key for key in found.groups() if key and key not in _COMMON))
    for word in _TYPES:
        guards.pop(word, None)
    return Literals(
        texts=tuple(texts)[:_MOST],
        guards=tuple(guards)[:_MOST],
        keys=tuple(keys)[:_MOST],
        numbers=tuple(numbers)[:_MOST],
        response_keys=tuple(response_keys)[:_MOST],
        hosts=tuple(hosts)[:_MOST_HOSTS],
    )


def _read_line(line: str, texts: dict[str, None], keys: dict[str, None], numbers: dict[float, Any]) -> None:
    if "require(" in line or "sourceMappingURL" in line or "__esModule" in line:
        return
    if not _FIELD.search(line):
        for found in _STRING.finditer(line):
            text = _unescaped(next(group for group in (*found.groups(), "") if group is not None))
            if 0 < len(text) <= _LONGEST:
                texts.setdefault(text)
                if re.fullmatch(r"[\w$ .:-]+", text):
                    keys.setdefault(text)
    for found in _MEMBER.finditer(line):
        if found[2] is None and found[1] not in _COMMON:
            keys.setdefault(found[1])
    for found in _NUMBER.finditer(line):
        number = float(found[1] or found[2])
        numbers.setdefault(int(number) if number.is_integer() else number)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text)
