"""Compile the instances of a workspace: settings, subscriptions, filters, and the way to the network.

All that can be wrong with the configuration is found here, at once, before the first event.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.destination import load_destination
from actions_core.destination.context import Auth
from actions_core.engine.environment import resolve_environment, resolve_mapping
from actions_core.engine.executor import Lane, call_handler, judge_with, limit
from actions_core.engine.executor.client import Connection, TokenKeeper, unprepared
from actions_core.engine.filters import Permissions, compile_filters, validate_filters
from actions_core.engine.instances.instance import Instance
from actions_core.engine.instances.replacement import (
    admission_of,
    has_settings_of,
    has_spec_of,
    settings_digest,
)
from actions_core.engine.pipeline import (
    authentication_pipeline,
    compile_pipeline,
    deletion_pipeline,
)
from actions_core.engine.workspace import MOST_SUBSCRIPTIONS, SubscriptionSpec
from actions_core.errors import DefinitionError, PayloadError, Problem, child_path, is_within
from actions_core.http.addresses import check_url
from actions_core.http.masking import Mask, texts
from actions_core.http.transport import public_only
from actions_core.validation import PayloadValidator
from actions_core.values.types import MISSING
from actions_core.values.wording import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from actions_core.destination import Destination
    from actions_core.destination.context import Context, Scope
    from actions_core.destination.registry import Registry
    from actions_core.engine.executor.client.tokens import TokenListener
    from actions_core.engine.filters import Filters
    from actions_core.engine.instances.instance import Services
    from actions_core.engine.pipeline import Pipeline
    from actions_core.engine.workspace import InstanceSpec, Workspace
    from actions_core.http.requests import Request
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

#: Settings that stand beside the declared ones in what Segment exports.
_OTHER_SETTINGS: Final = frozenset({"oauth", "dynamicAuthSettings"})


def compile_instances(
    workspace: Workspace,
    registry: Registry,
    services: Services,
    previous: Mapping[str, Instance] | None = None,
) -> tuple[list[Instance], list[Problem]]:
    """Compile every instance that can be compiled, and find every problem of all of them.

    Of the `previous` ones, by their ids, those that have not changed stay as they are; what the others have
    learned goes on where their settings are the same.
    """
    instances: list[Instance] = []
    own, problems = _own_destinations(workspace, registry)
    for index, spec in enumerate(workspace.destinations):
        path = f"$.destinations[{index}]"
        try:
            destination = own.get(spec.destination) or registry.get(spec.destination)
        except DefinitionError as error:
            problems.append(Problem(f"{path}.destination", str(error)))
            problems += _without_destination(spec, path, services.environ)
            continue
        before = None if previous is None else previous.get(spec.id)
        instance, found = compile_instance(spec, destination, services, path, before)
        problems += found
        if instance is not None:
            instances.append(instance)
    return instances, problems


def _without_destination(spec: InstanceSpec, path: str, environ: Mapping[str, str]) -> list[Problem]:
    """Return what is wrong with an instance whatever its destination."""
    problems = resolve_environment(spec.settings, f"{path}.settings", environ)[2]
    for index, subscription in enumerate(() if spec.subscriptions == "presets" else spec.subscriptions):
        place = f"{path}.subscriptions[{index}].mapping"
        problems += resolve_mapping(subscription.mapping, place, environ)[2]
    return [*problems, *spec.parts_problems(path)]


def known_destinations(workspace: Workspace, registry: Registry) -> dict[str, Destination]:
    """Return the destinations of a workspace's instances, by the names that the instances use.

    No other destination is loaded; a name for which there is none is left out.
    """
    own, _ = _own_destinations(workspace, registry)
    found: dict[str, Destination] = {}
    for name in {spec.destination for spec in workspace.destinations}:
        with contextlib.suppress(DefinitionError):
            found[name] = own.get(name) or registry.get(name)
    return found


def _own_destinations(
    workspace: Workspace, registry: Registry
) -> tuple[dict[str, Destination], list[Problem]]:
    """Load the destinations whose definitions the workspace itself names, by slug and alias."""
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
    for destination in list(found.values()):
        for alias in destination.spec.aliases:
            if alias not in registry:
                found.setdefault(alias, destination)
    return found, problems


def compile_instance(
    spec: InstanceSpec,
    destination: Destination,
    services: Services,
    path: str,
    previous: Instance | None = None,
) -> tuple[Instance | None, list[Problem]]:
    """Compile one instance: None where it has errors, and every problem below `path`.

    That is `previous` itself where nothing has changed.
    """
    environ = services.environ
    settings, secrets, problems = read_settings(spec.settings, destination, f"{path}.settings", environ)
    chosen = _presets(destination) if spec.subscriptions == "presets" else spec.subscriptions
    mappings, in_mappings, found = _read_mappings(chosen, destination, f"{path}.subscriptions", environ)
    problems += found
    digest = settings_digest(spec, settings)
    same = None if previous is None or not has_settings_of(previous, destination, digest) else previous
    oauth = settings.pop("oauth", None)
    oauth = oauth if isinstance(oauth, dict) else {}
    mask = Mask(secrets) if same is None else same.lane.connection.mask
    mask.learn(*in_mappings)
    scope = services.scope(spec.id, destination.slug, settings, Auth(oauth.get("access_token")), mask)
    if same is not None:
        scope = attrs.evolve(scope, auth=same.scope.auth, state=same.scope.state)
    pipelines, found = _compile_subscriptions(chosen, mappings, destination, scope, path)
    problems += found
    filters, found = _compile_filters(spec, f"{path}.filters")
    problems += found
    problems += _batch_without_batches(spec, pipelines, path)
    if any(problem.is_error for problem in problems):
        return None, problems
    if same is not None and has_spec_of(same, spec) and same.mapping_secrets == in_mappings:
        return same, problems
    connection = _connection(spec, destination, scope, services, mask, oauth, same)
    instance = Instance(
        id=spec.id,
        destination=destination,
        enabled=spec.enabled,
        lane=_lane(spec, connection, services, same),
        scope=scope,
        pipelines=pipelines,
        permissions=_permissions(spec, destination),
        filters=filters,
        deletion=deletion_pipeline(destination, scope),
        authentication=authentication_pipeline(destination, scope),
        spec=spec,
        settings_digest=digest,
        mapping_secrets=in_mappings,
        environ=environ,
    )
    return instance, problems


def _lane(spec: InstanceSpec, connection: Connection, services: Services, same: Instance | None) -> Lane:
    """Make the lane of an instance; it stays disabled where that was so with the same settings."""
    lane = Lane(spec.id, connection, spec.delivery.concurrency, services.logger)
    lane.disabled = "" if same is None else same.lane.disabled
    return lane


def _permissions(spec: InstanceSpec, destination: Destination) -> Permissions:
    names = (spec.id, destination.slug, destination.spec.name)
    return Permissions(names, tuple(dict.fromkeys(spec.consent_categories)))


def with_subscription(
    instance: Instance, subscription: SubscriptionSpec, path: str = "$"
) -> tuple[Instance | None, list[Problem]]:
    """Return an instance with one subscription in place of its own: None where that has errors.

    Nothing but the subscription is compiled, and everything else is shared. Problems are below `path`.
    """
    destination, chosen = instance.destination, (subscription,)
    mappings, secrets, unread = _read_mappings(chosen, destination, "$.subscriptions", instance.environ)
    instance.lane.connection.mask.learn(*secrets)
    pipelines, found = _compile_subscriptions(chosen, mappings, destination, instance.scope, "$")
    spec = attrs.evolve(instance.spec, subscriptions=chosen)
    place = "$.subscriptions[0]"
    problems = [
        attrs.evolve(problem, path=path + problem.path.removeprefix(place))
        for problem in [*unread, *found]
        if is_within(problem.path, place)
    ]
    if any(problem.is_error for problem in problems):
        return None, problems
    return attrs.evolve(instance, pipelines=pipelines, spec=spec), problems


def _batch_without_batches(spec: InstanceSpec, pipelines: Iterable[Pipeline], path: str) -> Iterator[Problem]:
    if spec.delivery.batch_age is None or any(
        pipeline.batch_handler is not None and pipeline.may_batch for pipeline in pipelines
    ):
        return
    message = "no subscription of this instance sends batches, so this does nothing; leave it out"
    yield Problem(f"{path}.delivery.batch", message, "warning")


def _connection(
    spec: InstanceSpec,
    destination: Destination,
    scope: Scope,
    services: Services,
    mask: Mask,
    oauth: JsonObject,
    same: Instance | None,
) -> Connection:
    """Return what an instance's requests go through; of an instance with the same settings, its tokens."""
    connection = Connection(
        transport=services.transport,
        deadlines=services.deadlines,
        policy=spec.delivery.retry,
        timeout=spec.delivery.timeout,
        mask=mask,
        tries_by_status=destination.spec.tries_by_status,
        prepare=_prepare_of(destination, scope),
        judge=judge_with(destination.judge_handler, scope, mask),
        poll=spec.delivery.poll,
        admission=admission_of(spec, same),
    )
    if destination.spec.public_addresses_only and not spec.allow_private_addresses:
        connection = _public_only(connection)
    if same is None:
        connection = _with_tokens(connection, destination, scope, oauth, services.on_token_refresh)
    else:
        connection = attrs.evolve(connection, tokens=same.lane.connection.tokens)
    return connection


