"""Segment's Actions for Python: register destinations, map events in JSON, deliver them in-process.

Everything named in `__all__` is stable. A destination's author finds `Destination`, `Request`, `Context`
and `Client` here; the rest is for those who embed the engine. A name is imported when it is first asked
for. `_HOME` is the list of the public names; type checkers read the imports above it, and a test compares
the two.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actions_core.apps.console.embedding import open_console as open_console
    from actions_core.delivery.background import BackgroundEngine as BackgroundEngine
    from actions_core.delivery.callers import Receipt as Receipt
    from actions_core.delivery.errors import BrokerError as BrokerError
    from actions_core.delivery.errors import OutboxError as OutboxError
    from actions_core.delivery.errors import OutboxFullError as OutboxFullError
    from actions_core.delivery.letters import DeadLetter as DeadLetter
    from actions_core.delivery.outbox import Outbox as Outbox
    from actions_core.delivery.store import Backlog as Backlog
    from actions_core.destination import Destination as Destination
    from actions_core.destination import load_destination as load_destination
    from actions_core.destination.annotations import Payload as Payload
    from actions_core.destination.client import Client as Client
    from actions_core.destination.client import Tokens as Tokens
    from actions_core.destination.context import Auth as Auth
    from actions_core.destination.context import Context as Context
    from actions_core.destination.items import BatchItem as BatchItem
    from actions_core.destination.items import Items as Items
    from actions_core.destination.multistatus import MultiStatus as MultiStatus
    from actions_core.destination.multistatus import Node as Node
    from actions_core.destination.multistatus import Skip as Skip
    from actions_core.destination.registry import Registry as Registry
    from actions_core.destination.state import MemoryState as MemoryState
    from actions_core.destination.state import State as State
    from actions_core.destination.stats import Stats as Stats
    from actions_core.engine import Audience as Audience
    from actions_core.engine import Choices as Choices
    from actions_core.engine import Engine as Engine
    from actions_core.engine import Explanation as Explanation
    from actions_core.engine import SubscriptionExplanation as SubscriptionExplanation
    from actions_core.engine import Tracing as Tracing
    from actions_core.engine.executor import Job as Job
    from actions_core.engine.executor import JobStatus as JobStatus
    from actions_core.engine.executor import Poll as Poll
    from actions_core.engine.results import BatchReport as BatchReport
    from actions_core.engine.results import BatchResult as BatchResult
    from actions_core.engine.results import Report as Report
    from actions_core.engine.results import Result as Result
    from actions_core.engine.results import Status as Status
    from actions_core.engine.workspace import Workspace as Workspace
    from actions_core.errors import ActionsError as ActionsError
    from actions_core.errors import DefinitionError as DefinitionError
    from actions_core.errors import EventError as EventError
    from actions_core.errors import FqlError as FqlError
    from actions_core.errors import MappingError as MappingError
    from actions_core.errors import PayloadError as PayloadError
    from actions_core.errors import Problem as Problem
    from actions_core.errors import RequestError as RequestError
    from actions_core.errors import SettingsError as SettingsError
    from actions_core.errors import WorkspaceError as WorkspaceError
    from actions_core.errors import child_path as child_path
    from actions_core.http.errors import AuthenticationError as AuthenticationError
    from actions_core.http.errors import ResponseError as ResponseError
    from actions_core.http.errors import TransportError as TransportError
    from actions_core.http.requests import Request as Request
    from actions_core.http.requests import Response as Response
    from actions_core.http.requests import Transport as Transport
    from actions_core.http.retry import RetryPolicy as RetryPolicy
    from actions_core.mapping import Mapping as Mapping
    from actions_core.mapping import compile_mapping as compile_mapping
    from actions_core.mapping import register_directive as register_directive
    from actions_core.mapping import validate_mapping as validate_mapping
    from actions_core.subscriptions import Condition as Condition
    from actions_core.subscriptions import generate_fql as generate_fql
    from actions_core.subscriptions import parse_fql as parse_fql
    from actions_core.validation import PayloadValidator as PayloadValidator
    from actions_core.validation.fields import FieldSpec as FieldSpec
    from actions_core.validation.fields import fields_to_json_schema as fields_to_json_schema
    from actions_core.values.hashing import hash_personal as hash_personal
    from actions_core.values.hashing import normalize_digits as normalize_digits
    from actions_core.values.hashing import normalize_e164 as normalize_e164
    from actions_core.values.hashing import normalize_email as normalize_email
    from actions_core.values.hashing import normalize_gmail as normalize_gmail
    from actions_core.values.hashing import normalize_phone as normalize_phone
    from actions_core.values.javascript import to_text as to_text
    from actions_core.values.times import format_time as format_time
    from actions_core.values.times import read_time as read_time
    from actions_core.values.types import MISSING as MISSING
    from actions_core.values.types import Json as Json
    from actions_core.values.types import JsonObject as JsonObject
    from actions_core.values.types import present as present

_HOME = {
    "actions_core.apps.console.embedding": ("open_console",),
    "actions_core.delivery.background": ("BackgroundEngine",),
    "actions_core.delivery.callers": ("Receipt",),
    "actions_core.delivery.errors": ("BrokerError", "OutboxError", "OutboxFullError"),
    "actions_core.delivery.letters": ("DeadLetter",),
    "actions_core.delivery.outbox": ("Outbox",),
    "actions_core.delivery.store": ("Backlog",),
    "actions_core.destination": ("Destination", "load_destination"),
    "actions_core.destination.annotations": ("Payload",),
    "actions_core.destination.client": ("Client", "Tokens"),
    "actions_core.destination.context": ("Auth", "Context"),
    "actions_core.destination.items": ("BatchItem", "Items"),
    "actions_core.destination.multistatus": ("MultiStatus", "Node", "Skip"),
    "actions_core.destination.registry": ("Registry",),
    "actions_core.destination.state": ("MemoryState", "State"),
    "actions_core.destination.stats": ("Stats",),
    "actions_core.engine": (
        "Audience",
        "Choices",
        "Engine",
        "Explanation",
        "SubscriptionExplanation",
        "Tracing",
    ),
    "actions_core.engine.executor": ("Job", "JobStatus", "Poll"),
    "actions_core.engine.results": ("BatchReport", "BatchResult", "Report", "Result", "Status"),
    "actions_core.engine.workspace": ("Workspace",),
    "actions_core.errors": (
        "ActionsError",
        "DefinitionError",
        "EventError",
        "FqlError",
        "MappingError",
        "PayloadError",
        "Problem",
        "RequestError",
        "SettingsError",
        "WorkspaceError",
        "child_path",
    ),
    "actions_core.http.errors": ("AuthenticationError", "ResponseError", "TransportError"),
    "actions_core.http.requests": ("Request", "Response", "Transport"),
    "actions_core.http.retry": ("RetryPolicy",),
    "actions_core.mapping": ("Mapping", "compile_mapping", "register_directive", "validate_mapping"),
    "actions_core.subscriptions": ("Condition", "generate_fql", "parse_fql"),
    "actions_core.validation": ("PayloadValidator",),
    "actions_core.validation.fields": ("FieldSpec", "fields_to_json_schema"),
    "actions_core.values.hashing": (
        "hash_personal",
        "normalize_digits",
        "normalize_e164",
        "normalize_email",
        "normalize_gmail",
        "normalize_phone",
    ),
    "actions_core.values.javascript": ("to_text",),
    "actions_core.values.times": ("format_time", "read_time"),
    "actions_core.values.types": ("MISSING", "Json", "JsonObject", "present"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
