"""Instances: destinations with their settings and subscriptions, compiled and ready for events."""

from __future__ import annotations

from actions_core.engine.instances.instance import (
    Host,
    Instance,
    compile_instance,
    compile_instances,
    known_destinations,
)
from actions_core.engine.instances.settings import read_settings

__all__ = ["Host", "Instance", "compile_instance", "compile_instances", "known_destinations", "read_settings"]