def read_settings(
    raw: JsonObject, destination: Destination, path: str, environ: Mapping[str, str]
) -> tuple[JsonObject, list[str], list[Problem]]:
    """Return the settings as handlers get them, the secrets among them, and every problem.

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
    filled = filled_settings(settings, fields)
    secrets += password_texts(filled, fields) + texts(filled.get("oauth"))
    # A variable that is not set is one error, not also a missing setting.
    unset = {problem.path for problem in problems if problem.is_error}
    known = {
        key: field
        for key, field in fields.items()
        if not any(is_within(place, child_path(path, key)) for place in unset)
    }
    try:
        checked = PayloadValidator(known).check(
            {key: filled[key] for key in filled if key in known}, given=settings
        )
    except PayloadError as error:
        problems += [problem.below(path) for problem in error.problems]
        return filled, secrets, problems
    # As handlers get them: a field may have read a number, or text, in a spelling of its own.
    secrets += password_texts(checked, fields)
    return {**checked, **{key: filled[key] for key in _OTHER_SETTINGS if key in filled}}, secrets, problems


def filled_settings(given: JsonObject, fields: Mapping[str, FieldSpec]) -> JsonObject:
    """Return settings with the defaults of those that are missing or empty (null or the empty str).

    What is empty and has no default counts as missing.
    """
    filled = {key: field.default for key, field in fields.items() if field.default is not MISSING}
    filled.update({key: value for key, value in given.items() if value is not None and value != ""})
    return filled


def password_texts(values: Json, fields: Mapping[str, FieldSpec]) -> list[str]:
    """Return every text and number in fields of type password, at any depth."""
    if isinstance(values, list):
        return [text for value in values for text in password_texts(value, fields)]
    if not isinstance(values, dict):
        return []
    found: list[str] = []
    for key, field in fields.items():
        if field.type == "password":
            found += texts(values.get(key))
        elif field.properties:
            found += password_texts(values.get(key), field.properties)
    return found


def _read_mappings(
    chosen: Sequence[SubscriptionSpec], destination: Destination, path: str, environ: Mapping[str, str]
) -> tuple[list[Json], list[str], list[Problem]]:
    """Return the mapping of each subscription as it is compiled, the secrets among them, and every problem.

    Whatever comes from the environment is secret, and so is what is written for a field of type password.
    """
    mappings: list[Json] = []
    secrets: list[str] = []
    problems: list[Problem] = []
    for index, spec in enumerate(chosen):
        values, found, unread = resolve_mapping(spec.mapping, f"{path}[{index}].mapping", environ)
        mappings.append(values)
        problems += unread
        action = destination.spec.actions.get(spec.partner_action)
        secrets += [*found, *written_passwords(values, {} if action is None else action.fields)]
    return mappings, secrets, problems


def written_passwords(mapping: Json, fields: Mapping[str, FieldSpec]) -> list[str]:
    """Return what is written in a mapping for fields of type password, at any depth of the fields."""
    found: list[str] = []
    for key, field in fields.items() if isinstance(mapping, dict) else ():
        value = mapping.get(key)
        if isinstance(value, dict) and value.keys() == {"@literal"}:
            value = value["@literal"]
        for item in value if isinstance(value, list) else [value]:
            if field.type == "password" and isinstance(item, str):
                found.append(item)
            elif field.properties:
                found += written_passwords(item, field.properties)
    return found


def _compile_subscriptions(
    chosen: Sequence[SubscriptionSpec],
    mappings: Sequence[Json],
    destination: Destination,
    scope: Scope,
    path: str,
) -> tuple[tuple[Pipeline, ...], list[Problem]]:
    """Compile every subscription that can be compiled, and find every problem of all of them."""
    pipelines: list[Pipeline] = []
    problems: list[Problem] = []
    if len(chosen) > MOST_SUBSCRIPTIONS:
        message = f"has {len(chosen)} subscriptions; at most {MOST_SUBSCRIPTIONS} are allowed in one instance"
        problems.append(Problem(f"{path}.subscriptions", message))
    handled = {*destination.handlers, *destination.batch_handlers}
    if chosen and not handled:
        message = f"{destination.slug} is a definition only: it can be explained, but nothing is delivered"
        problems.append(Problem(f"{path}.destination", message, "warning"))
    keys: dict[str, int] = {}
    for index, (subscription, mapping) in enumerate(zip(chosen, mappings, strict=True)):
        place = f"{path}.subscriptions[{index}]"
        pipeline, found = compile_pipeline(subscription, mapping, destination, scope, place)
        problems += found
        if handled and subscription.partner_action in destination.spec.actions.keys() - handled:
            # A destination need not have functions for all of its actions, but what is used must work.
            message = f"{destination.slug} has no function for the action {subscription.partner_action!r}"
            problems.append(Problem(child_path(place, "partnerAction"), message))
        if pipeline is not None:
            first = keys.setdefault(pipeline.scope.key_suffix, index)
            if first != index:
                message = (
                    f"has name, action and mapping of subscriptions[{first}], and so its idempotency keys: "
                    "of an event that matches both, a destination may drop one; give it another name"
                )
                problems.append(Problem(place, message, "warning"))
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


def _compile_filters(spec: InstanceSpec, path: str) -> tuple[Filters | None, list[Problem]]:
    """Compile the instance's destination filters; None where it has none or they have errors."""
    if not spec.filters:
        return None, []
    raw = list(spec.filters)
    problems = [item.below(path) for item in validate_filters(raw)]
    if any(problem.is_error for problem in problems):
        return None, problems
    return compile_filters(raw), problems


