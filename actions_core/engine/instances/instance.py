"""An instance: a destination with its settings and subscriptions, compiled and ready for events."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import attrs

from actions_core.destination.context import Auth, Scope
from actions_core.destination.masked import MaskedLogger, MaskedState, MaskedStats
from actions_core.destination.state import InstanceState, MemoryState
from actions_core.destination.stats import TaggedStats
from actions_core.engine.executor.client import Deadlines
from actions_core.engine.pipeline import Step
from actions_core.engine.workspace import InstanceSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Destination
    from actions_core.destination.state import State
    from actions_core.destination.stats import Stats
    from actions_core.engine.executor import Lane
    from actions_core.engine.executor.client.tokens import TokenListener
    from actions_core.engine.filters import Filters, Permissions
    from actions_core.engine.pipeline import Pipeline
    from actions_core.http.masking import Mask
    from actions_core.http.requests import Transport
    from actions_core.values.types import JsonObject

_LOGGER = logging.getLogger("actions_core")


@attrs.frozen(eq=False)
class Instance:
    """One configured destination, compiled.

    `pipelines` are its subscriptions. `deletion` is for `delete` events only, and no event is routed to
    `authentication`.
    """

    id: str
    destination: Destination
    enabled: bool
    lane: Lane = attrs.field(repr=False)
    scope: Scope = attrs.field(repr=False)
    pipelines: tuple[Pipeline, ...] = attrs.field(repr=False)
    permissions: Permissions = attrs.field(repr=False)
    filters: Filters | None = attrs.field(default=None, repr=False)
    deletion: Pipeline | None = attrs.field(default=None, repr=False)
    authentication: Pipeline | None = attrs.field(default=None, repr=False)
    spec: InstanceSpec = attrs.field(factory=lambda: InstanceSpec("", ""), repr=False)
    #: a digest of the settings with what the environment gave: equal as long as they are
    settings_digest: str = attrs.field(default="", repr=False)
    #: the secrets in the mappings: a new value of a variable makes an instance anew
    mapping_secrets: list[str] = attrs.field(factory=list, repr=False)
    #: what `{"$env": NAME}` reads
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ, repr=False)

    def route(self, event: JsonObject, only: Pipeline | None = None) -> list[Step]:
        """Return a step for each subscription that an event could be for, or for one only.

        Permissions and filters are asked first. Nothing is mapped yet: `Step.payload` does that, so that
        one subscription's error stays its own.
        """
        if only is not None:
            pipelines: tuple[Pipeline, ...] = (only,)
        elif event["type"] == "delete":
            pipelines = self.with_deletion()
        else:
            pipelines = self.pipelines
        if not self.enabled:
            return [pipeline.skip("the instance is disabled") for pipeline in pipelines]
        permissions = self.permissions
        if event.get("integrations") or permissions.categories:
            refusal = permissions.refusal(event)
            if refusal:
                return [pipeline.skip(refusal) for pipeline in pipelines]
        if self.filters is not None:
            filtered, reason = self.filters.apply(event)
            if filtered is None:
                return [pipeline.skip(reason) for pipeline in pipelines]
            event = filtered
        steps = []
        for pipeline in pipelines:  # in a comprehension it would cost a call more
            steps.append(Step(pipeline, event) if pipeline.matches(event) else pipeline.skipped)  # noqa: PERF401 - see above
        return steps

    def with_deletion(self) -> tuple[Pipeline, ...]:
        """Return the pipelines that `delete` events are routed to."""
        return self.pipelines if self.deletion is None else (*self.pipelines, self.deletion)


@attrs.frozen
class Services:
    """Parts that an engine provides to all its instances."""

    transport: Transport
    deadlines: Deadlines = attrs.field(factory=Deadlines)
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ)
    logger: logging.Logger = _LOGGER
    features: Mapping[str, Any] = attrs.field(factory=dict)
    on_token_refresh: TokenListener | None = None
    state: State | None = None
    stats: Stats | None = None

    def scope(self, instance: str, destination: str, settings: JsonObject, auth: Auth, mask: Mask) -> Scope:
        """Make the scope of one instance: what the host provides, and what is the instance's own."""
        return Scope(
            instance,
            settings,
            auth,
            logger=MaskedLogger(self.logger, mask),
            features=self.features,
            state=(
                MemoryState()
                if self.state is None
                else MaskedState(InstanceState(self.state, instance), mask)
            ),
            stats=TaggedStats(None if self.stats is None else MaskedStats(self.stats, mask)).tagged(
                instance=instance, destination=destination
            ),
        )
