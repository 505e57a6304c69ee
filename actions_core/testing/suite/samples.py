"""Events and subscriptions to try a destination with: from its cases, and made for its conditions.

To make an event, the values that a condition compares with, and values near them, are tried field by
field until an event matches. Then whatever the mapping reads and the event lacks is filled in.
"""

from __future__ import annotations

import copy
from itertools import islice, product
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from actions_core.errors import ActionsError, FqlError
from actions_core.mapping import compile_mapping
from actions_core.subscriptions import Comparison, Condition, FilterTerm, Group, Term, parse_fql
from actions_core.testing.cases import trial_engine
from actions_core.testing.recording import RecordingTransport
from actions_core.testing.samples import make_event, sample_settings, sample_value, with_tokens
from actions_core.values.events import EVENT_TYPES
from actions_core.values.paths import parse_path
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions_core.destination import Destination
    from actions_core.destination.specs import PresetSpec
    from actions_core.engine import Engine
    from actions_core.testing.cases import Case
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

    Path: TypeAlias = tuple[str, ...]

_MOST_TRIED: Final = 20_000
_TRACK: Final = 'type = "track"'
#: Keys that only events of one type have.
_TYPE_KEYS: Final[Mapping[str, JsonObject]] = {
    "page": {"name": "Sample"},
    "screen": {"name": "Sample"},
    "group": {"groupId": "group-1"},
    "alias": {"previousId": "user-0"},
}


@attrs.frozen(eq=False)
class Sample:
    """An event with the subscription and settings to try it with; `name` says where it comes from."""

    name: str
    action: str
    event: JsonObject
    mapping: Json
    subscribe: str
    settings: JsonObject

    def engine(
        self, destination: Destination, transport: RecordingTransport | None = None
    ) -> tuple[Engine, RecordingTransport]:
        """Return an engine with this one subscription; raise `WorkspaceError` where that is impossible."""
        subscription: JsonObject = {
            "name": "sample",
            "partnerAction": self.action,
            "subscribe": self.subscribe,
            "mapping": self.mapping,
        }
        transport = RecordingTransport() if transport is None else transport
        return trial_engine(destination, subscription, self.settings, transport), transport


def preset_samples(destination: Destination, preset: PresetSpec, cases: Sequence[Case]) -> Iterator[Sample]:
    """Yield events for a preset: those of matching cases, then one made for it."""
    spec = destination.spec
    mapping = spec.preset_mapping(preset)
    if preset.subscribe is None:
        subscribe, made = _TRACK, event_of_type("track")
    else:
        subscribe = preset.subscribe
        try:
            condition = parse_fql(subscribe)
        except FqlError:
            return  # the check of the definition reports it
        for case in _cases_with_request(cases, preset.partner_action):
            if condition.matches(case.data["event"]):
                yield _from_case(destination, case, mapping, subscribe)
        found = matching_event(condition)
        if found is None:
            return
        made = found
    yield from _generated(destination, preset.partner_action, made, mapping, subscribe)


def action_samples(destination: Destination, action: str, cases: Sequence[Case]) -> Iterator[Sample]:
    """Yield events for an action: those of its cases, then those of its presets or its own subscription."""
    spec = destination.spec.actions[action]
    for case in _cases_with_request(cases, action):
        mapping = case.data.get("mapping", spec.default_mapping)
        yield _from_case(
            destination, case, mapping, case.data.get("subscribe") or _any_of_type(case.data["event"])
        )
    presets = [preset for preset in destination.spec.presets if preset.partner_action == action]
    for preset in presets:
        yield from preset_samples(destination, preset, ())
    if not presets:
        subscribe = spec.default_subscription or _TRACK
        try:
            condition = parse_fql(subscribe)
        except FqlError:
            subscribe = _TRACK  # the check of the definition reports it
            condition = parse_fql(subscribe)
        event = matching_event(condition)
        if event is not None:
            yield from _generated(destination, action, event, spec.default_mapping, subscribe)


def _cases_with_request(cases: Sequence[Case], action: str) -> list[Case]:
    """Return the cases of an action that expect a request."""
    return [case for case in cases if case.data.get("action") == action and _expects_request(case.data)]


def _expects_request(case: JsonObject) -> bool:
    expected = case.get("expect")
    asks = isinstance(expected, dict) and not {"request", "requests"}.isdisjoint(expected)
    return asks and isinstance(case.get("event"), dict)


def _any_of_type(event: JsonObject) -> str:
    kind = event.get("type")
    return f'type = "{kind if isinstance(kind, str) else "track"}"'


def _from_case(destination: Destination, case: Case, mapping: Json, subscribe: str) -> Sample:
    settings = with_tokens(destination.spec, case.data.get("settings") or {})
    name = f"the case {case.name}"
    return Sample(name, case.data["action"], case.data["event"], mapping, subscribe, settings)


