"""Trials of an action: equal events, settings and responses for the published destination and for ours.

In most of them the event carries the payload as it is, under `payload`, so that every field is reached; in
the others the fields have their default mappings, and the event what these read.
"""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.destination.specs import BATCH_FIELDS
from actions_core.testing.samples import sample_settings, sample_value, secret
from actions_core.testing.suite.samples import event_of_type, mapping_reads, set_value
from actions_core.values.events import MAX_EVENT_BYTES
from actions_core.values.json_bytes import json_bytes
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions_core.authoring.port.differences import PortFile
    from actions_core.authoring.port.values import Values
    from actions_core.destination.specs import ActionSpec, DestinationSpec
    from actions_core.values.types import Json, JsonObject

_SETTINGS: Final = 8
_FEW_SETTINGS: Final = 3
_TYPES: Final = ("track", "track", "track", "identify", "page", "group", "screen", "alias")
#: What every event has: each framework makes what is missing, in its own way.
_ALWAYS: Final = (("messageId",), ("timestamp",), ("receivedAt",))
_DENSITIES: Final = (0.0, 0.3, 0.7, 1.0)
_STATUSES: Final = (200, 200, 200, 200, 201, 202, 207, 400, 403, 404, 409, 422, 429, 500, 503)


@attrs.frozen(eq=False)
class Trial:
    """One run of an action on both sides.

    `mapping` is None where each side takes the defaults of its own definition; `extra` is what both add to
    theirs. A batch has several events.
    """

    action: str
    events: tuple[JsonObject, ...]
    mapping: JsonObject | None
    settings: JsonObject
    variant: str
    responses: tuple[JsonObject, ...] = ()
    extra: JsonObject = attrs.field(factory=dict)
    is_batch: bool = False

    def mapping_of(self, spec: ActionSpec) -> JsonObject:
        """Return the mapping for the side that has this definition of the action."""
        return {**(spec.default_mapping if self.mapping is None else self.mapping), **self.extra}


