"""Requests in JSON: what they become, and what is refused when events run."""

from __future__ import annotations

import asyncio
import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.destination import Destination, load_destination
from actions_core.destination.context import Context, Scope
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.results import Status
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError, SettingsError, WorkspaceError
from actions_core.http.requests import Request
from actions_core.testing import RecordingTransport, make_event
from actions_core.values.types import MISSING
from tests.trials import examples

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.values.types import JsonObject

DEFINITION: JsonObject = json.loads((Path(__file__).parent / "data" / "shop.json").read_text("utf-8"))
TRACK = 'type = "track"'


def definition(**request: Any) -> JsonObject:
    """The definition with parts of its action's request in place of those it has."""
    made = copy.deepcopy(DEFINITION)
    made["actions"]["order"]["request"].update(request)
    return made


def run(
    made: JsonObject | Destination,
    act: Callable[[Engine], Awaitable[Any]],
    *,
    mapping: JsonObject | None = None,
    responses: Any = (),
    **instance: Any,
) -> tuple[Any, list[Request]]:
    """What `act` gives, done with an engine of one instance, and the requests that were made."""
    registry = Registry()
    destination = made if isinstance(made, Destination) else load_destination(made)
    registry.register(destination)
    subscription = {"partnerAction": "order", "subscribe": TRACK}
    if mapping is not None:
        subscription["mapping"] = mapping  # type: ignore[assignment]  # a dictionary there
    configured = {
        "destination": "shop",
        "settings": {"apiKey": "s3cret", "oauth": {"access_token": "t0ken"}},
        "subscriptions": [subscription],
        "delivery": {"retry": {"tries": 1}},
        **instance,
    }
    transport = RecordingTransport(responses)

    async def scenario() -> Any:
        workspace = Workspace.from_dict({"destinations": [configured]})
        async with Engine(workspace, registry=registry, transport=transport) as engine:
            return await act(engine)

    return asyncio.run(scenario()), transport.requests


def sent(made: JsonObject, mapping: JsonObject | None = None, **instance: Any) -> Request:
    """The request that an event becomes."""
    report, requests = run(made, lambda engine: engine.send(make_event()), mapping=mapping, **instance)
    assert report.ok, report.results[0].error
    (request,) = requests
    return request


def refused(made: JsonObject, mapping: JsonObject | None = None, **instance: Any) -> Any:
    """The error of an event that becomes no request."""
    report, requests = run(made, lambda engine: engine.send(make_event()), mapping=mapping, **instance)
    assert requests == []
    assert report.results[0].status is Status.FAILED
    return report.results[0].error


def test_a_destination_without_python_delivers() -> None:
    """Method, URL, query, headers, body and time-out are as the definition writes them."""
    request = sent(DEFINITION, {"id": "o-1", "total": 12.5, "tags": ["a b", "c"]})
    assert request == Request(
        "POST",
        "https://eu.shop.example/v1/orders?tag=a%20b&tag=c&from=segment&version=2",
        headers={"Authorization": "Bearer t0ken", "X-Api-Key": "s3cret"},
        json={"id": "o-1", "total": 12.5},
        timeout=3,
    )


def test_what_is_missing_is_left_out() -> None:
    """A value that is missing leaves out its key; without a token there is nothing at its path."""
    made = definition(params=None, headers={"X-Extra": {"@path": "$.payload.anything"}, "X-No": None})
    request = sent(made, {"id": "o-1"}, settings={"apiKey": "s3cret"})
    assert request.json == {"id": "o-1"}
    assert request.headers == {"Authorization": "Bearer ", "X-Api-Key": "s3cret"}
    assert request.url.endswith("/orders")


def test_a_body_whose_value_is_missing_is_none() -> None:
    """Without a body there is no content type either."""
    request = sent(definition(json={"@path": "$.payload.extra"}), {"id": "o-1"})
    assert request.json is MISSING
    assert request.content() == (None, None)


