"""Trials of an action: equal events, settings and responses for the published destination and for ours.

In most of them the event carries the payload as it is, under `payload`, so that every field is reached; in
the others the fields have their default mappings, and the event what these read; required fields without one
are under `payload` there, too. Events are drawn anew, or
made from one that reached a request.
"""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.port.accepted import Accepted, Frame, Start
from actions_core.authoring.port.values import applied
from actions_core.destination.specs import BATCH_FIELDS
from actions_core.testing.samples import sample_settings, sample_value, secret
from actions_core.testing.suite.samples import array_shape, event_of_type, mapping_reads, set_value
from actions_core.validation.fields.conditions import SYNC_MODE_KEY
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
    frame: Frame | None = None
    #: for each event, whether it was drawn anew, and not made from another
    is_new: tuple[bool, ...] = ()

    @property
    def sync_mode(self) -> str | None:
        """The sync mode that the mapping names."""
        mode = self.extra.get(SYNC_MODE_KEY)
        return None if mode is None else str(mode)

    def mapping_of(self, spec: ActionSpec) -> JsonObject:
        """Return the mapping for the side that has this definition of the action."""
        return {**(spec.default_mapping if self.mapping is None else self.mapping), **self.extra}


class Trials:
    """Random trials of one action of a published definition; without `failures`, all responses are 200.

    `accepted` has the events that reached a request, of these trials and of others of the action.
    """

    def __init__(
        self,
        spec: DestinationSpec,
        action: str,
        values: Values,
        port: PortFile,
        *,
        failures: bool = True,
        accepted: Accepted | None = None,
    ) -> None:
        self._spec = spec
        self._key = action
        self._action = spec.actions[action]
        self._values = values
        self._port = port
        self._failures = failures
        self._accepted = Accepted() if accepted is None else accepted
        self._settings = [self._random_settings(number) for number in range(_SETTINGS)]
        self._fields = {key: field for key, field in self._action.fields.items() if key not in BATCH_FIELDS}
        #: what an author has to map: the defaults say nothing of it, and there is no event without it
        self._unmapped = {
            key: {"@path": _path(key)}
            for key, field in self._fields.items()
            if field.required is not False and field.default is MISSING
        }
        self._reads: dict[str, list[tuple[str, ...]]] = {}

    def single(self, count: int) -> Iterator[Trial]:
        """Yield trials with one event each."""
        for number in range(count):
            by_default = number % 4 == 3 and bool(self._action.default_mapping)
            start = self._accepted.draw(self._values.random, by_default=by_default)
            event = self._event(start, by_default=by_default)
            yield self._trial([event], self._frame(start), by_default=by_default, is_new=(start is None,))

    def plain(self, count: int) -> Iterator[Trial]:
        """Yield trials of usual values only, whose responses are successes."""
        for _ in range(count):
            event = self._drawn(by_default=False, plain=True)
            yield attrs.evolve(self._trial([event], self._frame(), by_default=False), responses=())

    def of_events(self, events: Sequence[JsonObject]) -> Iterator[Trial]:
        """Yield a trial for each event of the user's own, mapped by the defaults."""
        for event in events:
            yield self._trial([copy.deepcopy(event)], self._frame(), by_default=True, is_new=(False,))

    def batches(self, count: int, size: int) -> Iterator[Trial]:
        """Yield trials with many events each; what groups them is the same in all of one batch.

        Every second batch has events that are alike, as far as there are events that reached a request: a
        destination may refuse a whole batch for one event, or for what events do not have in common.
        """
        size = min(size, self._action.batch.size)
        for number in range(count):
            start = self._accepted.success(self._values.random) if number % 2 else None
            if start is None:
                frame = self._frame(self._accepted.draw(self._values.random, by_default=False), is_batch=True)
                events, is_new = self._unlike(frame, size)
            else:
                frame = self._frame(start, is_batch=True)
                events, is_new = self._alike(start, size), (False,) * size
            for event in events:  # what is empty in a batch, the published framework leaves where it is
                event["payload"] = _filled(event["payload"])
            for key in self._action.batch.keys:
                value = events[0]["payload"].get(key)
                for event in events:
                    event["payload"].pop(key, None)
                    if value is not None:
                        event["payload"][key] = value
            yield self._trial(events, frame, by_default=False, is_new=is_new, is_batch=True)

    def _unlike(self, frame: Frame, size: int) -> tuple[list[JsonObject], tuple[bool, ...]]:
        """Return events that have nothing in common, each with whether it was drawn anew."""
        accepted, random = self._accepted, self._values.random
        starts = [accepted.draw(random, by_default=False, mode=frame.mode) for _ in range(size)]
        events = [self._event(start, by_default=False) for start in starts]
        return events, tuple(start is None for start in starts)

    def _alike(self, start: Start, size: int) -> list[JsonObject]:
        """Return events made from one; about half of the fields have values of others that were taken."""
        random = self._values.random
        varied = [key for key in self._fields if self._values.chance(0.5)]
        events = []
        for _ in range(size):
            event: JsonObject = copy.deepcopy(start.event)
            for key in varied:
                other = self._accepted.success(random, mode=start.frame.mode) or start
                value = copy.deepcopy(other.event["payload"].get(key, MISSING))
                event["payload"] = applied(event["payload"], {key: value})
            event["messageId"] = self._id()
            events.append(event)
        return events

    def learn(self, trial: Trial, reached: Sequence[bool], *, has_succeeded: bool = True) -> None:
        """Note for later trials which events of one reached a request, and whether all went well."""
        if trial.frame is None:
            return
        outcomes = zip(trial.events, trial.is_new, reached, strict=False)
        self._accepted.add(
            (
                (Start(event, trial.frame, trial.mapping is None, has_succeeded), is_new, has_reached)
                for event, is_new, has_reached in outcomes
            ),
            self._values.random,
        )

    def _trial(
        self,
        events: list[JsonObject],
        frame: Frame,
        *,
        by_default: bool,
        is_new: tuple[bool, ...] = (),
        is_batch: bool = False,
    ) -> Trial:
        mapping = None if by_default else {key: {"@path": _path(key)} for key in self._fields}
        kind = "defaults" if by_default else "payload"
        return Trial(
            self._key,
            tuple(events),
            mapping,
            self._settings[frame.settings],
            f"{frame.settings} {frame.mode} {kind}",
            self._responses(len(events)),
            {**(self._unmapped if by_default else {}), **frame.extra},
            is_batch,
            frame,
            is_new,
        )

    def _frame(self, start: Start | None = None, *, is_batch: bool = False) -> Frame:
        """Return what surrounds events: mostly that of the start, where there is one."""
        if start is not None and self._values.chance(0.8):
            frame = start.frame
        else:
            # Without failures, trials are for a draft: fewer settings make fewer engines.
            index = self._values.random.randrange(_SETTINGS if self._failures else _FEW_SETTINGS)
            frame = Frame(index, *self._extra())
        if is_batch and "enable_batching" in self._action.fields:
            return attrs.evolve(frame, extra={**frame.extra, "enable_batching": True})
        return frame

    def _extra(self) -> tuple[JsonObject, str]:
        """Return what a mapping contains beside the fields, and a word for it."""
        extra: JsonObject = {}
        mode = ""
        sync = self._action.sync_mode
        choices = [] if sync is None else [one.value for one in sync.choices]
        if choices and not self._values.chance(0.1):
            mode = self._values.random.choice(choices)
            extra[SYNC_MODE_KEY] = mode
        for name, hook in self._action.hooks.items():
            if hook.output_fields and self._values.chance(0.5):
                outputs = {key: sample_value(field, name=key) for key, field in hook.output_fields.items()}
                extra[name] = {"inputs": {}, "outputs": outputs}
                mode += f" {name}"
        for key in BATCH_FIELDS:
            field = self._action.fields.get(key)
            if field is not None and not isinstance(field.default, dict) and field.default is not MISSING:
                extra[key] = field.default
        return extra, mode

    # -- events --------------------------------------------------------------------------------

    def _event(self, start: Start | None, *, by_default: bool) -> JsonObject:
        """Return an event made from another, or a new one where there is none."""
        if start is None:
            return self._drawn(by_default=by_default)
        event: JsonObject = copy.deepcopy(start.event)
        nasty = self._values.random.choice([0.0, 0.0, 0.1])
        if by_default:
            changed = applied({}, self._values.changes(self._fields, {}, nasty=nasty))
            self._fill(event, _without_nulls_in_lists(changed))
        else:
            changed = self._values.changes(self._fields, event["payload"], nasty=nasty)
            event["payload"] = _without_nulls_in_lists(applied(event["payload"], changed))
        event["messageId"] = self._id()
        if self._values.chance(0.2):
            self._add_audience(event)
        return event if _is_small(event) else self._drawn(by_default=by_default)

    def _drawn(self, *, by_default: bool, plain: bool = False) -> JsonObject:
        random = self._values.random
        nasty = 0.0 if plain else random.choice([0.0, 0.0, 0.1, 0.5])
        payload = self._values.payload(self._fields, density=random.choice(_DENSITIES), nasty=nasty)
        payload = _without_nulls_in_lists(payload)
        event = event_of_type(random.choice(_TYPES))
        event["messageId"] = self._id()
        event["timestamp"] = f"{self._values.now:%Y-%m-%dT%H}:00:00.000Z"
        event["receivedAt"] = event["timestamp"]
        self._add_audience(event)
        if self._action.sync_mode is not None and self._values.chance(0.4):
            event.update(type="track", event=random.choice(["new", "updated", "deleted"]))
        if by_default:
            self._fill(event, payload)
        else:
            event["payload"] = payload
        return event if _is_small(event) else self._drawn(by_default=by_default, plain=plain)

    def _id(self) -> str:
        return str(uuid.UUID(int=self._values.random.getrandbits(128), version=4))

    def _fill(self, event: JsonObject, payload: JsonObject) -> None:
        """Put the values of a payload to where the default mappings of their fields read."""
        for key, value in payload.items():
            if key in self._unmapped:
                event.setdefault("payload", {})[key] = value
            else:
                self._place(event, self._fields[key].default, value, key)

    def _place(self, event: JsonObject, default: Json, value: Json, name: str) -> None:
        """Put a value to where a mapping reads it, part by part; `name` tells the mapping from others."""
        if isinstance(default, dict) and not any(key.startswith("@") for key in default):
            for key, part in default.items() if isinstance(value, dict) else ():
                if key in value:
                    self._place(event, part, value[key], f"{name}.{key}")
            return
        shape = array_shape(default)
        if shape is not None and isinstance(value, list):
            path, parts = shape
            kept = [item for item in value if item is not None]
            items: list[Json] = [{} if isinstance(item, dict) else item for item in kept]
            for made, item in zip(items, kept, strict=True):
                if isinstance(made, dict):
                    self._place(made, parts, item, f"{name}[]")
            set_value(event, path, items, replace=self._values.chance(0.7))
            return
        for path in self._reads_of(default, name):
            if _may_be(path, value):
                set_value(event, path, value, replace=self._values.chance(0.7))

    def _reads_of(self, default: Json, name: str) -> list[tuple[str, ...]]:
        """Return the paths that a mapping reads, which costs a compilation once."""
        if name not in self._reads:
            self._reads[name] = [] if default is MISSING else list(mapping_reads(default))
        return self._reads[name]

    def _add_audience(self, event: JsonObject) -> None:
        context = event["context"]
        if not self._values.chance(0.6 if self._spec.audience is not None else 0.1):
            return
        if not isinstance(context, dict):  # by a field that is mapped from it
            return
        values = self._values
        key = values.random.choice(["my_audience", "vip"])
        context["personas"] = {
            "computation_class": values.random.choice(["audience", "audience", "journey_step", "trait"]),
            "computation_key": key,
            "computation_id": "aud_2Jx1",
            "external_audience_id": "ext-7",
            "namespace": "spa_1",
            "space_id": "spa_1",
            "audience_settings": self._audience_settings(),
        }
        holder = event.setdefault("traits" if event["type"] == "identify" else "properties", {})
        if isinstance(holder, dict):
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


def _is_small(event: JsonObject) -> bool:
    """Return whether an engine takes the event."""
    return len(json_bytes(event)) <= MAX_EVENT_BYTES


def _without_nulls_in_lists(payload: JsonObject) -> JsonObject:
    """Return a payload without null in its lists: the published framework makes 0, "" or false of it."""
    return {key: _filled(value) if isinstance(value, list) else value for key, value in payload.items()}


def _filled(value: Json) -> Json:
    """Return a value without what is null or an empty text in its objects."""
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items() if item is not None and item != ""}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def _without(data: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in data.items() if name != key}
