"""Tools for tests of destinations, and of applications that embed the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core.testing.cases import Case, check_case, load_cases, run_cases
from actions_core.testing.contexts import make_context
from actions_core.testing.recording import RecordingTransport, make_response
from actions_core.testing.samples import make_event
from actions_core.testing.suite import ConformanceWarning, check_destination, conformance

if TYPE_CHECKING:
    from actions_core.testing.loopback import LoopbackServer

__all__ = [
    "Case",
    "ConformanceWarning",
    "LoopbackServer",
    "RecordingTransport",
    "check_case",
    "check_destination",
    "conformance",
    "load_cases",
    "make_context",
    "make_event",
    "make_response",
    "run_cases",
]


def __getattr__(name: str) -> Any:
    # aiohttp's server is costly to import, and most tests need none.
    if name == "LoopbackServer":
        from actions_core.testing.loopback import LoopbackServer

        return LoopbackServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
