"""A request of a definition, inferred from recorded calls of one action: its parts, and its conditions."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import attrs

from actions_core.authoring.port.columns import FAILED, Budget, Column, bits, same
from actions_core.authoring.port.conditions import conditions
from actions_core.authoring.port.inference import infer
from actions_core.authoring.port.samples import without_free_keys
from actions_core.authoring.port.turns import as_text
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions_core.authoring.port.samples import Sample
    from actions_core.values.types import Json, JsonObject

_FEWEST: Final = 8
#: How many calls are looked at, of the first ones and of the last.
_MOST: Final = 60
#: In what part of the calls a path has the number of parts that it has without slashes in values.
_MOSTLY: Final = 0.75
#: What part of the calls has to follow a rule, where those that do not are unlike any other.
_NEARLY_ALL: Final = 0.9
_BASIC: Final = "basic "
_QUOTED: Final = "a value in the path is quoted, so that it stays one part of it"
_NO_PART: Final = "a value in the path that is empty, or only dots, is refused: it would make another address"
#: Slashes, question marks, blanks and the like, which only a value that is quoted can have.
_QUOTED_SIGNS: Final = ".*%(2F|5C|3F|23|25|20|09|0A|0D).*"
_PLACE: Final = re.compile(r"\{\{([^{}]+)\}\}")


class NotInferred(Exception):  # noqa: N818  # not an error: an action that wants a function
    """Why no request in JSON could be inferred."""


@attrs.frozen
class Inferred:
    """A request for a definition; `base` gives its base URL, and is None where the URL is absolute."""

    request: JsonObject
    base: Json = None


def infer_request(
    samples: Sequence[Sample], open_objects: Mapping[str, frozenset[str]] | None = None
) -> Inferred:
    """Return the request that all calls of an action fit. Raises `NotInferred` with the reason.

    `open_objects` has the paths of objects that may have any keys, each with those that are declared.
    """
    samples = without_free_keys(samples, open_objects)
    sent = [sample for sample in samples if sample.label == "sent" and sample.request is not None]
    if len(sent) < _FEWEST:
        raise NotInferred(f"only {len(sent)} of {len(samples)} calls made a request")
    failed = [sample for sample in sent if sample.message]
    if 2 * len(failed) > len(sent):
        raise NotInferred("it needs what is in the response")
    try:
        return _inferred(samples, sent, open_objects)
    except NotInferred:
        usual = _without_rare(sent)
        if len(usual) == len(sent):
            raise
        return _inferred(samples, usual, open_objects)


def _without_rare(sent: list[Sample]) -> list[Sample]:
    """Return the calls without those whose request has a leaf that no other has, where these are few.

    A rule that all but them follow is better than none; fresh calls tell how often it does not hold.
    """
    leaves = [frozenset(_leaves(_parts(sample), "")) for sample in sent]
    often = Counter(leaf for each in leaves for leaf in each)
    usual = [
        sample for sample, each in zip(sent, leaves, strict=True) if all(often[leaf] > 1 for leaf in each)
    ]
    return usual if len(usual) >= max(_FEWEST, _NEARLY_ALL * len(sent)) else sent


def _leaves(value: Json, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    else:
        yield path


def _inferred(
    samples: Sequence[Sample], sent: list[Sample], open_objects: Mapping[str, frozenset[str]] | None
) -> Inferred:
    sent = [*sent[:_MOST], *sent[-_MOST:]] if len(sent) > 2 * _MOST else sent
    column = Column.of(
        [sample.values for sample in sent],
        [_parts(sample) for sample in sent],
        roots=[sample.scope for sample in sent],
        open_objects=open_objects,
    )
    kinds = {
        next((kind for kind in ("json", "form", "lines", "text", "base64") if kind in value), "")
        for value in column.values
    }
    if kinds & {"lines", "text", "base64"}:
        raise NotInferred("its body is neither JSON nor a form")
    kinds.discard("")
    if len(kinds) > 1:
        raise NotInferred("its body is JSON in some calls, and a form in others")
    request: JsonObject = {"method": _part(column, "method")}
    base, address = _address(column, sent)
    request.update(address)
    request.update(_headers(column))
    for kind in kinds:
        request[kind] = _object(column, kind, text=kind == "form")
    request.update(conditions(samples, open_objects))
    return Inferred(request, base)


def meant_differences(request: JsonObject) -> JsonObject:
    """Return what differs on purpose in a request with values in its path, as the file of a port has it."""
    if "path" not in request:
        return {}
    return {
        "url": {"reason": _QUOTED, "ours": {"matches": _QUOTED_SIGNS}},
        "only ours refuses: the request*s path": _NO_PART,
        "query": {"reason": _QUOTED, "ours": "missing"},
    }


def _address(column: Column, sent: Sequence[Sample]) -> tuple[Json, JsonObject]:
    """Return the base, and the parts of the request that say where it goes."""
    whole = attrs.evolve(
        column,
        values=tuple("" if one.request is None else one.request.address.removesuffix("/") for one in sent),
    )
    given = infer(whole)
    if isinstance(given, dict) and str(given.get("@path", "")).startswith("$.payload."):
        return None, {"url": given}
    base, url, path = _url(column.key("url"))
    found: JsonObject = {"url": url}
    if path:
        found["path"] = path
    if any("query" in value for value in column.values):
        found["params"] = _object(column, "query", text=True)
    return base, found


def _parts(sample: Sample) -> JsonObject:
    return {} if sample.request is None else sample.request.parts


def _part(column: Column, name: str) -> Json:
    found = infer(column.key(name))
    if found is FAILED or found is MISSING:
        raise NotInferred(f"its {name} follows no rule that was tried")
    return found


def _object(column: Column, name: str, *, text: bool) -> Json:
    """Infer an object, and say which of its keys follows no rule."""
    whole = column.key(name)
    if name not in ("json", "lines") and all(
        value is MISSING or isinstance(value, dict) for value in whole.values
    ):
        whole = whole.with_values({} if value is MISSING else value for value in whole.values)
    found = infer(whole, text=text)
    if found is not FAILED and found is not MISSING:
        return found
    raise NotInferred(f"{_failing(whole, name, text=text)} follows no rule that was tried")


def _failing(column: Column, name: str, *, text: bool) -> str:
    """Return the name of the first leaf that cannot be inferred."""
    if all(isinstance(value, dict) for value in column.values):
        for key in dict.fromkeys(key for value in column.values for key in value):
            below = column.key(key)
            if infer(attrs.evolve(below, budget=Budget(100)), text=text) is FAILED:
                return _failing(below, f"{name}.{key}", text=text)
    return name


# -- address and headers ------------------------------------------------------------------------


def _url(column: Column) -> tuple[Json, str, JsonObject]:
    """Return the base (None for an absolute URL), the URL with places, and what stands in these."""
    urls = [str(value) for value in column.values]
    hosts = ["/".join(url.split("/", 3)[:3]) for url in urls]
    rests = [url[len(host) :] for url, host in zip(urls, hosts, strict=True)]
    if len(set(hosts)) == 1:
        url, path = _places(column, rests)
        return None, hosts[0] + url, path
    base, rests = _base(column, urls, hosts, rests)
    url, path = _places(column, rests)
    return base, url, path


def _base(column: Column, urls: list[str], hosts: list[str], rests: list[str]) -> tuple[Json, list[str]]:
    for path in column.table.paths:
        starts = [scope.get(path) for scope in column.scopes]
        if path.startswith("$.settings.") and all(
            isinstance(start, str) and len(start) > len("https://") and url.startswith(start.rstrip("/"))
            for start, url in zip(starts, urls, strict=True)
        ):
            cut = [url[len(str(start).rstrip("/")) :] for start, url in zip(starts, urls, strict=True)]
            return {"@path": path}, cut
    settings = tuple(
        {path: value for path, value in scope.items() if path.startswith("$.settings")}
        for scope in column.scopes
    )
    base = infer(Column.of(settings, hosts))
    if base is FAILED or base is MISSING:
        raise NotInferred("the host of its URL follows no rule that was tried")
    return base, rests


def _places(column: Column, rests: list[str]) -> tuple[str, JsonObject]:
    """Return a URL in which each part that is not constant is a place, and the places' expressions."""
    split = [rest.split("/") for rest in rests]
    ((size, number),) = Counter(map(len, split)).most_common(1)
    if number != len(split):
        # A few calls may have a value with a slash in it, which the published code has not quoted.
        if number < _MOSTLY * len(split):
            raise NotInferred("the path of its URL has more parts in some calls than in others")
        kept = [row for row, parts in zip(column.rows, split, strict=True) if len(parts) == size]
        column = column.where(bits(kept))
        split = [parts for parts in split if len(parts) == size]
    written: list[str] = []
    places: JsonObject = {}
    for index in range(len(split[0])):
        parts = [parts[index] for parts in split]
        if len(set(parts)) == 1:
            written.append(parts[0])
            continue
        texts = column.with_values(map(unquote, parts))
        found = infer(texts, text=True)
        if found is FAILED:
            found = _mostly(texts)
        if found is FAILED or found is MISSING:
            raise NotInferred(f"part {index} of its URL's path follows no rule that was tried")
        written.append(_placed(found, places))
    return "/".join(written), places