def test_a_form() -> None:
    """A form takes text, numbers, booleans and lists of them, in JavaScript's spelling."""
    made = definition(
        json=None, form={"a": True, "b": [1.0, "x"], "c": None, "d": {"@path": "$.payload.total"}}
    )
    request = sent(made, {"id": "o-1", "total": 1e21})
    assert request.content() == (b"a=true&b=1&b=x&d=1e%2B21", "application/x-www-form-urlencoded")


def test_a_batch_is_one_request() -> None:
    """The batch's request is written over all payloads, and its answer counts for all events."""
    events = [make_event(userId="a"), make_event(type="page"), make_event(userId="b")]
    report, requests = run(DEFINITION, lambda engine: engine.send_batch(events))
    assert [(request.method, request.url, request.json) for request in requests] == [
        ("PUT", "https://eu.shop.example/v1/orders/batch", [{"id": "a"}, {"id": "b"}])
    ]
    assert [node.status for node in report.results[0].nodes] == [200, 400, 200]


def test_the_test_of_settings_and_the_deletion_are_requests_too() -> None:
    """Both go to the base, with its headers."""
    result, requests = run(DEFINITION, lambda engine: engine.test_authentication("shop"))
    assert result.ok
    assert (requests[0].method, requests[0].url) == ("GET", "https://eu.shop.example/v1/me")
    report, requests = run(DEFINITION, lambda engine: engine.delete(user_id="a/b c"))
    assert report.ok
    assert (requests[0].method, requests[0].url) == ("DELETE", "https://eu.shop.example/v1/people/a%2Fb+c")
    assert requests[0].headers["X-Api-Key"] == "s3cret"


def test_a_header_of_its_own_wins_over_the_base() -> None:
    """Names of headers are the same in whatever case."""
    request = sent(definition(headers={"authorization": "Own", "x-n": 5}), {"id": "o-1"})
    assert request.headers == {"authorization": "Own", "x-n": "5", "X-Api-Key": "s3cret"}


def test_an_absolute_url_takes_nothing_from_the_base() -> None:
    """The keys of the base do not go to wherever an event says."""
    made = definition(url={"@path": "$.payload.anything"})
    request = sent(made, {"id": "o-1", "anything": "https://else.example/x"})
    assert request.url.startswith("https://else.example/x?")
    assert request.headers == {}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/a b/ü?x=ä|b", "/a%20b/%C3%BC?x=%C3%A4%7Cb"),
        ("/a%2Fb/c+d?e=f&g[]=h", "/a%2Fb/c+d?e=f&g[]=h"),
        ("/a\r\nX-Y: z", "/a%0D%0AX-Y:%20z"),
        ("/\ud800", "/%ED%A0%80"),
        ("a/b", "/a/b"),
    ],
)
def test_what_no_url_may_hold_is_encoded(url: str, expected: str) -> None:
    """Blanks, line breaks and letters beyond ASCII are percent-encoded; what is encoded stays."""
    request = sent(
        definition(params=None, url={"@path": "$.payload.anything"}), {"id": "o-1", "anything": url}
    )
    assert request.url == f"https://eu.shop.example/v1{expected}"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"method": {"@path": "$.payload.anything"}}, "method must be a string but is missing"),
        ({"method": "PO ST"}, "method must be one word"),
        ({"method": "CONNECT"}, "method must be one word"),
        ({"url": {"@path": "$.payload.anything"}}, "url must be a string but is missing"),
        ({"url": "https://a b/"}, "no host that there can be"),
        ({"url": "https://a\r\nX: y/"}, "no host that there can be"),
        ({"url": {"@path": "$.payload.extra"}}, "url must be a string but is an object"),
        ({"headers": {"@path": "$.payload.tags"}}, "headers must be an object but is a list"),
        ({"headers": {"X": {"@path": "$.payload.tags"}}}, "header X must be a string but is a list"),
        ({"headers": {"Content-length": 5}}, "header Content-length is not for"),
        ({"headers": {"host": "x"}}, "header host is not for"),
        ({"headers": {"X": "a\r\nY: b"}}, "line break"),
        ({"params": {"@path": "$.payload.tags"}}, "params must be an object but is a list"),
        ({"params": {"x": [[1]]}}, "params.x must be a string but is a list"),
        ({"params": {"x": {"y": 1}}}, "params.x must be a string but is an object"),
        ({"json": None, "form": {"@path": "$.payload.id"}}, "form must be an object but is a string"),
        ({"json": {"x": {"@case": {"operator": "other", "value": "x"}}}}, "other"),
    ],
)
def test_what_does_not_fit_is_an_error_of_that_event(parts: JsonObject, said: str) -> None:
    """What events and settings make of a request has to be one; trying again cannot help."""
    error = refused(definition(**parts), {"id": "o-1", "tags": ["a", "b"], "extra": {"k": 1}})
    assert said in str(error)
    assert not error.retryable


