"""The configured destinations, as they stand in a file: checked as a document, not yet compiled.

What does not fit the schema is noted, and the rest is read, so that all of it is told at once; where it is
read leniently, by an engine, which knows the destinations and finds what else is wrong. A part that cannot
be read leaves an empty one in its place, so that the others keep their paths.

A secret is written `{"$env": "NAME"}` and read from the environment when an engine is made
(`engine.environment`), so a workspace object, like its file, contains no secrets of the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from actions_core.engine.filters import validate_filters
from actions_core.engine.subscription_parts import subscription_problems
from actions_core.errors import DefinitionError, Problem, WorkspaceError, child_path, is_within
from actions_core.http.retry import DEFAULT_TIMEOUT, PollPolicy, RetryPolicy
from actions_core.validation.documents import check_document, schema
from actions_core.values.json_faults import json_problems
from actions_core.values.json_files import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions_core.values.types import Json, JsonObject

DEFAULT_CONCURRENCY: Final = 50
#: The largest number of an option, in whatever unit: beyond it, clocks and databases overflow.
MOST: Final = 10**15
#: Subscriptions of one instance, as in Segment.
MOST_SUBSCRIPTIONS: Final = 50
#: Seconds that an event may wait for others of its batch, where batches are asked for.
DEFAULT_BATCH_AGE: Final = 5.0


@attrs.frozen
class SubscriptionSpec:
    """One subscription of an instance. Without `mapping` the defaults of the action's fields hold."""

    name: str
    partner_action: str
    subscribe: str
    mapping: Json = None
    enabled: bool = True


@attrs.frozen
class RateSpec:
    """The most requests in a period of so many seconds; `burst` is how many may be made at once."""

    requests: float
    per: float = 1.0
    burst: float | None = None

    @property
    def per_second(self) -> float:
        """The requests in a second."""
        return self.requests / self.per

    @property
    def at_once(self) -> float:
        """The requests that may be made at once."""
        return self.requests if self.burst is None else self.burst


@attrs.frozen
class BreakerSpec:
    """When an instance is left alone: after so many failures in a row, for so many seconds."""

    failures: int = 20
    pause: float = 30.0
    longest: float = 300.0


@attrs.frozen
class DeliverySpec:
    """The limits of an instance's deliveries: how many at once, seconds for one try, retries, polls.

    `retry_keys` are the keys of `retry` that the workspace gives itself: these hold with an outbox too,
    which has defaults of its own. `ordered_by` and `batch_age` hold with an outbox only; without `batch_age`
    it delivers events one by one.
    """

    concurrency: int = DEFAULT_CONCURRENCY
    timeout: float = DEFAULT_TIMEOUT
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    poll: PollPolicy = attrs.field(factory=PollPolicy)
    rate: RateSpec | None = None
    breaker: BreakerSpec = attrs.field(factory=BreakerSpec)
    retry_keys: frozenset[str] = frozenset()
    ordered_by: str | None = None
    batch_age: float | None = None


@attrs.frozen
class OutboxSpec:
    """The file of an outbox and its options; times are in seconds."""

    path: Path
    dedupe: float = 86400.0
    keep: float = 2592000.0
    oldest: float = 604800.0
    most_bytes: int | None = None
    synchronous: Literal["full", "normal"] = "full"
    recent: int = 1000


@attrs.frozen
class BrokerSpec:
    """The broker to which an outbox hands its deliveries, and from which workers take them.

    `url` is an address, several with commas between them, or `{"$env": NAME}`; `credentials` is a file.
    `takeover` is after how many seconds without a sign of a worker its deliveries go to another one. The
    other options hold when the broker's streams are made: their copies, their bounds, and by how many
    partitions events are kept in order.
    """

    url: Json = attrs.field(repr=False)
    credentials: Path | None = None
    replicas: int = 1
    most_bytes: int | None = None
    partitions: int = 32
    takeover: float = 30.0


@attrs.frozen
class SourceSpec:
    """An application that may send events to a server; `write_key` may be `{"$env": NAME}`.

    Web pages of `origins` may send them from a browser.
    """

    name: str
    write_key: Json = attrs.field(default="", repr=False)
    origins: tuple[str, ...] = ()