def _mostly(column: Column) -> Any:
    """Return a value that nearly all parts of a path are: blanks at the end of an address are lost."""
    for path in column.table.asked:
        found = [as_text(scope.get(path, MISSING)) for scope in column.scopes]
        equal = sum(same(one, value) for one, value in zip(found, column.values, strict=True))
        if equal >= _NEARLY_ALL * len(column):
            return {"@path": path}
    return FAILED


def _placed(found: Json, places: JsonObject) -> str:
    """Return a part of a URL with a place for an expression, or for each value in a text."""
    pieces = [("", found)]
    if isinstance(found, dict) and isinstance(text := found.get("@template"), str):
        *parts, rest = _PLACE.split(text)
        pieces = [(parts[at], {"@path": f"$.{parts[at + 1]}"}) for at in range(0, len(parts), 2)]
        if not pieces or "{" in rest + "".join(before for before, _ in pieces):
            pieces, rest = [("", found)], ""
    else:
        rest = ""
    written = ""
    for before, value in pieces:
        name = _place_name(value, places)
        places[name] = value
        written += f"{before}{{{name}}}"
    return written + rest


def _place_name(found: Json, taken: JsonObject) -> str:
    path = found.get("@path", "") if isinstance(found, dict) else ""
    name = "".join(letter for letter in str(path).rpartition(".")[2] if letter.isalnum() or letter == "_")
    name = name or f"part{len(taken) + 1}"
    return name if name not in taken else f"{name}{len(taken) + 1}"