def test_a_base_that_is_no_url_is_an_error_that_shows_no_setting() -> None:
    """The text may hold a secret, so the message does not quote it."""
    made = definition()
    made["request"]["baseUrl"] = {"@path": "$.settings.apiKey"}
    error = refused(made, {"id": "o-1"})
    assert isinstance(error, SettingsError)
    assert "baseUrl must begin with https:// or http://" in str(error)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("url", ["/orders", "file:///etc/passwd", "ftp://shop.example/", "//shop.example/"])
def test_without_a_base_a_url_is_absolute(url: str) -> None:
    """Only HTTP is spoken, and nothing else completes the URL."""
    made = definition(url=url)
    del made["request"]
    del made["testAuthentication"]
    del made["onDelete"]
    assert "must begin with https:// or http://" in str(refused(made, {"id": "o-1"}))


def test_secrets_are_masked() -> None:
    """Results show neither the settings' secrets nor the token, in the URL and the body either."""
    made = definition(
        json={"key": {"@path": "$.settings.apiKey"}}, params={"t": {"@path": "$.auth.accessToken"}}
    )
    report, _ = run(made, lambda engine: engine.send(make_event()))
    shown = report.results[0].request
    assert shown.json == {"key": "***"}
    assert shown.headers == {"Authorization": "Bearer ***", "X-Api-Key": "***"}
    assert shown.url.partition("?")[2] == "t=***"


def test_a_dry_run_shows_the_request() -> None:
    """`explain` gives the exact request, and says what would be refused."""
    explanation, requests = run(DEFINITION, lambda engine: engine.explain(make_event()))
    (delivery,) = explanation.deliveries
    assert (delivery.request.url.partition("?")[0], requests) == ("https://eu.shop.example/v1/orders", [])
    made = definition(url="http://169.254.169.254/x")
    explanation, _ = run(made, lambda engine: engine.explain(make_event()))
    assert "allowPrivateAddresses" in explanation.deliveries[0].reason


def test_functions_and_requests_share_a_destination() -> None:
    """What the definition does not write, a function does."""
    made = definition()
    made["actions"]["refund"] = {"title": "Refund", "fields": {}}
    destination = load_destination(made)

    @destination.action("refund")
    def refund() -> Request:
        return Request("POST", "/refunds")

    report, requests = run(
        destination,
        lambda engine: engine.send(make_event()),
        subscriptions=[{"partnerAction": "refund", "subscribe": TRACK}],
    )
    assert report.ok
    assert requests[0].url == "https://eu.shop.example/v1/refunds"


def test_a_function_may_prepare_what_is_written() -> None:
    """In place of a base, a function completes the requests."""
    made = definition()
    del made["request"]
    destination = load_destination(made)

    @destination.prepare
    def prepare(request: Request) -> Request:
        return request.with_base("https://prepared.example")

    _, requests = run(destination, lambda engine: engine.send(make_event()))
    assert requests[0].url.startswith("https://prepared.example/orders")


BARE: JsonObject = {"slug": "shop", "name": "Shop", "actions": {"order": {"title": "Order", "fields": {}}}}
GET: JsonObject = {"method": "GET", "url": "http://10.0.0.1/"}