class Trials:
    """Random trials of one action of a published definition; without `failures`, all responses are 200."""

    def __init__(
        self, spec: DestinationSpec, action: str, values: Values, port: PortFile, *, failures: bool = True
    ) -> None:
        self._spec = spec
        self._key = action
        self._action = spec.actions[action]
        self._values = values
        self._port = port
        self._failures = failures
        self._settings = [self._random_settings(number) for number in range(_SETTINGS)]
        self._fields = {key: field for key, field in self._action.fields.items() if key not in BATCH_FIELDS}
        self._reads: dict[str, list[tuple[str, ...]]] = {}

    def single(self, count: int) -> Iterator[Trial]:
        """Yield trials with one event each."""
        for number in range(count):
            by_default = number % 4 == 3 and bool(self._action.default_mapping)
            yield self._trial([self._event(by_default=by_default)], by_default=by_default)

    def plain(self, count: int) -> Iterator[Trial]:
        """Yield trials of usual values only, whose responses are successes."""
        for _ in range(count):
            event = self._event(by_default=False, plain=True)
            yield attrs.evolve(self._trial([event], by_default=False), responses=())

    def of_events(self, events: Sequence[JsonObject]) -> Iterator[Trial]:
        """Yield a trial for each event of the user's own, mapped by the defaults."""
        for event in events:
            yield self._trial([copy.deepcopy(event)], by_default=True)

    def batches(self, count: int, size: int) -> Iterator[Trial]:
        """Yield trials with many events each; what groups them is the same in all of one batch."""
        size = min(size, self._action.batch.size)
        for _ in range(count):
            events = [self._event(by_default=False) for _ in range(size)]
            for event in events:  # what is empty in a batch, the published framework leaves where it is
                event["payload"] = _filled(event["payload"])
            for key in self._action.batch.keys:
                value = events[0]["payload"].get(key)
                for event in events:
                    event["payload"].pop(key, None)
                    if value is not None:
                        event["payload"][key] = value
            yield self._trial(events, by_default=False, is_batch=True)

    def _trial(self, events: list[JsonObject], *, by_default: bool, is_batch: bool = False) -> Trial:
        # Without failures, trials are for a draft: fewer settings make fewer engines.
        index = self._values.random.randrange(_SETTINGS if self._failures else _FEW_SETTINGS)
        extra, mode = self._extra(is_batch=is_batch)
        mapping = None if by_default else {key: {"@path": _path(key)} for key in self._fields}
        kind = "defaults" if by_default else "payload"
        return Trial(
            self._key,
            tuple(events),
            mapping,
            self._settings[index],
            f"{index} {mode} {kind}",
            self._responses(len(events)),
            extra,
            is_batch,
        )

    def _extra(self, *, is_batch: bool) -> tuple[JsonObject, str]:
        """Return what a mapping contains beside the fields, and a word for it."""
        extra: JsonObject = {}
        mode = ""
        sync = self._action.sync_mode
        choices = [] if sync is None else [one.value for one in sync.choices]
        if choices and not self._values.chance(0.1):
            mode = self._values.random.choice(choices)
            extra["__segment_internal_sync_mode"] = mode
        for name, hook in self._action.hooks.items():
            if hook.output_fields and self._values.chance(0.5):
                outputs = {key: sample_value(field, name=key) for key, field in hook.output_fields.items()}
                extra[name] = {"inputs": {}, "outputs": outputs}
                mode += f" {name}"
        for key in BATCH_FIELDS:
            field = self._action.fields.get(key)
            if field is not None and not isinstance(field.default, dict) and field.default is not MISSING:
                extra[key] = field.default
        if is_batch and "enable_batching" in self._action.fields:
            extra["enable_batching"] = True
        return extra, mode

    # -- events --------------------------------------------------------------------------------

    def _event(self, *, by_default: bool, plain: bool = False) -> JsonObject:
        random = self._values.random
        nasty = 0.0 if plain else random.choice([0.0, 0.0, 0.1, 0.5])
        payload = self._values.payload(self._fields, density=random.choice(_DENSITIES), nasty=nasty)
        for key, value in payload.items():
            if isinstance(value, list):  # of what is null in it, the published framework makes 0, "" or false
                payload[key] = _filled(value)
        event = event_of_type(random.choice(_TYPES))
        event["messageId"] = str(uuid.UUID(int=random.getrandbits(128), version=4))
        event["timestamp"] = f"{self._values.now:%Y-%m-%dT%H}:00:00.000Z"
        event["receivedAt"] = event["timestamp"]
        self._add_audience(event)
        if self._action.sync_mode is not None and self._values.chance(0.4):
            event.update(type="track", event=random.choice(["new", "updated", "deleted"]))
        if by_default:
            self._fill(event, payload)
        else:
            event["payload"] = payload
        if len(json_bytes(event)) > MAX_EVENT_BYTES:  # no engine takes it
            return self._event(by_default=by_default, plain=plain)
        return event

    def _fill(self, event: JsonObject, payload: JsonObject) -> None:
        """Put the values of a payload to where the default mappings of their fields read."""
        for key, value in payload.items():
            for path in self._reads_of(key):
                if not _may_be(path, value):
                    continue
                set_value(event, path, value, replace=self._values.chance(0.7))

    def _reads_of(self, key: str) -> list[tuple[str, ...]]:
        """Return the paths that the default mapping of a field reads, which costs a compilation once."""
        if key not in self._reads:
            default = self._fields[key].default
            self._reads[key] = [] if default is MISSING else list(mapping_reads(default))
        return self._reads[key]

    def _add_audience(self, event: JsonObject) -> None:
        if not self._values.chance(0.6 if self._spec.audience is not None else 0.1):
            return
        values = self._values
        key = values.random.choice(["my_audience", "vip"])
        event["context"]["personas"] = {
            "computation_class": values.random.choice(["audience", "audience", "journey_step", "trait"]),
            "computation_key": key,
            "computation_id": "aud_2Jx1",
            "external_audience_id": "ext-7",
            "namespace": "spa_1",
            "space_id": "spa_1",
            "audience_settings": self._audience_settings(),
        }
        holder = event.setdefault("traits" if event["type"] == "identify" else "properties", {})
        holder[key] = values.random.choice([True, False])

    def _audience_settings(self) -> JsonObject:
        config = self._spec.audience
        if config is None:
            return {}
        return {key: sample_value(field, name=key, key=key) for key, field in config.fields.items()}

    # -- settings and responses ----------------------------------------------------------------

    def _random_settings(self, number: int) -> JsonObject:
        """Return settings unlike those of other numbers; every second time, all that there are."""
        settings = sample_settings(self._spec)
        if "oauth" in settings:
            settings["oauth"] = {key: f"{value}.{number}" for key, value in settings["oauth"].items()}
        for key, field in self._spec.settings.items():
            if key in self._port.settings:
                settings[key] = self._given_setting(key)
            elif field.values:
                settings[key] = self._values.random.choice(field.values)
            elif field.type == "boolean":
                settings[key] = self._values.chance(0.5)
            elif field.default is not MISSING and (number % 2 == 0 or field.format == "uri"):
                settings[key] = field.default
            elif field.type == "password" and (key in settings or number % 2):
                settings[key] = secret(f"{key}.{number}")
            elif key in settings or number % 2:
                settings[key] = sample_value(field, name=f"sample{number}", key=key)
            if field.multiple and settings.get(key) is not None and not isinstance(settings[key], list):
                settings[key] = [settings[key]]
        # Settings of ours alone, such as a token in place of one that Segment's host has.
        ours = (key for key in self._port.settings if key not in self._spec.settings)
        return {**settings, **{key: self._given_setting(key) for key in ours}}

    def _given_setting(self, key: str) -> Json:
        """Return one of the values that the port's file names for a setting."""
        given = self._port.settings[key]
        return self._values.random.choice(given if isinstance(given, list) else [given])

    def _responses(self, size: int) -> tuple[JsonObject, ...]:
        """Return responses: those that the port's file gives, and random ones for the first requests."""
        random = self._values.random
        given = self._port.responses_of(self._key)
        if given and self._values.chance(0.8):
            named = [_without(one, "weight") for one in given if "url" in one]
            loose = [one for one in given if "url" not in one]
            weights = [one.get("weight", 1) for one in loose]
            drawn = random.choices(loose, weights, k=4) if loose else []
            random.shuffle(named)
            return (*named, *(_without(one, "weight") for one in drawn))
        if not self._failures or self._values.chance(0.6):
            return ()
        return tuple(self._response(size) for _ in range(random.randint(1, 3)))

    def _response(self, size: int) -> JsonObject:
        random = self._values.random
        keys = self._values.literals.response_keys
        body = self._body(keys, size, 0) if keys and self._values.chance(0.8) else {}
        return {"status": random.choice(_STATUSES), "json": body}

    def _body(self, keys: Sequence[str], size: int, depth: int) -> JsonObject:
        random = self._values.random
        chosen = random.sample(list(keys), min(len(keys), random.randint(1, 6)))
        return {key: self._body_value(keys, size, depth) for key in chosen}

    def _body_value(self, keys: Sequence[str], size: int, depth: int) -> Json:
        random = self._values.random
        draw = random.random()
        if draw < 0.3 and depth < 3:
            return [self._body(keys, size, depth + 1) for _ in range(random.randint(0, 3))]
        if draw < 0.45 and depth < 3:
            return self._body(keys, size, depth + 1)
        if draw < 0.7:
            return random.choice([random.randrange(max(size, 1)), 0, 1, 200, 400, 429])
        if draw < 0.8:
            return random.choice([True, False])
        texts = self._values.literals.texts
        return random.choice(texts) if texts and draw < 0.95 else "some-id"


def _path(key: str) -> str:
    return f"$.payload.{key}" if key.replace("_", "a").isalnum() else f"$.payload['{key}']"


def _may_be(path: tuple[str, ...], value: Json) -> bool:
    """Return whether an event may have a value there: its type is one that there is."""
    if path == ("type",):
        return value in _TYPES
    return path not in _ALWAYS or value not in (None, "")


def _filled(value: Json) -> Json:
    """Return a value without what is null or an empty text in its objects."""
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items() if item is not None and item != ""}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def _without(data: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in data.items() if name != key}