@attrs.frozen
class InstanceSpec:
    """One configured destination. `destination` is its slug; `settings` may contain `{"$env": NAME}`.

    With `consent_categories`, events that carry consent are delivered only if it grants all of them.
    """

    id: str
    destination: str
    enabled: bool = True
    settings: JsonObject = attrs.field(factory=dict, repr=False)
    subscriptions: tuple[SubscriptionSpec, ...] | Literal["presets"] = ()
    filters: tuple[JsonObject, ...] = ()
    allow_private_addresses: bool = False
    consent_categories: tuple[str, ...] = ()
    delivery: DeliverySpec = attrs.field(factory=DeliverySpec)

    def parts_problems(self, path: str) -> Iterator[Problem]:
        """Find what is wrong with subscriptions and filters below `path`, whatever the destination."""
        for index, one in enumerate(() if self.subscriptions == "presets" else self.subscriptions):
            yield from subscription_problems(one.subscribe, one.mapping, f"{path}.subscriptions[{index}]")
        for problem in validate_filters(list(self.filters)) if self.filters else ():
            yield problem.below(f"{path}.filters")


@attrs.frozen
class Workspace:
    """The configured destinations.

    `definitions` are files of destinations that are not installed: JSON alone, or known by their
    definition only. `outbox` is where accepted events are kept, `broker` where workers take their deliveries,
    `sources` are those who may send events to a server. `source` names where the workspace came from, for
    error messages; `name` is for people, and for a broker.
    `problems` has everything in which it does not fit its schema: an engine refuses it, with what else is
    wrong.
    """

    destinations: tuple[InstanceSpec, ...]
    source: str = "the workspace"
    definitions: tuple[Path, ...] = ()
    name: str = "workspace"
    outbox: OutboxSpec | None = None
    broker: BrokerSpec | None = None
    sources: tuple[SourceSpec, ...] = ()
    problems: tuple[Problem, ...] = attrs.field(default=(), repr=False)
    #: The paths of parts that could not be read, where an empty one stands.
    _unread: frozenset[str] = attrs.field(default=frozenset(), repr=False)

    @classmethod
    def from_file(cls, path: str | Path, *, lenient: bool = False) -> Workspace:
        """Read the workspace in a JSON file.

        Raises `WorkspaceError` where the file cannot be read, and as `from_dict` does.
        """
        try:
            data = read_json(Path(path))
        except DefinitionError as error:
            raise WorkspaceError(error.message, problems=error.problems) from None
        workspace = cls.from_dict(data, source=str(path), folder=Path(path).parent, lenient=lenient)
        return workspace if data.get("name") else attrs.evolve(workspace, name=Path(path).stem)

    @classmethod
    def from_dict(
        cls,
        data: Json,
        *,
        source: str = "the workspace",
        folder: str | Path = ".",
        lenient: bool = False,
    ) -> Workspace:
        """Read the workspace in a dictionary of the same form as the file.

        The files that it names, under `definitions` and as its `outbox`, are relative to `folder`. Raises
        `WorkspaceError` where it does not fit the schema, with everything that is wrong whatever the
        destinations. With `lenient` what does not fit is in `problems` instead, and an engine refuses it
        together with what it finds itself, which knows the destinations; only what has no list of
        destinations to go on with raises then too.
        """
        problems = check_document(data, schema("workspace"))
        if problems and not _is_readable(data, problems):
            raise WorkspaceError(f"{source} is faulty:", problems=problems)
        problems += _huge_numbers(data)
        reader = _Reader({problem.path for problem in problems})
        instances = tuple(reader.instances(data["destinations"]))
        definitions = tuple(reader.definitions(data.get("definitions"), Path(folder)))
        problems += _same_ids(data["destinations"])
        name = data.get("name")
        name = name if isinstance(name, str) and name else "workspace"
        outbox = reader.outbox(data.get("outbox"), Path(folder))
        broker = reader.broker(data.get("broker"), Path(folder))
        sources = tuple(reader.sources(data.get("sources")))
        unread = frozenset(reader.unread)
        read = cls(instances, source, definitions, name, outbox, broker, sources, tuple(problems), unread)
        if problems and not lenient:
            raise WorkspaceError(f"{source} is faulty:", problems=read.with_problems(read.parts_problems()))
        return read

    def parts_problems(self) -> Iterator[Problem]:
        """Find what is wrong with subscriptions and filters, whatever their destinations."""
        for index, spec in enumerate(self.destinations):
            yield from spec.parts_problems(f"$.destinations[{index}]")

    def with_problems(self, found: Iterable[Problem]) -> list[Problem]:
        """Return the problems of the document, and those of `found` that do not merely follow from them."""
        told = {problem.path for problem in self.problems}
        return [*self.problems, *(problem for problem in found if not self._follows(problem.path, told))]

    def _follows(self, path: str, told: set[str]) -> bool:
        return path in told or any(is_within(path, place) for place in self._unread)


