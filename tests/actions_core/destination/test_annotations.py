"""What a function is handed beside its fields: a context, a client, however their annotations are written."""

# ruff: noqa: D103 - most functions here stand for those of authors, and their names say what is the matter

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any, Optional

import pytest

from actions_core.destination import Destination, load_destination
from actions_core.destination.annotations import Payload
from actions_core.destination.client import Client
from actions_core.destination.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.destination import context as typed_only
    from actions_core.destination.context import Context as OnlyForTheTypeChecker


def noted(function: Callable[..., Any]) -> Destination:
    """A destination whose only action has this function."""
    track = {"title": "Track", "fields": {"userId": {"type": "string", "required": True}}}
    destination = load_destination({"slug": "sample", "name": "Sample", "actions": {"track": track}})
    destination.action("track")(function)
    return destination


def checked(function: Callable[..., Any]) -> list[str]:
    """What is wrong with a function as the handler of `track`, without path and name."""
    return [
        f"{problem.severity} {problem.message.partition('() ')[2]}" for problem in noted(function).check()
    ]


def by_type(user_id: str, one: Context, *, rest: Payload) -> Any:
    return one


def by_optional_type(user_id: str, one: Context | None = None, *, rest: Payload) -> Any:
    return one


def by_old_optional_type(user_id: str, one: Optional[Context] = None, *, rest: Payload) -> Any:  # noqa: UP045 - authors still write it so
    return one


def by_annotated_type(user_id: str, one: Annotated[Context, "mine"], *, rest: Payload) -> Any:
    return one


def by_absent_type(user_id: str, one: OnlyForTheTypeChecker, *, rest: Payload) -> Any:
    return one


def by_absent_module(user_id: str, one: "typed_only.Context | None", *, rest: Payload) -> Any:  # noqa: UP037 - quoted twice on purpose
    return one


def by_name(user_id: str, context, *, rest: Payload) -> Any:  # type: ignore[no-untyped-def] # noqa: ANN001 - that is the case
    return context


class MyContext(Context):
    """A context of the host's own."""


def by_derived_type(user_id: str, one: MyContext, *, rest: Payload) -> Any:
    return one


ForeignContext = type("Context", (), {})


def by_foreign_type(user_id: str, one: ForeignContext, *, rest: Payload) -> Any:  # type: ignore[valid-type] # made at run time
    return one


@pytest.mark.parametrize(
    "function",
    [
        by_type,
        by_optional_type,
        by_old_optional_type,
        by_annotated_type,
        by_absent_module,
        by_name,
        by_derived_type,
    ],
    ids=lambda function: function.__name__,
)
def test_a_context_is_handed_in_by_its_type(function: Callable[..., Any]) -> None:
    """Optional, annotated, derived and only-for-the-type-checker annotations all ask for it."""
    assert checked(function) == []
    handler = noted(function).handlers["track"]
    assert handler.takes == {"context"}
    assert handler.call({"userId": "u"}, "the context", "the client") == "the context"


def test_a_class_that_only_has_the_name_of_ours_is_not_handed_in() -> None:
    """An annotation that can be resolved is matched by its class, whatever the class is called."""
    assert checked(by_foreign_type) == ["error has a parameter 'one' that is not a field of it"]


def test_a_name_that_only_the_type_checker_knows_is_read_as_text() -> None:
    """An alias says nothing of the type behind it, so the parameter is no field and is named as such."""
    assert checked(by_absent_type) == ["error has a parameter 'one' that is not a field of it"]


async def sends(user_id: str, client: Client, context: Context, *, rest: Payload) -> Any:
    return client, context


class Callable_:  # noqa: N801 - stands for whatever an author may have
    """An object that is called."""

    async def __call__(self, user_id: str, client: Client, *, rest: Payload) -> Any:
        return client


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """What decorators of authors do."""

    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return inner


@pytest.mark.parametrize("function", [sends, Callable_(), wrapped(sends), functools.partial(sends)])
def test_asynchronous_functions_get_a_client(function: Callable[..., Any]) -> None:
    """However the function is wrapped, it is known to be asynchronous."""
    assert checked(function) == []
    handler = noted(function).handlers["track"]
    assert handler.is_async
    assert handler.bind({"userId": "u"}, client=5)["client"] == 5
