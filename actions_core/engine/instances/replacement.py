"""What goes on when a workspace is replaced: instances, and what those that change have learned so far.

An instance whose part of the workspace is the same stays as it is. One that changes is made anew; where its
settings are the same, it is the same account at the same place: its tokens, its state, what its breaker and
its budget have learned, and that it is gone, all stay.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import attrs

from actions_core.engine.executor import Breaker, RateBudget
from actions_core.engine.executor.client import Admission

if TYPE_CHECKING:
    from actions_core.destination import Destination
    from actions_core.engine.instances.instance import Instance
    from actions_core.engine.workspace import InstanceSpec
    from actions_core.values.types import JsonObject


def settings_digest(spec: InstanceSpec, settings: JsonObject) -> str:
    """Return a digest of an instance's place and credentials, with what the environment gave."""
    text = json.dumps([spec.destination, spec.allow_private_addresses, settings], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def has_settings_of(previous: Instance, destination: Destination, digest: str) -> bool:
    """Return whether an instance stands for the same account at the same destination as before.

    A definition that the workspace names itself is loaded each time: it is the same if it says the same.
    """
    same = previous.destination is destination or previous.destination.spec == destination.spec
    return same and previous.settings_digest == digest


def has_spec_of(previous: Instance, spec: InstanceSpec) -> bool:
    """Return whether a workspace says the same of an instance as before, to the letter: 1 is not true."""
    return _text(previous.spec) == _text(spec)


def _text(spec: InstanceSpec) -> str:
    return json.dumps(attrs.asdict(spec), default=lambda value: sorted(map(str, value)))


def admission_of(spec: InstanceSpec, previous: Instance | None) -> Admission:
    """Return the admission of an instance: the previous one, or one with those of its parts that stay."""
    delivery, rate = spec.delivery, spec.delivery.rate
    before = None if previous is None else previous.lane.connection.admission
    keeps_breaker = previous is not None and previous.spec.delivery.breaker == delivery.breaker
    keeps_budget = previous is not None and (
        previous.spec.delivery.rate == rate and previous.spec.delivery.concurrency == delivery.concurrency
    )
    if before is not None and keeps_breaker and keeps_budget:
        before.patience = delivery.retry.within
        return before
    breaker, budget = delivery.breaker, None
    if before is not None and keeps_budget:
        budget = before.budget
    if budget is None:
        budget = RateBudget(
            delivery.concurrency,
            None if rate is None else rate.per_second,
            None if rate is None else rate.at_once,
        )
        if before is not None:
            budget.pause(before.budget.paused_until)
    return Admission(
        spec.id,
        before.breaker
        if before is not None and keeps_breaker
        else Breaker(breaker.failures, breaker.pause, breaker.longest),
        budget,
        patience=delivery.retry.within,
    )