def _is_readable(data: Json, problems: list[Problem]) -> bool:
    """Return whether there are destinations to go on with; what is not JSON may hold itself."""
    if any(problem.path == "$" for problem in problems) or json_problems(data):
        return False
    return isinstance(data["destinations"], list)


def _huge_numbers(data: JsonObject) -> Iterator[Problem]:
    """Find the options of deliveries, outbox and broker with which nothing can be counted any more."""
    destinations = enumerate(data["destinations"])
    waiting: list[tuple[str, Json]] = [
        (f"$.destinations[{index}].delivery", item["delivery"])
        for index, item in destinations
        if isinstance(item, dict) and "delivery" in item
    ]
    waiting += [(f"$.{key}", data[key]) for key in ("outbox", "broker") if key in data]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(child_path(path, key), item) for key, item in value.items()]
        elif isinstance(value, int | float) and value > MOST:
            yield Problem(path, f"is too large a number; at most {MOST:,} is allowed")


def _same_ids(raw: list[Json]) -> list[Problem]:
    first: dict[str, int] = {}
    problems = []
    for index, item in enumerate(raw):
        identifier = _identifier(item) if isinstance(item, dict) else ""
        before = first.setdefault(identifier, index)
        if before != index and identifier:
            message = f"{identifier!r} is the id of $.destinations[{before}] too; give each its own"
            problems.append(Problem(f"$.destinations[{index}].id", message))
    return problems


def _identifier(raw: JsonObject) -> str:
    """Return the id of an instance, which is the slug of its destination where none is given."""
    identifier: Json = raw.get("id") or raw.get("destination")
    return identifier if isinstance(identifier, str) else ""


