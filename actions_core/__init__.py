"""Segment's Actions for Python: register destinations, map events in JSON, deliver them in-process.

Everything named in `__all__` is stable. A destination's author finds `Destination`, `Request`, `Context`
and `Client` here; the rest is for whoever embeds the engine. A name is imported when it is first asked
for: `_HOME` says where from, and type checkers read the imports above it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actions_core.client import Client, Tokens
    from actions_core.context import Auth, Context
    from actions_core.destination import Destination, load_destination
    from actions_core.engine import Audience, Choices, Delivery, Engine, Explanation, Tracing
    from actions_core.errors import (
        ActionsError,
        AuthenticationError,
        DefinitionError,
        EventError,
        FqlError,
        MappingError,
        PayloadError,
        Problem,
        RequestError,
        ResponseError,
        SettingsError,
        TransportError,
        WorkspaceError,
        child_path,
    )
    from actions_core.executor import Job, JobStatus, Poll
    from actions_core.fields import FieldSpec, fields_to_json_schema
    from actions_core.hashing import hash_personal, normalize_email, normalize_phone
    from actions_core.javascript import to_text
    from actions_core.mapping import Mapping, compile_mapping, register_directive, validate_mapping
    from actions_core.multistatus import MultiStatus, Node
    from actions_core.registry import Registry
    from actions_core.requests import Request, Response
    from actions_core.results import BatchReport, BatchResult, Report, Result, Status
    from actions_core.retry import RetryPolicy
    from actions_core.state import MemoryState, State
    from actions_core.stats import Stats
    from actions_core.subscriptions import Condition, generate_fql, parse_fql
    from actions_core.times import format_time, read_time
    from actions_core.transport import Transport
    from actions_core.types import MISSING
    from actions_core.validation import PayloadValidator
    from actions_core.workspace import Workspace

__all__ = [
    "MISSING",
    "ActionsError",
    "Audience",
    "Auth",
    "AuthenticationError",
    "BatchReport",
    "BatchResult",
    "Choices",
    "Client",
    "Condition",
    "Context",
    "DefinitionError",
    "Delivery",
    "Destination",
    "Engine",
    "EventError",
    "Explanation",
    "FieldSpec",
    "FqlError",
    "Job",
    "JobStatus",
    "Mapping",
    "MappingError",
    "MemoryState",
    "MultiStatus",
    "Node",
    "PayloadError",
    "PayloadValidator",
    "Poll",
    "Problem",
    "Registry",
    "Report",
    "Request",
    "RequestError",
    "Response",
    "ResponseError",
    "Result",
    "RetryPolicy",
    "SettingsError",
    "State",
    "Stats",
    "Status",
    "Tokens",
    "Tracing",
    "Transport",
    "TransportError",
    "Workspace",
    "WorkspaceError",
    "child_path",
    "compile_mapping",
    "fields_to_json_schema",
    "format_time",
    "generate_fql",
    "hash_personal",
    "load_destination",
    "normalize_email",
    "normalize_phone",
    "parse_fql",
    "read_time",
    "register_directive",
    "to_text",
    "validate_mapping",
]

_HOME = {
    "actions_core.client": ("Client", "Tokens"),
    "actions_core.context": ("Auth", "Context"),
    "actions_core.destination": ("Destination", "load_destination"),
    "actions_core.engine": ("Audience", "Choices", "Delivery", "Engine", "Explanation", "Tracing"),
    "actions_core.errors": (
        "ActionsError",
        "AuthenticationError",
        "DefinitionError",
        "EventError",
        "FqlError",
        "MappingError",
        "PayloadError",
        "Problem",
        "RequestError",
        "ResponseError",
        "SettingsError",
        "TransportError",
        "WorkspaceError",
        "child_path",
    ),
    "actions_core.executor": ("Job", "JobStatus", "Poll"),
    "actions_core.fields": ("FieldSpec", "fields_to_json_schema"),
    "actions_core.hashing": ("hash_personal", "normalize_email", "normalize_phone"),
    "actions_core.javascript": ("to_text",),
    "actions_core.mapping": ("Mapping", "compile_mapping", "register_directive", "validate_mapping"),
    "actions_core.multistatus": ("MultiStatus", "Node"),
    "actions_core.registry": ("Registry",),
    "actions_core.requests": ("Request", "Response"),
    "actions_core.results": ("BatchReport", "BatchResult", "Report", "Result", "Status"),
    "actions_core.retry": ("RetryPolicy",),
    "actions_core.state": ("MemoryState", "State"),
    "actions_core.stats": ("Stats",),
    "actions_core.subscriptions": ("Condition", "generate_fql", "parse_fql"),
    "actions_core.times": ("format_time", "read_time"),
    "actions_core.transport": ("Transport",),
    "actions_core.types": ("MISSING",),
    "actions_core.validation": ("PayloadValidator",),
    "actions_core.workspace": ("Workspace",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
