"""The pages of our files' keys, made from their JSON Schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from docs.tools.markdown import cell, table

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / "schemas"
#: Keywords whose schemas say more of the same value.
_ASIDE = ("then", "else", "if")
_MANY = ("allOf", "anyOf", "oneOf")
_REFERENCE = "#/$defs/"


@attrs.frozen
class Section:
    """An object of a file, and what is said of each of its keys."""

    name: str
    text: str
    keys: dict[str, Any]
    required: frozenset[str]


def read_schema(name: str) -> Any:
    """Return one of our schemas."""
    return json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))


def sections(schema: Any) -> list[Section]:
    """Return every object that a schema describes with its keys, the whole file first."""
    found = list(_objects("", schema))
    for name, definition in schema.get("$defs", {}).items():
        found += _objects(name, definition)
    return found


def _variants(schema: Any) -> Iterator[Any]:
    """Yield a schema and those which say more of the same value."""
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword in _ASIDE:
        yield from _variants(schema.get(keyword))
    for keyword in _MANY:
        for part in schema.get(keyword, ()):
            yield from _variants(part)


def _objects(name: str, schema: Any) -> Iterator[Section]:
    keys: dict[str, Any] = {}
    required: set[str] = set()
    for variant in _variants(schema):
        for key, value in variant.get("properties", {}).items():
            if isinstance(value, dict) and (key not in keys or "description" in value):
                keys[key] = {**keys.get(key, {}), **value}
    required.update(schema.get("required", ()), schema.get("else", {}).get("required", ()))
    if keys:
        yield Section(name, schema.get("description", ""), keys, frozenset(required))
    for key, value in keys.items():
        yield from _inner(f"{name}.{key}" if name else key, value)


def _inner(name: str, schema: Any) -> Iterator[Section]:
    """Yield the objects that stand below a key: its own, its items, and the values of its other keys."""
    yield from _objects(name, schema)
    for variant in _variants(schema):
        for keyword, mark in (("items", "[]"), ("additionalProperties", ".*")):
            if isinstance(variant.get(keyword), dict):
                yield from _inner(f"{name}{mark}", variant[keyword])


def kind(schema: Any) -> str:
    """Return in words which values a key takes."""
    found: list[str] = []
    for variant in _variants(schema):
        reference = variant.get("$ref", "")
        if reference.startswith(_REFERENCE):
            target = reference.removeprefix(_REFERENCE)
            found.append(f"[{target}](#{target.lower()})")
        elif reference:
            found.append(f"`{reference}`")
        if "enum" in variant:
            found.append(
                ", ".join(f"`{json.dumps(value)}`" for value in variant["enum"] if value is not None)
            )
        elif "const" in variant:
            found.append(f"`{json.dumps(variant['const'])}`")
        else:
            types = variant.get("type", [])
            types = [types] if isinstance(types, str) else types
            found += [name for name in types if name != "null"]
        items = variant.get("items")
        if isinstance(items, dict) and (of := kind(items)):
            found.append(f"of {of}")
    return ", ".join(dict.fromkeys(part for part in found if part))


def write_page(title: str, intro: str, name: str) -> str:
    """Return the page of one of our files."""
    schema = read_schema(name)
    parts = [f"# {title}\n", intro]
    for section in sections(schema):
        if section.name:
            parts.append(f"## {section.name}\n" if "." not in section.name else f"### `{section.name}`\n")
        else:
            parts.append("## The whole file\n")
        if section.text:
            parts.append(f"{section.text}\n")
        rows = [
            (
                f"`{key}`" + (" (required)" if key in section.required else ""),
                kind(value),
                cell(value.get("description", "") or _described(schema, value)),
            )
            for key, value in section.keys.items()
        ]
        parts.append(table(("key", "value", "what it is"), rows))
    return "\n".join(parts)


def _described(schema: Any, value: Any) -> str:
    """Return what the definition that a key refers to says of itself."""
    target = value.get("$ref", "").removeprefix(_REFERENCE)
    return str(schema.get("$defs", {}).get(target, {}).get("description", ""))