class _Reader:
    """Reads the parts of a workspace, of which some may not fit the schema: `faulty` are the paths of faults.

    What is read in place of such a part is noted in `unread`.
    """

    def __init__(self, faulty: set[str]) -> None:
        self.faulty = faulty
        self.unread: set[str] = set()

    def instances(self, raw: list[Json]) -> Iterator[InstanceSpec]:
        """Read every instance; an empty one stands for what is none."""
        for index, item in enumerate(raw):
            path = f"$.destinations[{index}]"
            if not isinstance(item, dict):
                self.unread.add(path)
            yield self._instance(item if isinstance(item, dict) else {}, path)

    def definitions(self, raw: Json, folder: Path) -> Iterator[Path]:
        """Read the paths of definitions; a second time, the same one is not read."""
        listed = raw if isinstance(raw, list) else []
        for index, item in enumerate(listed):
            if not isinstance(item, str) or not item or item in listed[:index]:
                self.unread.add(f"$.definitions[{index}]")
            yield Path(folder, item) if isinstance(item, str) else Path(folder)

    def outbox(self, raw: Json, folder: Path) -> OutboxSpec | None:
        """Read where accepted events are kept; None where that is not said, or faulty."""
        return _outbox(raw, folder) if self._fits("$.outbox") else None

    def broker(self, raw: Json, folder: Path) -> BrokerSpec | None:
        """Read where workers take deliveries; None where that is not said, or faulty."""
        return _broker(raw, folder) if self._fits("$.broker") else None

    def sources(self, raw: Json) -> Iterator[SourceSpec]:
        """Read those sources that fit."""
        for index, item in enumerate(raw if isinstance(raw, list) else ()):
            if self._fits(f"$.sources[{index}]"):
                origins = tuple(item.get("origins") or ())
                yield SourceSpec(item.get("name") or f"source {index + 1}", item["writeKey"], origins)

    def _instance(self, raw: JsonObject, path: str) -> InstanceSpec:
        destination = self._text(raw, "destination", path)
        subscriptions: Any = raw.get("subscriptions")
        if subscriptions != "presets":
            items = subscriptions if isinstance(subscriptions, list) else []
            subscriptions = tuple(
                self._subscription(item, f"{path}.subscriptions[{index}]") for index, item in enumerate(items)
            )
        categories, delivery = raw.get("consentCategories"), raw.get("delivery")
        return InstanceSpec(
            id=_identifier(raw) or destination,
            destination=destination,
            enabled=raw.get("enabled") is not False,
            settings=self._settings(raw.get("settings"), f"{path}.settings"),
            subscriptions=subscriptions,
            filters=tuple(_objects(raw.get("filters"))),
            allow_private_addresses=raw.get("allowPrivateAddresses") is True,
            consent_categories=tuple(categories or ()) if self._fits(f"{path}.consentCategories") else (),
            delivery=_delivery(delivery or {}) if self._fits(f"{path}.delivery") else DeliverySpec(),
        )

    def _subscription(self, item: Json, path: str) -> SubscriptionSpec:
        if not isinstance(item, dict):
            self.unread.add(path)
        raw: JsonObject = item if isinstance(item, dict) else {}
        action = self._text(raw, "partnerAction", path)
        name = raw.get("name")
        return SubscriptionSpec(
            name=name if isinstance(name, str) and name else action,
            partner_action=action,
            subscribe=self._text(raw, "subscribe", path),
            mapping=raw.get("mapping"),
            enabled=raw.get("enabled") is not False,
        )

    def _settings(self, raw: Json, path: str) -> JsonObject:
        if raw is not None and not isinstance(raw, dict):
            self.unread.add(path)
        read = {}
        for key, value in raw.items() if isinstance(raw, dict) else ():
            place = child_path(path, key)
            read[key] = value
            if not self._fits(place):
                # A variable that nobody can set: the setting is not missing, but has no value either.
                self.unread.add(place)
                read[key] = {"$env": ""}
        return read

    def _text(self, raw: JsonObject, key: str, path: str) -> str:
        """Return the str of a key that must have one; the empty str where it has none."""
        value = raw.get(key)
        if isinstance(value, str):
            return value
        self.unread.add(child_path(path, key))
        return ""

    def _fits(self, path: str) -> bool:
        """Return whether nothing is wrong with a part, and in it."""
        return not any(is_within(place, path) for place in self.faulty)


def _objects(raw: Json) -> Iterator[JsonObject]:
    for item in raw if isinstance(raw, list) else ():
        yield item if isinstance(item, dict) else {}


def _delivery(raw: JsonObject) -> DeliverySpec:
    known = _known(raw)
    retry = _known(known.pop("retry", None))
    poll = PollPolicy(**_known(known.pop("poll", None)))
    breaker = BreakerSpec(**_known(known.pop("breaker", None)))
    rate = known.pop("rate", None)
    if rate is not None:
        rate = RateSpec(**_known(rate)) if isinstance(rate, dict) else RateSpec(rate)
    batch = known.pop("batch", None)
    age = None if batch is None else _known(batch).get("age", DEFAULT_BATCH_AGE)
    return DeliverySpec(
        retry=RetryPolicy(**retry),
        poll=poll,
        rate=rate,
        breaker=breaker,
        retry_keys=frozenset(retry),
        ordered_by=known.pop("orderedBy", None),
        batch_age=age,
        **known,
    )


def _known(raw: JsonObject | None) -> dict[str, Any]:
    """Return the keys that have a value."""
    return {key: value for key, value in (raw or {}).items() if value is not None}


def _outbox(raw: Json, folder: Path) -> OutboxSpec | None:
    if raw is None:
        return None
    known = {"path": raw} if isinstance(raw, str) else _known(raw)
    path = folder / known.pop("path")
    most_bytes: Any = known.pop("mostBytes", None)
    return OutboxSpec(path, most_bytes=most_bytes, **known)


def _broker(raw: Json, folder: Path) -> BrokerSpec | None:
    if raw is None:
        return None
    known = _known(raw) if isinstance(raw, dict) and "$env" not in raw else {"url": raw}
    credentials = known.pop("credentials", None)
    return BrokerSpec(
        credentials=None if credentials is None else folder / credentials,
        most_bytes=known.pop("mostBytes", None),
        **known,
    )