@pytest.mark.parametrize(
    ("made", "guarded"),
    [
        (BARE, False),
        ({**BARE, "urlsFromUsers": False}, False),
        ({**BARE, "urlsFromUsers": True}, True),
        ({**BARE, "request": {"baseUrl": "https://x.example"}}, True),
        ({**BARE, "testAuthentication": GET}, True),
        ({**BARE, "onDelete": GET, "urlsFromUsers": False}, True),
        ({**BARE, "request": {"baseUrl": "https://x.test"}, "urlsFromUsers": False}, False),
        ({**BARE, "request": {"baseUrl": "https://x.test"}, "onDelete": GET, "urlsFromUsers": False}, True),
        ({**BARE, "request": {"baseUrl": "https://x.test"}, "onDelete": {**GET, "url": "/x"}}, True),
        (
            {
                **BARE,
                "request": {"baseUrl": "https://x.test"},
                "onDelete": {**GET, "url": "/x"},
                "urlsFromUsers": False,
            },
            False,
        ),
        ({**BARE, "actions": {"order": {"title": "Order", "fields": {}, "request": GET}}}, True),
        ({**BARE, "actions": {"order": {"title": "Order", "fields": {}, "batchRequest": GET}}}, True),
    ],
)
def test_who_may_reach_public_addresses_only(made: JsonObject, guarded: bool) -> None:  # noqa: FBT001 - a case
    """Any definition that writes a request, unless settings alone choose the host."""
    assert load_destination(made).spec.public_addresses_only is guarded


@pytest.mark.parametrize(
    ("allowed", "code"), [(None, "ADDRESS_NOT_ALLOWED"), (False, "ADDRESS_NOT_ALLOWED"), (True, None)]
)
def test_an_instance_may_allow_private_addresses(allowed: bool | None, code: str | None) -> None:  # noqa: FBT001  # a table of cases
    """Also a definition whose functions make the URLs is bound by that; a refusal reaches no transport."""
    destination = load_destination({**BARE, "urlsFromUsers": True})

    @destination.action("order")
    def order() -> Request:
        return Request("GET", "http://10.0.0.1/")

    report, requests = run(
        destination, lambda engine: engine.send(make_event()), settings={}, allowPrivateAddresses=allowed
    )
    error = report.results[0].error
    assert (error and error.code, len(requests)) == (code, int(code is None))


def test_the_permission_is_true_or_false() -> None:
    """Anything else is a fault of the workspace."""
    with pytest.raises(WorkspaceError, match="allowPrivateAddresses"):
        run(DEFINITION, lambda engine: engine.send(make_event()), allowPrivateAddresses="yes")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PARTS = ("method", "url", "headers", "params", "json", "form")
ANY = load_destination(
    {
        **BARE,
        "actions": {
            "order": {
                "title": "Order",
                "fields": {part: {"label": part, "type": "object"} for part in PARTS},
                "request": {part: {"@path": f"$.payload.{part}"} for part in PARTS if part != "form"},
                "batchRequest": {
                    part: {"@path": f"$.payloads[0].{part}"} for part in PARTS if part != "json"
                },
            }
        },
    }
)


@settings(deadline=None, max_examples=examples(200))
@given(
    st.fixed_dictionaries(
        {
            "method": st.just("post") | VALUES,
            "url": st.text(max_size=9).map("https://x{}".format) | VALUES,
        },
        optional=dict.fromkeys(PARTS[2:], VALUES),
    )
)
def test_whatever_comes_out_is_a_request_or_an_error_of_ours(payload: JsonObject) -> None:
    """No value of an event makes a request that cannot be told from a good one, or a crash."""
    context = Context(Scope("one"), {})
    calls = (
        lambda: ANY.handlers["order"].call(payload, context),
        lambda: ANY.batch_handlers["order"].call({"payloads": [payload]}, context),
    )
    for call in calls:
        try:
            request = call().complete()
            request.content()
        except ActionsError as error:
            assert not error.retryable  # noqa: PT017 - either outcome is right, but not another error
        else:
            assert request.url.startswith(("https://", "http://"))
            assert request.url.partition("://")[2].partition("/")[2].isascii()
            assert not any(blank in request.url.partition("://")[2] for blank in "\r\n ")
