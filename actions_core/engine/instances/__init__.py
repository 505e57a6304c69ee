"""Instances: destinations with their settings and subscriptions, compiled and ready for events."""

from __future__ import annotations

from actions_core.engine.instances.compiling import (
    compile_instance,
    compile_instances,
    filled_settings,
    known_destinations,
    read_settings,
    with_subscription,
    written_passwords,
)
from actions_core.engine.instances.instance import Instance, Services

__all__ = [
    "Instance",
    "Services",
    "compile_instance",
    "compile_instances",
    "filled_settings",
    "known_destinations",
    "read_settings",
    "with_subscription",
    "written_passwords",
]
