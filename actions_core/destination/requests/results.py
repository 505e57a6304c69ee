"""`results`: where the response to a batch says what became of each item.

Its mappings and conditions are written over `{status, headers, body}`, and those of one outcome over
`{entry, place}`, with `key` where the outcomes are an object: an outcome is found by its `index`, by the key,
or by its place in the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from actions_core.destination.multistatus import MultiStatus, failure, success
from actions_core.destination.requests.guards import is_something
from actions_core.destination.requests.judging import response_scope
from actions_core.errors import RequestError
from actions_core.mapping import compile_mapping
from actions_core.subscriptions import parse_filter
from actions_core.values.javascript import to_text
from actions_core.values.types import MISSING
from actions_core.values.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions_core.http.requests import Response
    from actions_core.values.types import Json, JsonObject

    Resolve: TypeAlias = Callable[[JsonObject], Json]
    #: Makes the outcomes of what the handler for batches was given, and of the response.
    Read: TypeAlias = Callable[[JsonObject, Response], MultiStatus | Response]

#: What there is of one outcome.
ENTRY: Final[Mapping[str, None]] = {"entry": None, "place": None, "key": None}
#: The parts that are mappings over one outcome.
ENTRY_PARTS: Final = ("index", "status", "message", "code")
_REFUSED: Final = 400
_FIRST_FAILURE: Final = 400
_LAST: Final = 599
_LONGEST_SAID: Final = 500


@attrs.frozen
class _Results:
    outcomes: Resolve
    entry: Resolve
    failed: Callable[[JsonObject], bool] | None
    #: whether each outcome names its item, so that those which are not named were accepted
    named: bool
    first: int

    def read(self, given: JsonObject, response: Response) -> MultiStatus | Response:
        """Return the outcome of each item; the response itself where it has no outcomes."""
        items = given.get("items")
        sent: Sequence[Json] = given["payloads"] if items is None else items.values
        found = self.outcomes(response_scope(response)).get("in", MISSING)
        if not isinstance(found, list | dict):
            return response
        body = response.json
        nodes = MultiStatus(len(sent))
        if self.named or isinstance(found, dict):
            for place, value in enumerate(sent):
                nodes.put(place, success(response.status, body=body, sent=value))
        pairs = found.items() if isinstance(found, dict) else enumerate(found)
        for place, (key, entry) in enumerate(pairs):
            scope: JsonObject = {"entry": entry, "place": place, "key": key}
            said = self.entry(scope)
            item = self._item(said.get("index", key), len(sent))
            if not self._has_failed(scope, said):
                nodes.put(item, success(response.status, body=entry, sent=sent[item]))
                continue
            status = said.get("status")
            status = status if _is_failure(status) else _REFUSED
            code = said.get("code")
            nodes.put(
                item,
                failure(
                    status,
                    _text(said.get("message")) or "the destination refused this item",
                    errortype=_text(code) if is_something(code) else None,
                    body=entry,
                    sent=sent[item],
                ),
            )
        return nodes

    def _has_failed(self, scope: JsonObject, said: JsonObject) -> bool:
        if self.failed is not None:
            return self.failed(scope)
        return _is_failure(said["status"]) if "status" in said else self.named

    def _item(self, index: Json, size: int) -> int:
        """Return the place of an item; one that nobody sent makes all outcomes doubtful."""
        text = _text(index)
        place = (
            int(text) - self.first
            if text.isascii() and text.isdigit() and len(text) < len("1000000000")
            else -1
        )
        if not 0 <= place < size:
            raise RequestError(
                f"the response tells of the item {shown(text)}, but {size} were sent: "
                "nobody knows which were taken",
                code="RESULTS_UNREADABLE",
            )
        return place


def _is_failure(status: Json) -> bool:
    return isinstance(status, int) and not isinstance(status, bool) and _FIRST_FAILURE <= status <= _LAST


def _text(value: Json) -> str:
    return "" if value is None or value is MISSING else to_text(value)[:_LONGEST_SAID]


def compile_results(raw: JsonObject | None) -> Read | None:
    """Compile the checked `results` of a request for batches; None where it has none."""
    if not raw:
        return None
    entry = {part: raw[part] for part in ENTRY_PARTS if raw.get(part) is not None}
    failed = None if raw.get("failed") is None else parse_filter(raw["failed"]).matches
    return _Results(
        compile_mapping({"in": raw["in"]}).resolve,
        compile_mapping(entry).resolve,
        failed,
        raw.get("index") is not None,
        1 if raw.get("first") == 1 else 0,
    ).read
