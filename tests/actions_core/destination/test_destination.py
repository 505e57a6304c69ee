"""Destinations: functions are noted as they are, compared with the definition, and compiled."""

# ruff: noqa: D103 - most functions here stand for those of authors, and their names say what is the matter

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.destination import Destination, load_destination
from actions_core.destination.annotations import Payload
from actions_core.destination.client import Client
from actions_core.destination.context import Context
from actions_core.errors import DefinitionError
from actions_core.http.requests import Request
from actions_core.values.naming import parameter_names
from actions_core.values.types import MISSING
from tests.trials import examples

if TYPE_CHECKING:
    from collections.abc import Callable


PUBLISHED = Path(__file__).parent / "data" / "published.json"
FIELDS = {
    "userId": {"type": "string", "required": True},
    "email": {"type": "string", "required": {"conditions": [{"fieldKey": "userId", "operator": "is"}]}},
    "class": {"type": "string"},
    "first-name": {"type": "string", "allowNull": True},
    "batch_size": {"type": "integer"},
}


def small(**actions: dict[str, Any]) -> Destination:
    """A destination with the action `track` that has the fields above, and others as given."""
    track = {"title": "Track", "fields": FIELDS}
    return load_destination({"slug": "sample", "name": "Sample", "actions": {"track": track, **actions}})


def said(destination: Destination) -> list[str]:
    """What is wrong with a destination, as text."""
    return [f"{problem.severity} {problem}" for problem in destination.check()]


def checked(function: Callable[..., Any]) -> list[str]:
    """What is wrong with a function as the handler of `track`, without path and name."""
    destination = small()
    destination.action("track")(function)
    return [re.sub(r"^(\w+) \$.actions.track: \S+\(\) ", r"\1 ", text) for text in said(destination)]


def takes_all(
    user_id: str, email: str | None = None, class_: str = "none", first_name: Any = MISSING
) -> tuple[Any, ...]:
    """A handler of `track`."""
    return user_id, email, class_, first_name


def test_a_noted_function_stays_what_it_is() -> None:
    """Decorators return the function, so that it is tested as one."""
    destination = small()
    assert destination.action("track")(takes_all) is takes_all
    assert destination.prepare(takes_all) is takes_all
    assert takes_all("u") == ("u", None, "none", MISSING)


@pytest.mark.parametrize(
    ("payload", "arguments"),
    [
        ({"userId": "u"}, ("u", None, "none", MISSING)),
        ({"userId": "u", "first-name": None, "class": "c"}, ("u", None, "c", None)),
        ({"userId": "u", "email": "e", "first-name": "f", "batch_size": 5}, ("u", "e", "none", "f")),
    ],
)
def test_fields_reach_their_parameters(payload: dict[str, Any], arguments: tuple[Any, ...]) -> None:
    """A missing field is the parameter's default, null is None, and MISSING tells them apart."""
    destination = small()
    destination.action("track")(takes_all)
    assert destination.check() == []
    handler = destination.handlers["track"]
    names = ("user_id", "email", "class_", "first_name")
    assert handler.call(payload) == arguments
    assert handler.bind(payload) == dict(zip(names, arguments, strict=True))
    assert (handler.name, handler.is_async, handler.takes) == ("takes_all", False, frozenset())


def unknown(user_id: str, *, rest: Payload) -> Any:
    return user_id, rest


def test_the_whole_payload_comes_under_its_own_keys() -> None:
    """A parameter annotated `Payload` is the whole payload, under its keys in JSON."""
    destination = small()
    destination.action("track")(unknown)
    assert destination.check() == []
    payload = {"userId": "u", "class": "c", "batch_size": 5}
    assert destination.handlers["track"].call(payload) == ("u", payload)
    assert destination.handlers["track"].bind(payload) == {"user_id": "u", "rest": payload}


def test_the_payload_of_a_hook_is_its_inputs() -> None:
    """A hook may take its inputs as a whole, too; an optional annotation asks for them as well."""
    destination = whole()

    @destination.hook("trackThing", "onMappingSave")
    def hook(payload: Payload | None = None) -> Any:
        return payload

    assert destination.check() == []
    assert destination.hook_handlers["trackThing", "onMappingSave"].call({"a-b": 1}) == {"a-b": 1}


