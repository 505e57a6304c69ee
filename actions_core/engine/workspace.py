"""The configured destinations, as they stand in a file: checked as a document, not yet compiled.

A secret is written `{"$env": "NAME"}` and read from the environment when an engine is made, so a
workspace object, like its file, contains no secrets of the environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from actions_core.errors import DefinitionError, Problem, WorkspaceError, child_path
from actions_core.http.retry import DEFAULT_TIMEOUT, PollPolicy, RetryPolicy
from actions_core.validation.documents import check_document, schema
from actions_core.values.json_files import read_json
from actions_core.values.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.values.types import Json, JsonObject

DEFAULT_CONCURRENCY: Final = 50
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


@attrs.frozen
class Workspace:
    """The configured destinations.

    `definitions` are files of destinations that are not installed: JSON alone, or known by their
    definition only. `outbox` is where accepted events are kept. `source` names where the workspace came
    from, for error messages; `name` is for people.
    """

    destinations: tuple[InstanceSpec, ...]
    source: str = "the workspace"
    definitions: tuple[Path, ...] = ()
    name: str = "workspace"
    outbox: OutboxSpec | None = None

    @classmethod
    def from_file(cls, path: str | Path) -> Workspace:
        """Read the workspace in a JSON file.

        Raises `WorkspaceError` with every problem of the file and its path.
        """
        try:
            data = read_json(Path(path))
        except DefinitionError as error:
            raise WorkspaceError(error.message, problems=error.problems) from None
        workspace = cls.from_dict(data, source=str(path), folder=Path(path).parent)
        return workspace if data.get("name") else attrs.evolve(workspace, name=Path(path).stem)

    @classmethod
    def from_dict(cls, data: Json, *, source: str = "the workspace", folder: str | Path = ".") -> Workspace:
        """Read the workspace in a dictionary of the same form as the file.

        The files that it names, under `definitions` and as its `outbox`, are relative to `folder`.
        """
        problems = check_document(data, schema("workspace"))
        if not problems:
            problems = _same_ids(data)
        if any(problem.is_error for problem in problems):
            raise WorkspaceError(f"{source} is faulty:", problems=problems)
        definitions = tuple(Path(folder, name) for name in data.get("definitions") or ())
        instances = tuple(_instance(raw) for raw in data["destinations"])
        outbox = _outbox(data.get("outbox"), Path(folder))
        return cls(instances, source, definitions, data.get("name") or "workspace", outbox)


def _same_ids(data: JsonObject) -> list[Problem]:
    first: dict[str, int] = {}
    problems = []
    for index, raw in enumerate(data["destinations"]):
        identifier = raw.get("id") or raw["destination"]
        before = first.setdefault(identifier, index)
        if before != index:
            message = f"{identifier!r} is the id of $.destinations[{before}] too; give each its own"
            problems.append(Problem(f"$.destinations[{index}].id", message))
    return problems


def _instance(raw: JsonObject) -> InstanceSpec:
    subscriptions: Any = raw.get("subscriptions") or []
    if subscriptions != "presets":
        subscriptions = tuple(_subscription(item) for item in subscriptions)
    return InstanceSpec(
        id=raw.get("id") or raw["destination"],
        destination=raw["destination"],
        enabled=_given(raw, "enabled", default=True),
        settings=raw.get("settings") or {},
        subscriptions=subscriptions,
        filters=tuple(raw.get("filters") or ()),
        allow_private_addresses=raw.get("allowPrivateAddresses") is True,
        consent_categories=tuple(raw.get("consentCategories") or ()),
        delivery=_delivery(raw.get("delivery") or {}),
    )


def _given(raw: JsonObject, key: str, *, default: Any) -> Any:
    value = raw.get(key)
    return default if value is None else value


def _subscription(raw: JsonObject) -> SubscriptionSpec:
    return SubscriptionSpec(
        name=raw.get("name") or raw["partnerAction"],
        partner_action=raw["partnerAction"],
        subscribe=raw["subscribe"],
        mapping=raw.get("mapping"),
        enabled=_given(raw, "enabled", default=True),
    )


def _delivery(raw: JsonObject) -> DeliverySpec:
    known = _known(raw)
    retry = _known(known.pop("retry", None))
    poll = PollPolicy(**_known(known.pop("poll", None)))
    breaker = BreakerSpec(**_known(known.pop("breaker", None)))
    rate = known.pop("rate", None)
    if rate is not None:
        rate = RateSpec(**_known(rate)) if isinstance(rate, dict) else RateSpec(rate)
    batch = known.pop("batch", None)
    age = None if batch is None else _given(batch, "age", default=DEFAULT_BATCH_AGE)
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


def resolve_environment(
    settings: JsonObject, path: str, environ: Mapping[str, str] = os.environ
) -> tuple[JsonObject, list[str], list[Problem]]:
    """Replace each `{"$env": NAME}`; return the settings, the values found, and the problems."""
    found: list[str] = []
    problems: list[Problem] = []

    def resolve(value: Json, place: str) -> Json:
        if isinstance(value, dict):
            if value.keys() == {"$env"}:
                return look_up(value["$env"], place)
            return {key: resolve(item, child_path(place, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [resolve(item, child_path(place, index)) for index, item in enumerate(value)]
        return value

    def look_up(name: str, place: str) -> str:
        try:
            value = environ.get(name, "")
        except UnicodeEncodeError:  # half a surrogate pair, for which no system has bytes
            problems.append(Problem(place, f"{shown(name)} cannot be the name of an environment variable"))
            return ""
        if value:
            found.append(value)
        else:
            known_as = name if name.isprintable() else shown(name)
            message = f"the environment variable {known_as} is not set; set it before starting"
            problems.append(Problem(place, message))
        return value

    # Not for the settings as a whole: a variable holds one value, not all of them.
    resolved = {key: resolve(value, child_path(path, key)) for key, value in settings.items()}
    return resolved, found, problems
