"""What a destination is tried with: the events of its cases, and events made for its subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError
from actions_core.subscriptions import parse_fql
from actions_core.testing.recording import RecordingTransport
from actions_core.testing.suite.events import event_of_type, filled, matching_event
from actions_core.testing.suite.values import sample_settings, with_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions_core.destination import Destination
    from actions_core.destination.specs import PresetSpec
    from actions_core.testing.cases import Case
    from actions_core.values.types import Json, JsonObject

INSTANCE = "sample"


@attrs.frozen(eq=False)
class Sample:
    """One event, with the subscription and settings that it is tried with; `name` says where it is from."""

    name: str
    action: str
    event: JsonObject
    mapping: Json
    subscribe: str
    settings: JsonObject

    def engine(
        self, destination: Destination, transport: RecordingTransport | None = None
    ) -> tuple[Engine, RecordingTransport]:
        """An engine whose one subscription is the sample's; raises `WorkspaceError` where that cannot be."""
        registry = Registry()
        registry.register(destination)
        subscription = {
            "name": INSTANCE,
            "partnerAction": self.action,
            "subscribe": self.subscribe,
            "mapping": self.mapping,
        }
        instance = {
            "id": INSTANCE,
            "destination": destination.slug,
            "settings": self.settings,
            "subscriptions": [subscription],
            "delivery": {"retry": {"tries": 1}},
        }
        transport = RecordingTransport() if transport is None else transport
        workspace = Workspace.from_dict({"destinations": [instance]})
        return Engine(workspace, registry=registry, transport=transport), transport


def preset_samples(destination: Destination, preset: PresetSpec, cases: Sequence[Case]) -> Iterator[Sample]:
    """Events for a preset: those of cases that it lets in, then one made for it."""
    spec = destination.spec
    mapping = spec.preset_mapping(preset)
    if preset.subscribe is None:
        subscribe, made = 'type = "track"', event_of_type("track")
    else:
        subscribe = preset.subscribe
        condition = parse_fql(subscribe)
        for case in good_cases(cases, preset.partner_action):
            if condition.matches(case.data["event"]):
                yield _of_case(destination, case, mapping, subscribe)
        found = matching_event(condition)
        if found is None:
            return
        made = found
    yield from _made(destination, preset.partner_action, made, mapping, subscribe)


def action_samples(destination: Destination, action: str, cases: Sequence[Case]) -> Iterator[Sample]:
    """Events for an action: those of its cases, then those of its presets or of its own subscription."""
    spec = destination.spec.actions[action]
    for case in good_cases(cases, action):
        mapping = case.data.get("mapping", spec.default_mapping)
        yield _of_case(destination, case, mapping, case.data.get("subscribe") or _any(case.data["event"]))
    presets = [preset for preset in destination.spec.presets if preset.partner_action == action]
    for preset in presets:
        yield from preset_samples(destination, preset, ())
    if not presets:
        subscribe = spec.default_subscription or 'type = "track"'
        event = matching_event(parse_fql(subscribe))
        if event is not None:
            yield from _made(destination, action, event, spec.default_mapping, subscribe)


def good_cases(cases: Sequence[Case], action: str) -> list[Case]:
    """The cases of an action that have to end in a request."""
    return [case for case in cases if case.data.get("action") == action and _is_good(case.data)]


def _is_good(case: JsonObject) -> bool:
    expected = case.get("expect")
    return isinstance(expected, dict) and "request" in expected and isinstance(case.get("event"), dict)


def _any(event: JsonObject) -> str:
    kind = event.get("type")
    return f'type = "{kind if isinstance(kind, str) else "track"}"'


def _of_case(destination: Destination, case: Case, mapping: Json, subscribe: str) -> Sample:
    settings = with_tokens(destination.spec, case.data.get("settings") or {})
    name = f"the case {case.name}"
    return Sample(name, case.data["action"], case.data["event"], mapping, subscribe, settings)


def _made(
    destination: Destination, action: str, event: JsonObject, mapping: Json, subscribe: str
) -> Iterator[Sample]:
    """An event that holds all that the mapping reads, where it matches still, and the event as it is."""
    settings = sample_settings(destination.spec)
    more = filled(event, mapping, destination.spec.actions[action].fields)
    try:
        fits = parse_fql(subscribe).matches(more)
    except ActionsError:
        fits = False
    for made in (more, event) if fits else (event,):
        yield Sample("an event made for it", action, made, mapping, subscribe, settings)