def _with_tokens(
    connection: Connection,
    destination: Destination,
    scope: Scope,
    oauth: JsonObject,
    listener: TokenListener | None,
) -> Connection:
    """Add tokens that are renewed, where the destination can do that."""
    handler = destination.refresh_handler
    if handler is None:
        return connection
    # The request for a new token must not itself be prepared with the token that has expired.
    plain = attrs.evolve(connection, prepare=unprepared, judge=None)

    async def refresh(given: JsonObject) -> object:
        return await call_handler(handler, given, connection=plain, scope=scope)

    keeper = TokenKeeper(
        scope.instance,
        scope.auth,
        oauth,
        refresh=refresh,
        mask=connection.mask,
        limit=partial(limit, plain),
        listener=listener,
        logger=scope.logger,
    )
    return attrs.evolve(connection, tokens=keeper)


def _prepare_of(destination: Destination, scope: Scope) -> Callable[[Request, Context], Request]:
    """Return the function that completes every request of an instance."""
    if destination.spec.request is not None:
        from actions_core.destination.requests import SharedBase  # its definition has loaded it

        return SharedBase(destination.spec.request, dict(scope.settings), scope.auth).complete
    handler = destination.prepare_handler
    if handler is None:
        return unprepared
    call: Callable[..., Request] = handler.call

    def prepare(request: Request, context: Context) -> Request:
        return call({}, context, None, request).complete()

    return prepare


def _public_only(connection: Connection) -> Connection:
    """Restrict the connection to public addresses."""
    complete = connection.prepare

    def prepare(request: Request, context: Context) -> Request:
        # The transport looks at each address again; what a URL says outright is refused before that, so
        # that a dry run shows it and a transport of the host's own never gets to see it.
        request = complete(request, context)
        check_url(request.url)
        return request

    return attrs.evolve(connection, transport=public_only(connection.transport), prepare=prepare)