def keyword_payload(user_id: str, **payload: Any) -> None: ...
def bare_payload(payload: dict[str, Any]) -> None: ...


def needs_optional(user_id: str, email: str, *, rest: Payload) -> None: ...
def has_unknown(user_id: str, emial: str = "", *, rest: Payload) -> None: ...
def takes_required_by_rest(email: str = "", *, rest: Payload) -> None: ...
def lacks_all(email: str = "") -> None: ...
def by_position(user_id: str, /, *, rest: Payload) -> None: ...
def starred(user_id: str, *others: str, rest: Payload) -> None: ...
def asks_for_request(user_id: str, request: Request, *, rest: Payload) -> None: ...
def asks_for_client(user_id: str, client: Client, *, rest: Payload) -> None: ...


KEYWORDS = [
    "error takes '**payload', which hides what is missing: for the whole payload, annotate a parameter",
    *(f"warning has no parameter '{name}'" for name in ("email", "class_", "first_name")),
]
BARE = [
    "error has a parameter 'payload' that is not a field of it; for the whole payload, annotate it with 'Pay",
    "error has no parameter 'user_id' for the required field 'userId'",
    *(f"warning has no parameter '{name}'" for name in ("email", "class_", "first_name")),
]


@pytest.mark.parametrize(
    ("function", "problems"),
    [
        (needs_optional, ["error needs the parameter 'email', but the field 'email' is optional: give it a"]),
        (has_unknown, ["error has a parameter 'emial' that is not a field of it; did you mean 'email'?"]),
        (takes_required_by_rest, []),
        (
            lacks_all,
            [
                "error has no parameter 'user_id' for the required field 'userId'",
                "warning has no parameter 'class_': the field 'class' never reaches it",
                "warning has no parameter 'first_name'",
            ],
        ),
        (by_position, ["error takes 'user_id' by position, but everything is handed in by name"]),
        (starred, ["error takes 'others' by position"]),
        (asks_for_request, ["error asks for the request with its parameter 'request': an action is not"]),
        (asks_for_client, ["error asks for a client, so it must be 'async def'"]),
        (keyword_payload, KEYWORDS),
        (bare_payload, BARE),
        ("no function", ["error has no signature that can be read"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_parameters_are_compared_with_the_fields(function: Any, problems: list[str]) -> None:
    """Names and requiredness are compared when a destination is checked, never when an event runs."""
    found = checked(function)
    assert len(found) == len(problems), found
    assert [text for text, start in zip(found, problems, strict=True) if not text.startswith(start)] == []


def whole() -> Destination:
    """The published sample."""
    return load_destination(PUBLISHED)


def test_a_definition_alone_has_nothing_to_complain_of() -> None:
    """Without any function a destination is a definition only."""
    destination = whole()
    assert destination.check() == []
    assert dict(destination.handlers) == {}
    assert destination.prepare_handler is None


def note_all(destination: Destination) -> None:  # noqa: C901 - one function for each kind, not one branch
    """One function for everything that the sample has."""

    @destination.action("trackThing")
    def track(user_id: str, *, rest: Payload) -> Any: ...

    @destination.batch("trackThing")
    async def batch(payloads: list[Any], client: Client) -> Any:
        return payloads

    @destination.poll("trackThing")
    async def poll(job_id: str, upload_count: int = 0) -> Any:
        return job_id, upload_count

    @destination.hook("trackThing", "onMappingSave")
    def hook(operation: str, name: str = "") -> Any:
        return operation, name

    @destination.dynamic_field("trackThing", "details.__keys__")
    def keys(query: str | None, context: Context) -> Any:
        return query, context

    @destination.dynamic_field("trackThing", "items.[0].id")
    def ids(index: int) -> Any:
        return index

    @destination.prepare
    def prepare(request: Request, context: Context) -> Any:
        return request, context

    @destination.account
    def account(context: Context) -> Any:
        return context

    @destination.test_authentication
    def check_key(context: Context) -> Any: ...

    @destination.on_delete
    def delete(user_id: str, anonymous_id: str) -> Any:
        return user_id, anonymous_id

    @destination.refresh_access_token
    async def refresh(refresh_token: str, client_id: str, client_secret: str, client: Client) -> Any:
        return refresh_token

    @destination.create_audience
    async def create(audience_name: str, audience_settings: dict[str, Any]) -> Any:
        return audience_name

    @destination.get_audience
    async def get(external_id: str) -> Any:
        return external_id


def test_every_kind_of_function_is_compiled() -> None:
    """One form for all: given by name, handed in by type, found by what it is for."""
    destination = whole()
    note_all(destination)
    assert destination.check() == []
    assert list(destination.handlers) == ["trackThing"]
    assert destination.batch_handlers["trackThing"].bind({"payloads": [1]}, client=2) == {
        "payloads": [1],
        "client": 2,
    }
    assert destination.poll_handlers["trackThing"].bind({"job_id": "j"}) == {"job_id": "j", "upload_count": 0}
    assert destination.hook_handlers["trackThing", "onMappingSave"].call({"operation": "create"}) == (
        "create",
        "",
    )
    keys = destination.dynamic_field_handlers["trackThing", "details.__keys__"]
    assert keys.call({}, "context") == (None, "context")
    assert destination.prepare_handler is not None
    assert destination.prepare_handler.call({}, "context", None, "request") == ("request", "context")
    assert destination.authentication_handler is not None
    assert destination.account_handler is not None
    assert destination.account_handler.call({}, "context") == "context"
    assert destination.deletion_handler is not None
    assert destination.deletion_handler.call({"user_id": "u"}) == ("u", None)
    assert destination.refresh_handler is not None
    assert destination.create_audience_handler is not None
    assert destination.get_audience_handler is not None


def nothing() -> None: ...
def other() -> None: ...
async def awaits() -> None: ...
def of_deletion(user: str) -> None: ...


NOTES: list[tuple[Callable[[Destination], object], str]] = [
    (
        lambda it: it.action("trackThink")(nothing),
        "$.actions: nothing() is for the action 'trackThink', which the definition does not have; did you",
    ),
    (
        lambda it: it.hook("trackThing", "retlOnMappingSave")(nothing),
        "$.actions.trackThing.hooks.retlOnMappingSave: nothing() is for the hook 'retlOnMappingSave', which",
    ),
    (
        lambda it: it.dynamic_field("trackThing", "details.colr")(nothing),
        "$.actions.trackThing.fields: nothing() is for the field 'details.colr', which the action does not",
    ),
    (
        lambda it: it.dynamic_field("trackThing", "nothing")(nothing),
        "$.actions.trackThing.fields: nothing() is for the field 'nothing', which",
    ),
    (
        lambda it: it.dynamic_field("trackThing", "name", hook="onMappingSav")(nothing),
        "$.actions.trackThing.hooks.onMappingSav.inputFields: nothing() is for the hook 'onMappingSav'",
    ),
    (
        lambda it: it.dynamic_field("trackThing", "nothing", hook="onMappingSave")(nothing),
        "$.actions.trackThing.hooks.onMappingSave.inputFields: nothing() is for the field 'nothing'",
    ),
    (lambda it: it.prepare(awaits), "$: awaits() must be a plain function"),
    (
        lambda it: it.on_delete(of_deletion),
        "$: of_deletion() has a parameter 'user' that is not given to the deletion",
    ),
    (
        lambda it: (it.prepare(nothing), it.prepare(other)),
        "$: nothing() and other() are both for prepare",
    ),
    (
        lambda it: it.poll("trackThing")(nothing),
        "$.actions.trackThing: 'trackThing' can be polled, but has no function for batches",
    ),
]


@pytest.mark.parametrize(("note", "problem"), NOTES)
def test_a_function_for_nothing_is_named(note: Callable[[Destination], object], problem: str) -> None:
    """What a function is for has to be in the definition."""
    destination = whole()
    note(destination)
    assert [text for text in map(str, destination.check()) if text.startswith(problem)]


def test_two_functions_for_one_action_are_named() -> None:
    """Both names are in the sentence, at the path of the action."""
    destination = small()
    destination.action("track")(takes_all)
    destination.action("track")(unknown)
    assert said(destination) == [
        "error $.actions.track: takes_all() and unknown() are both for an action 'track'"
    ]


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Functions, places and absences come in one list."""
    destination = small(other={"title": "Other", "fields": {}})
    destination.action("track")(lacks_all)
    destination.action("trakc")(nothing)
    destination.refresh_access_token(nothing)
    destination.create_audience(nothing)
    errors = [problem for problem in destination.check() if problem.severity == "error"]
    assert [problem.path for problem in errors] == [
        "$.actions.track",
        "$.actions",
        "$",
        "$",
    ]


def test_an_action_needs_no_function() -> None:
    """A destination may have functions for some of its actions only, whatever the others promise."""
    destination = small(other={"title": "Other", "fields": {}, "hasPerformBatch": True})
    destination.action("track")(takes_all)
    assert destination.check() == []
    assert list(destination.handlers) == ["track"]


def test_a_batch_that_the_definition_promises_is_missed() -> None:
    """`hasPerformBatch` without a function for batches is warned of."""
    destination = whole()
    destination.action("trackThing")(unknown)
    assert [problem.severity for problem in destination.check()] == ["warning"]


def test_functions_noted_later_count() -> None:
    """Checking does not close a destination: what is noted afterwards is compiled as well."""
    destination = small()
    assert dict(destination.handlers) == {}
    destination.action("track")(unknown)
    assert list(destination.handlers) == ["track"]


def test_a_decorator_without_its_action_says_so() -> None:
    """`@destination.action` without parentheses is refused on the spot."""
    with pytest.raises(DefinitionError, match=r"@destination.action\("):
        small().action(takes_all)  # type: ignore[arg-type]  # wrong on purpose


def test_a_package_brings_its_definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`from_package(__package__)` reads `destination.json` beside the code, also while the package loads."""
    package = tmp_path / "sample_of_a_package"
    package.mkdir()
    definition = {"slug": "sample", "name": "Sample", "actions": {}}
    (package / "destination.json").write_text(json.dumps(definition), "utf-8")
    (package / "__init__.py").write_text("from .handlers import destination\n", "utf-8")
    (package / "handlers.py").write_text(
        "from actions_core.destination import Destination\n"
        "destination = Destination.from_package(__package__)\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sample_of_a_package", raising=False)
    loaded = __import__("sample_of_a_package").destination
    assert (loaded.slug, repr(loaded)) == ("sample", "<Destination sample>")


KEYS = st.sampled_from(
    ["userId", "user_id", "class", "first-name", "1st", "a.b", "é", "'", "\\", "payload", "get", "d0"]
)


@given(st.dictionaries(KEYS, st.sampled_from(["required", "default", "rest"]), max_size=8), st.data())
@settings(deadline=None, max_examples=examples(60))
def test_whatever_the_fields_are_called_they_arrive(kinds: dict[str, str], data: st.DataObject) -> None:
    """For any keys: what `call` hands over is what the payload holds, under the table's names."""
    names = parameter_names(kinds)
    required = [names[key] for key, kind in kinds.items() if kind == "required"]
    optional = [f"{names[key]}=MISSING" for key, kind in kinds.items() if kind == "default"]
    scope: dict[str, Any] = {"MISSING": MISSING}
    own = ", ".join([*required, *optional])
    scope["Payload"] = Payload
    exec(f"def handler(*, {own}{', ' if own else ''}whole_: Payload): return locals()", scope)  # noqa: S102 - the signature is what is tested
    fields = {key: {"type": "string", "required": kind == "required"} for key, kind in kinds.items()}
    destination = load_destination(
        {"slug": "sample", "name": "Sample", "actions": {"a": {"title": "A", "fields": fields}}}
    )
    destination.action("a")(scope["handler"])
    assert destination.check() == []
    payload = {
        key: f"value of {key}" for key in kinds if kinds[key] == "required" or data.draw(st.booleans())
    }
    got = destination.handlers["a"].call(payload)
    assert got.pop("whole_") == payload
    assert {name: value for name, value in got.items() if value is not MISSING} == {
        names[key]: value for key, value in payload.items() if kinds[key] != "rest"
    }
