"""An instance: a destination with its settings and subscriptions, compiled and ready for events.

All that can be wrong with the configuration is found here, at once, before the first event.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import attrs

from actions_core.addresses import check_url
from actions_core.client import Deadlines, Line, TokenKeeper, unprepared
from actions_core.context import Auth, Scope
from actions_core.destination import load_destination
from actions_core.errors import DefinitionError, PayloadError, Problem, child_path
from actions_core.executor import Lane, PollPolicy, ask
from actions_core.filters import compile_filters, validate_filters
from actions_core.javascript import to_text
from actions_core.masking import Mask
from actions_core.names import suggestion
from actions_core.pipeline import Pipeline, compile_pipeline, hints_for, skipped
from actions_core.state import InstanceState, MemoryState
from actions_core.stats import TaggedStats
from actions_core.transport import public_only
from actions_core.types import MISSING
from actions_core.validation import PayloadValidator
from actions_core.workspace import SubscriptionSpec, resolve_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions_core.client.tokens import TokenListener
    from actions_core.context import Context
    from actions_core.destination import Destination, Handler
    from actions_core.filters import Filters
    from actions_core.registry import Registry
    from actions_core.requests import Request
    from actions_core.state import State
    from actions_core.stats import Stats
    from actions_core.transport import Transport
    from actions_core.types import Json, JsonObject
    from actions_core.workspace import InstanceSpec, Workspace

_LOGGER = logging.getLogger("actions_core")
_MOST_SUBSCRIPTIONS = 50
# Settings that stand beside the declared ones in what Segment exports.
_OTHER_SETTINGS = frozenset({"oauth", "dynamicAuthSettings"})


@attrs.frozen(eq=False)
class Instance:
    """One configured destination, compiled."""

    id: str
    destination: Destination
    enabled: bool
    lane: Lane = attrs.field(repr=False)
    scope: Scope = attrs.field(repr=False)
    poll: PollPolicy = attrs.field(repr=False)
    pipelines: tuple[Pipeline, ...] = attrs.field(repr=False)
    filters: Filters | None = attrs.field(default=None, repr=False)
    deletion: Pipeline | None = attrs.field(default=None, repr=False)
    authentication: Pipeline | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Host:
    """What an engine gives to all its instances."""

    transport: Transport
    deadlines: Deadlines = attrs.field(factory=Deadlines)
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ)
    logger: logging.Logger = _LOGGER
    features: Mapping[str, Any] = attrs.field(factory=dict)
    on_token_refresh: TokenListener | None = None
    state: State | None = None
    stats: Stats | None = None

    def scope(self, instance: str, destination: str, settings: JsonObject, auth: Auth) -> Scope:
        """What the host gives to one instance, together with what is its own."""
        return Scope(
            instance,
            settings,
            auth,
            logger=self.logger,
            features=self.features,
            state=MemoryState() if self.state is None else InstanceState(self.state, instance),
            stats=TaggedStats(self.stats).tagged(instance=instance, destination=destination),
        )


def compile_instances(
    workspace: Workspace, registry: Registry, host: Host
) -> tuple[list[Instance], list[Problem]]:
    """Every instance that can be compiled, and every problem of all of them."""
    instances: list[Instance] = []
    own, problems = _own_destinations(workspace, registry)
    for index, spec in enumerate(workspace.destinations):
        path = f"$.destinations[{index}]"
        try:
            destination = own.get(spec.destination) or registry.get(spec.destination)
        except DefinitionError as error:
            problems.append(Problem(f"{path}.destination", str(error)))
            continue
        instance, found = compile_instance(spec, destination, host, path)
        problems += found
        if instance is not None:
            instances.append(instance)
    return instances, problems


def _own_destinations(
    workspace: Workspace, registry: Registry
) -> tuple[dict[str, Destination], list[Problem]]:
    """The destinations whose definitions the workspace itself names."""
    found: dict[str, Destination] = {}
    problems: list[Problem] = []
    for index, file in enumerate(workspace.definitions):
        path = f"$.definitions[{index}]"
        try:
            destination = load_destination(file)
        except DefinitionError as error:
            problems.append(Problem(path, str(error)))
            continue
        if destination.slug in registry or destination.slug in found:
            message = f"{file}: there is another destination {destination.slug!r}; name only one"
            problems.append(Problem(path, message))
        found[destination.slug] = destination
    return found, problems


def compile_instance(
    spec: InstanceSpec, destination: Destination, host: Host, path: str
) -> tuple[Instance | None, list[Problem]]:
    """One compiled instance, None where it has errors, and every problem below `path`."""
    settings, secrets, problems = read_settings(spec.settings, destination, f"{path}.settings", host.environ)
    oauth = settings.pop("oauth", None)
    oauth = oauth if isinstance(oauth, dict) else {}
    scope = host.scope(spec.id, destination.slug, settings, Auth(oauth.get("access_token")))
    pipelines, found = _pipelines(spec, destination, scope, path)
    problems += found
    filters, found = _filters(spec, f"{path}.filters")
    problems += found
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    line = Line(
        transport=host.transport,
        deadlines=host.deadlines,
        policy=spec.delivery.retry,
        timeout=spec.delivery.timeout,
        mask=Mask(secrets),
        tries_by_status=destination.spec.tries_by_status,
        prepare=_prepare(destination),
    )
    if destination.spec.public_addresses_only and not spec.allow_private_addresses:
        line = _guarded(line)
    line = _with_tokens(line, destination, scope, oauth, host)
    instance = Instance(
        id=spec.id,
        destination=destination,
        enabled=spec.enabled,
        lane=Lane(spec.id, line, spec.delivery.concurrency),
        scope=scope,
        poll=spec.delivery.poll,
        pipelines=pipelines,
        filters=filters,
        deletion=_single(destination, destination.deletion_handler, scope, "onDelete", _deletion_payload),
        authentication=_single(
            destination, destination.authentication_handler, scope, "testAuthentication", lambda _event: {}
        ),
    )
    return instance, problems


def read_settings(
    raw: JsonObject, destination: Destination, path: str, environ: Mapping[str, str]
) -> tuple[JsonObject, list[str], list[Problem]]:
    """The settings as handlers get them, the secrets among them, and every problem.

    What comes from the environment is resolved, defaults are filled in, and all is validated like a
    payload. Passwords, everything of OAuth and whatever came from the environment are secrets.
    """
    settings, secrets, problems = resolve_environment(raw, path, environ)
    fields = destination.spec.settings
    for key in settings:
        if key not in fields and key not in _OTHER_SETTINGS:
            hint = suggestion(key, list(fields))
            message = f"{destination.slug} has no setting {key!r}{hint}"
            problems.append(Problem(child_path(path, key), message, "warning"))
    filled = {key: field.default for key, field in fields.items() if field.default is not MISSING}
    filled.update(settings)
    secrets += [
        str(filled[key]) for key, field in fields.items() if field.type == "password" and filled.get(key)
    ]
    secrets += _texts(filled.get("oauth"))
    missing = {problem.path for problem in problems if problem.severity == "error"}
    try:
        checked = PayloadValidator(fields).check({key: filled[key] for key in filled if key in fields})
    except PayloadError as error:
        # A variable that is not set is one fault, not also a missing setting.
        places = [attrs.evolve(problem, path=path + problem.path[1:]) for problem in error.problems]
        problems += [problem for problem in places if not missing]
        return filled, secrets, problems
    return {**checked, **{key: filled[key] for key in _OTHER_SETTINGS if key in filled}}, secrets, problems


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    return []


def _with_tokens(line: Line, destination: Destination, scope: Scope, oauth: JsonObject, host: Host) -> Line:
    """The line with tokens that are renewed, where the destination can do that."""
    handler = destination.refresh_handler
    if handler is None or not oauth:
        return line
    # What asks for a token must not itself be prepared with the token that has expired.
    plain = attrs.evolve(line, prepare=unprepared)
    keeper = TokenKeeper(
        scope.instance,
        scope.auth,
        oauth,
        refresh=lambda given: ask(handler, given, line=plain, scope=scope),
        mask=line.mask,
        listener=host.on_token_refresh,
    )
    return attrs.evolve(line, tokens=keeper)


def _prepare(destination: Destination) -> Callable[[Request, Context], Request]:
    handler = destination.prepare_handler
    if handler is None:
        return unprepared
    call: Callable[..., Request] = handler.call
    return lambda request, context: call({}, context, None, request)


def _guarded(line: Line) -> Line:
    """The line for an instance whose requests may reach public addresses only."""
    complete = line.prepare

    def prepare(request: Request, context: Context) -> Request:
        # The transport looks at each address again; what a URL says outright is refused before that, so
        # that a dry run shows it and a transport of the host's own never gets to see it.
        request = complete(request, context)
        check_url(request.url)
        return request

    return attrs.evolve(line, transport=public_only(line.transport), prepare=prepare)


def _pipelines(
    spec: InstanceSpec, destination: Destination, scope: Scope, path: str
) -> tuple[tuple[Pipeline, ...], list[Problem]]:
    pipelines: list[Pipeline] = []
    problems: list[Problem] = []
    chosen = _presets(destination) if spec.subscriptions == "presets" else spec.subscriptions
    if len(chosen) > _MOST_SUBSCRIPTIONS:
        message = (
            f"has {len(chosen)} subscriptions; at most {_MOST_SUBSCRIPTIONS} are allowed in one instance"
        )
        problems.append(Problem(f"{path}.subscriptions", message))
    for index, subscription in enumerate(chosen):
        place = f"{path}.subscriptions[{index}]"
        pipeline, found = compile_pipeline(subscription, destination, scope, place)
        problems += found
        if pipeline is None:
            continue
        if pipeline.handler is None and destination.handlers:
            problems.append(Problem(place, f"the action {pipeline.action!r} has no handler"))
        pipelines.append(pipeline)
    return tuple(pipelines), problems


def _presets(destination: Destination) -> tuple[SubscriptionSpec, ...]:
    return tuple(
        SubscriptionSpec(
            preset.name, preset.partner_action, preset.subscribe, destination.spec.preset_mapping(preset)
        )
        for preset in destination.spec.presets
        if preset.type == "automatic" and preset.subscribe is not None
    )


def _filters(spec: InstanceSpec, path: str) -> tuple[Filters | None, list[Problem]]:
    if not spec.filters:
        return None, []
    raw = list(spec.filters)
    problems = [attrs.evolve(item, path=path + item.path.removeprefix("$")) for item in validate_filters(raw)]
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    return compile_filters(raw), problems


def _single(
    destination: Destination,
    handler: Handler | None,
    scope: Scope,
    action: str,
    to_payload: Callable[[JsonObject], JsonObject],
) -> Pipeline | None:
    """A pipeline without condition and mapping."""
    if handler is None:
        return None
    return Pipeline(
        name=action,
        action=action,
        scope=scope,
        skipped=skipped(scope.instance, action, action, ""),
        to_payload=to_payload,
        handler=handler,
        hints=hints_for(destination),
    )


def _deletion_payload(event: JsonObject) -> JsonObject:
    return {"user_id": _id(event.get("userId")), "anonymous_id": _id(event.get("anonymousId"))}


def _id(value: Json) -> str | None:
    """An id as text. What is neither text nor a number names nobody."""
    if isinstance(value, str):
        return value
    return to_text(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
