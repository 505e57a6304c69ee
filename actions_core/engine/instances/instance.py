"""An instance: a destination with its settings and subscriptions, compiled and ready for events.

All that can be wrong with the configuration is found here, at once, before the first event.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any

import attrs

from actions_core.destination import load_destination
from actions_core.destination.context import Auth, Scope
from actions_core.destination.state import InstanceState, MemoryState
from actions_core.destination.stats import TaggedStats
from actions_core.engine.executor import Lane
from actions_core.engine.executor.client import Deadlines, Line
from actions_core.engine.instances.connection import guarded, prepare_of, with_tokens
from actions_core.engine.instances.pipelines import (
    authentication_of,
    compile_own_filters,
    compile_pipelines,
    deletion_of,
)
from actions_core.engine.instances.settings import read_settings
from actions_core.errors import DefinitionError, Problem
from actions_core.http.masking import Mask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Destination
    from actions_core.destination.registry import Registry
    from actions_core.destination.state import State
    from actions_core.destination.stats import Stats
    from actions_core.engine.executor.client.tokens import TokenListener
    from actions_core.engine.filters import Filters
    from actions_core.engine.pipeline import Pipeline
    from actions_core.engine.workspace import InstanceSpec, Workspace
    from actions_core.http.requests import Transport
    from actions_core.http.retry import PollPolicy
    from actions_core.values.types import JsonObject

_LOGGER = logging.getLogger("actions_core")


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
    """Return the destinations whose definitions the workspace itself names, by slug and alias."""
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
    spec: InstanceSpec, destination: Destination, host: Host, path: str
) -> tuple[Instance | None, list[Problem]]:
    """One compiled instance, None where it has errors, and every problem below `path`."""
    settings, secrets, problems = read_settings(spec.settings, destination, f"{path}.settings", host.environ)
    oauth = settings.pop("oauth", None)
    oauth = oauth if isinstance(oauth, dict) else {}
    scope = host.scope(spec.id, destination.slug, settings, Auth(oauth.get("access_token")))
    pipelines, found = compile_pipelines(spec, destination, scope, path)
    problems += found
    filters, found = compile_own_filters(spec, f"{path}.filters")
    problems += found
    if any(problem.is_error for problem in problems):
        return None, problems
    line = Line(
        transport=host.transport,
        deadlines=host.deadlines,
        policy=spec.delivery.retry,
        timeout=spec.delivery.timeout,
        mask=Mask(secrets),
        tries_by_status=destination.spec.tries_by_status,
        prepare=prepare_of(destination),
    )
    if destination.spec.public_addresses_only and not spec.allow_private_addresses:
        line = guarded(line)
    line = with_tokens(line, destination, scope, oauth, host.on_token_refresh)
    instance = Instance(
        id=spec.id,
        destination=destination,
        enabled=spec.enabled,
        lane=Lane(spec.id, line, spec.delivery.concurrency, host.logger),
        scope=scope,
        poll=spec.delivery.poll,
        pipelines=pipelines,
        filters=filters,
        deletion=deletion_of(destination, scope),
        authentication=authentication_of(destination, scope),
    )
    return instance, problems