def _headers(column: Column) -> JsonObject:
    headers: JsonObject = {}
    found: JsonObject = {}
    whole = column.key("headers")
    names = dict.fromkeys(name for value in whole.values if isinstance(value, dict) for name in value)
    for name in names:
        values = whole.key(name)
        if name == "content-type" and all(
            value in ("application/json", "application/x-www-form-urlencoded", MISSING)
            for value in values.values
        ):
            continue
        decoded = _decoded(values) if name == "authorization" else None
        basic = None if decoded is None else _basic(decoded)
        if basic is not None:
            found["basic"] = basic
            continue
        alone = None if decoded is None else infer(decoded, text=True)
        if isinstance(alone, dict) and alone.keys() == {"@path"}:
            path = alone["@path"].removeprefix("$.")
            headers[name] = {"@liquid": f"Basic {{{{ {path} | base64_encode }}}}"}
            continue
        written = infer(values, text=True)
        if written is FAILED:
            raise NotInferred(f"its header {name} follows no rule that was tried")
        headers[name] = written
    return {**found, "headers": headers} if headers else found


def _decoded(column: Column) -> Column | None:
    """Return what headers of basic authentication say, decoded; None where one is of another kind."""
    texts = []
    for value in column.values:
        if not isinstance(value, str) or not value.lower().startswith(_BASIC):
            return None
        try:
            texts.append(base64.b64decode(value[len(_BASIC) :], validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            return None
    return column.with_values(texts)


def _basic(decoded: Column) -> Json | None:
    """Return user and password of basic authentication; None where a header has no colon between them."""
    pairs = [str(text).partition(":") for text in decoded.values]
    if not all(colon for _, colon, _ in pairs):
        return None
    written = [infer(decoded.with_values(pair[place] for pair in pairs), text=True) for place in (0, 2)]
    return None if any(part is FAILED for part in written) else written
