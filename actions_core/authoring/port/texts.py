"""Columns that are texts: with values of the scope in them, or a value written as JSON."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from actions_core.authoring.port.columns import FAILED
from actions_core.authoring.port.evaluation import gives
from actions_core.authoring.port.turns import spelled
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions_core.authoring.port.columns import Column, Infer
    from actions_core.values.types import Json

_SHORTEST_IN_TEXT: Final = 3
_SHORTEST_BASE64: Final = 8


def template(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer a text with values of the scope in it."""
    del infer, text, depth
    if not all(isinstance(value, str) for value in column.values):
        return FAILED
    tried: set[tuple[str, ...]] = set()
    for scope, value in list(zip(column.scopes, column.values, strict=True))[:6]:
        pieces = _pieces(value, scope)
        if pieces is None or pieces in tried:
            continue
        tried.add(pieces)
        if all(
            _filled(pieces, scope) == value for scope, value in zip(column.scopes, column.values, strict=True)
        ):
            parts = [f"{{{{{piece[2:]}}}}}" if piece[:2] == "$." else piece for piece in pieces]
            return {"@template": "".join(parts)}
    return FAILED


def _pieces(value: str, scope: Mapping[str, Json]) -> tuple[str, ...] | None:
    """Cut a text into constants and paths of the scope, whose values stand in it."""
    known = [
        (shown, path)
        for path, item in scope.items()
        if isinstance(shown := spelled(item), str) and len(shown) >= _SHORTEST_IN_TEXT and "['" not in path
    ]
    known.sort(key=lambda pair: -len(pair[0]))
    pieces = [value]
    for shown, path in known:
        cut: list[str] = []
        for piece in pieces:
            if piece[:2] == "$." or shown not in piece:
                cut.append(piece)
                continue
            before, _, after = piece.partition(shown)
            cut += [part for part in (before, path, after) if part]
        pieces = cut
    has_path = any(piece[:2] == "$." for piece in pieces)
    has_braces = any("{{" in piece for piece in pieces)
    return tuple(pieces) if has_path and not has_braces else None


def _filled(pieces: Sequence[str], scope: Mapping[str, Json]) -> Json:
    parts = [spelled(scope.get(piece, MISSING)) if piece[:2] == "$." else piece for piece in pieces]
    return MISSING if any(part is MISSING for part in parts) else "".join(parts)


def encoded(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer a text that is JSON of objects or lists."""
    del text
    read = [_decoded(value) for value in column.values]
    if any(value is FAILED for value in read) or all(value is MISSING for value in read):
        return FAILED
    found = infer(column.with_values(read), depth=depth + 1)
    if found is FAILED or found is MISSING:
        return FAILED
    written = {"@json": {"mode": "encode", "value": found}}
    return written if gives(written, column) else FAILED


def _decoded(value: Json) -> Any:
    if value is MISSING:
        return MISSING
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return FAILED
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return FAILED


def digits(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer a text that is a whole number, where the number follows a rule."""
    if text or not all(
        value is MISSING or (isinstance(value, str) and value.isdecimal()) for value in column.values
    ):
        return FAILED
    numbers = column.with_values(MISSING if value is MISSING else int(str(value)) for value in column.values)
    found = infer(numbers, depth=depth + 1)
    if found is FAILED or found is MISSING:
        return FAILED
    written = {"@json": {"mode": "encode", "value": found}}
    return written if gives(written, column) else FAILED


def base64_text(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer a text that is another one in Base64."""
    del text
    read = [_from_base64(value) for value in column.values]
    if any(value is FAILED for value in read):
        return FAILED
    found = infer(column.with_values(read), text=True, depth=depth + 1)
    if not isinstance(found, dict):
        return FAILED
    if isinstance(path := found.get("@path"), str):
        return {"@liquid": f"{{{{ {path.removeprefix('$.')} | base64_encode }}}}"}
    if isinstance(inner := found.get("@template"), str):
        return {"@liquid": f"{{% capture text %}}{inner}{{% endcapture %}}{{{{ text | base64_encode }}}}"}
    return FAILED


def _from_base64(value: Json) -> Any:
    if not isinstance(value, str) or len(value) < _SHORTEST_BASE64:
        return FAILED
    try:
        read = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return FAILED
    return read if read.isprintable() else FAILED