def _generated(
    destination: Destination, action: str, event: JsonObject, mapping: Json, subscribe: str
) -> Iterator[Sample]:
    """Yield the event filled with what the mapping reads, where it still matches, then the event itself."""
    settings = sample_settings(destination.spec)
    full = fill_event(event, mapping, destination.spec.actions[action].fields)
    try:
        fits = parse_fql(subscribe).matches(full)
    except ActionsError:
        fits = False
    for made in (full, event) if fits else (event,):
        yield Sample("an event made for it", action, made, mapping, subscribe, settings)


def event_of_type(kind: str) -> JsonObject:
    """Return an event of a type, with what such events usually contain."""
    return make_event(type=kind, **({} if kind == "track" else {"event": None}), **_TYPE_KEYS.get(kind, {}))


def matching_event(condition: Condition) -> JsonObject | None:
    """Return an event that matches a condition, or None where none was found."""
    wanted: dict[Path, list[Json]] = {}
    for comparison in _comparisons(condition.tree):
        wanted.setdefault(comparison.path, []).append(comparison.value)
    types = dict.fromkeys([*wanted.pop(("type",), []), "track", "identify", *EVENT_TYPES])
    kinds = [kind for kind in types if kind in EVENT_TYPES]
    choices = [_candidates(values) for values in wanted.values()]
    # Types vary slowest, because most conditions name one, and it comes first.
    for kind, *values in islice(product(kinds, *choices), _MOST_TRIED):
        event = event_of_type(kind)
        for path, value in zip(wanted, values, strict=True):
            set_value(event, path, value, replace=True)
        if condition.matches(event):
            return event
    return None


def _comparisons(term: Term) -> Iterator[Comparison]:
    if isinstance(term, Comparison):
        yield term
        return
    if isinstance(term, FilterTerm):
        return  # no subscription has one
    for part in term.terms if isinstance(term, Group) else (term.term,):
        yield from _comparisons(part)


def _candidates(literals: Sequence[Json]) -> list[Json]:
    """Return values of which some fit any comparison: the literals, their neighbours, and others."""
    found: list[Json] = list(literals)
    for literal in literals:
        if isinstance(literal, (int, float)) and not isinstance(literal, bool):
            found += [literal + 1, literal - 1, str(literal)]
    texts = [literal for literal in literals if isinstance(literal, str)]
    if len(texts) > 1:
        # A text that starts with the first, ends with the last and contains the others.
        found.append(" ".join(texts))
    found += ["sample", MISSING, True, False, 1]
    return found


def fill_event(event: JsonObject, mapping: Json, fields: Mapping[str, FieldSpec]) -> JsonObject:
    """Return the event with a value wherever the mapping reads and there is none yet."""
    event = copy.deepcopy(event)
    if isinstance(mapping, dict):
        _fill(event, mapping, fields, ())
    return event


def _fill(event: JsonObject, raw: JsonObject, fields: Mapping[str, FieldSpec], prefix: Path) -> None:
    for key, part in raw.items():
        field = fields.get(key)
        children = (field.properties if field is not None else None) or {}
        if isinstance(part, dict) and not any(name.startswith("@") for name in part):
            _fill(event, part, children, prefix)
            continue
        shape = array_shape(part)
        if shape is not None:
            path, item = shape
            _fill(event, item, children, (*prefix, *path[:-1], f"{path[-1]}[]"))
            continue
        value = "sample" if field is None else sample_value(field)
        for path in mapping_reads(part):
            set_value(event, (*prefix, *path), value)


def array_shape(part: Json) -> tuple[Path, JsonObject] | None:
    """Return the path and the items' shape of an `@arrayPath` that has both."""
    option = part.get("@arrayPath") if isinstance(part, dict) else None
    if not isinstance(option, list) or len(option) < 2 or not isinstance(option[1], dict):  # noqa: PLR2004  # a pair
        return None
    paths = list(mapping_reads(option[0] if isinstance(option[0], dict) else {"@path": option[0]}))
    return (paths[0], option[1]) if len(paths) == 1 else None


def mapping_reads(part: Json) -> Iterator[Path]:
    """Yield the paths that a mapping reads, as far as it can be compiled; `[]` ends a step into items."""
    try:
        mapping = compile_mapping({"field": part})
    except ActionsError:
        return
    for text in mapping.keys():  # noqa: SIM118  # a mapping of ours is not a dictionary
        steps = tuple(parse_path(text))
        if steps:
            yield steps


def set_value(event: JsonObject, path: Path, value: Json, *, replace: bool = False) -> None:
    """Set a value at a path unless there is one, there or on the way; MISSING removes it."""
    here: Json = event
    for key in path[:-1]:
        name, is_list = key.removesuffix("[]"), key.endswith("[]")
        below = here.setdefault(name, [{}] if is_list else {})
        here = below[0] if is_list and isinstance(below, list) and below else below
        if not isinstance(here, dict):
            return
    last = path[-1].removesuffix("[]")
    if value is MISSING:
        here.pop(last, None)
    elif replace or here.get(last) is None:
        here[last] = copy.deepcopy(
            [value] if path[-1].endswith("[]") and not isinstance(value, list) else value
        )
