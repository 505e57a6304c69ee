"""Webhook: delivers, signs, and reaches no address that its instance does not allow."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_webhook import destination

from actions_core import Engine, Registry, Request, Response, Workspace
from actions_core.testing import LoopbackServer, RecordingTransport, make_event, run_cases

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject
    from tests.conftest import Network

HERE = Path(__file__).parent
PUBLISHED = json.loads((HERE / "published.json").read_text(encoding="utf-8"))
PUBLIC = "93.184.216.34"
REFUSED = "ADDRESS_NOT_ALLOWED"


def engine_for(
    url: str, *, mapping: JsonObject | None = None, transport: Any = None, **instance: Any
) -> Engine:
    """An engine with one webhook."""
    registry = Registry()
    registry.register(destination)
    default = destination.spec.actions["send"].default_mapping
    configured = {
        "id": "hook",
        "destination": "actions-webhook",
        "settings": {"sharedSecret": "shared"},
        "subscriptions": [
            {
                "partnerAction": "send",
                "subscribe": 'type = "track"',
                "mapping": {**default, "url": url, **(mapping or {})},
            }
        ],
        "delivery": {"retry": {"tries": 3, "base": 0}},
        **instance,
    }
    workspace = Workspace.from_dict({"destinations": [configured]})
    return Engine(workspace, registry=registry, transport=transport)


class Hook:
    """A server on loopback that keeps the bytes it got; `PORT` in URLs stands for its port."""

    def __init__(self, answer: Response | None = None) -> None:
        self.answer = answer or Response(200, {}, b'{"ok":true}')
        self.requests: list[Request] = []

    def send(self, url: str, *, batch: list[JsonObject] | None = None, **options: Any) -> Any:
        """The only result of one event, or of a batch of them."""

        async def serve(_request: Request) -> Response:
            return self.answer

        async def scenario() -> Any:
            async with LoopbackServer(serve) as server:
                there = url.replace("PORT", server.url.rpartition(":")[2])
                async with engine_for(there, **options) as engine:
                    if batch is None:
                        report: Any = await engine.send(make_event())
                    else:
                        report = await engine.send_batch(batch)
                self.requests = list(server.requests)
                return report.results[0]

        return asyncio.run(scenario())


def signature(body: bytes) -> str:
    """The signature as whoever receives the request works it out."""
    return hmac.new(b"shared", body, hashlib.sha1).hexdigest()


def test_cases() -> None:
    """Each case becomes the request that it names, or the problems."""
    assert run_cases(destination, HERE / "cases") == 9


def test_it_is_found_among_the_installed_destinations() -> None:
    """The distribution brings it along, without a fault and without a warning."""
    assert Registry().discover().get("actions-webhook") is destination
    assert destination.check() == []


def test_it_has_what_the_published_one_has() -> None:
    """A mapping made for Segment's webhook works here: settings and fields have its keys and types."""
    spec = destination.spec
    assert set(spec.settings) == set(PUBLISHED["settings"])
    found = {
        key: {
            "type": field.type,
            "required": field.required is True,
            "multiple": field.multiple,
            "default": spec.actions["send"].default_mapping.get(key),
        }
        for key, field in spec.actions["send"].fields.items()
    }
    assert found == PUBLISHED["fields"]
    choices = {choice.value for choice in spec.actions["send"].fields["method"].choices or ()}
    assert choices >= set(PUBLISHED["methods"])


def test_it_delivers_and_signs_what_goes_over_the_wire() -> None:
    """The signature is that of the bytes which the server got."""
    hook = Hook()
    result = hook.send(
        "http://127.0.0.1:PORT/in?a=b",
        allowPrivateAddresses=True,
        mapping={"data": {"b": "Jürgen 😀", "a": 1.5, "c": [None, True]}, "headers": {"X-Source": "shop"}},
    )
    assert result.ok
    (got,) = hook.requests
    sent = '{"b":"Jürgen 😀","a":1.5,"c":[null,true]}'.encode()
    assert (got.method, got.url.partition("/in")[2], got.headers["x-source"]) == ("POST", "?a=b", "shop")
    assert int(got.headers["content-length"]) == len(sent)
    assert got.headers["x-signature"] == signature(sent)
    assert got.json == {"b": "Jürgen 😀", "a": 1.5, "c": [None, True]}


def test_results_do_not_show_the_signature() -> None:
    """Neither the secret nor what is made of it is shown."""
    result = Hook().send("http://127.0.0.1:PORT/", allowPrivateAddresses=True)
    assert result.request.headers["X-Signature"] == "***"


def test_without_a_secret_or_without_a_body_nothing_is_signed() -> None:
    """There is nothing to sign, or nothing to sign it with."""
    for options in ({"settings": {}}, {"mapping": {"data": None, "method": "GET"}}):
        hook = Hook()
        assert hook.send("http://127.0.0.1:PORT/", allowPrivateAddresses=True, **options).ok
        assert "x-signature" not in hook.requests[0].headers


def test_a_batch_is_a_list_and_signed_as_such() -> None:
    """Events with the same URL, method and headers go together; one without data is an empty object."""
    hook = Hook()
    mapping = {
        "data": {"@path": "$.properties.data"},
        "headers": {"X-Kind": {"@path": "$.properties.kind"}},
    }
    events = [
        make_event(properties={"data": {"n": 1}, "kind": "a"}),
        make_event(properties={"data": {"n": 2}, "kind": "b"}),
        make_event(properties={"kind": "a"}),
        make_event(properties={"data": {"n": 3}, "kind": "a"}),
    ]
    result = hook.send("http://127.0.0.1:PORT/", batch=events, allowPrivateAddresses=True, mapping=mapping)
    assert [node.status for node in result.nodes] == [200] * 4
    got = sorted((request.headers["x-kind"], request.json) for request in hook.requests)
    assert got == [("a", [{"n": 1}, {}, {"n": 3}]), ("b", [{"n": 2}])]
    for request in hook.requests:
        body = json.dumps(request.json, separators=(",", ":")).encode()
        assert request.headers["x-signature"] == signature(body)


CLOSED = [
    "http://127.0.0.1:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]:PORT/",
    "http://localhost:PORT/",
    "http://127.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://224.0.0.1/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://user:key@127.0.0.1:PORT/",
]
OTHERWISE = [
    "http://１２７.０.０.１:PORT/",  # noqa: RUF001 - full-width digits
    "http://127。0。0。1:PORT/",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("url", CLOSED)
def test_private_addresses_are_refused(url: str) -> None:
    """In whatever notation: nothing arrives, and it is not tried again. In a batch the same."""
    hook = Hook()
    result = hook.send(url)
    assert (result.error.code, result.error.retryable, result.tries) == (REFUSED, False, 0)
    assert hook.requests == []
    (node,) = hook.send(url, batch=[make_event()]).nodes
    assert (node.status, node.errortype, hook.requests) == (400, REFUSED, [])


@pytest.mark.parametrize("url", OTHERWISE)
def test_other_ways_to_write_them_reach_nothing_either(url: str) -> None:
    """What is no URL in ASCII does not even fit the field, and nothing but HTTP is spoken."""
    hook = Hook()
    error = hook.send(url).error
    assert not error.retryable
    assert hook.requests == []


@pytest.mark.parametrize("url", CLOSED[:2])
def test_a_transport_of_the_hosts_own_does_not_get_to_see_them(url: str) -> None:
    """What a URL says outright is refused before any transport."""

    async def scenario() -> None:
        transport = RecordingTransport()
        async with engine_for(url.replace("PORT", "80"), transport=transport) as engine:
            report = await engine.send(make_event())
        assert report.results[0].error is not None
        assert report.results[0].error.code == REFUSED
        assert transport.requests == []

    asyncio.run(scenario())


def test_a_name_that_leads_there_is_refused(network: Network) -> None:
    """Where a name leads shows when the connection is made, and then none is."""
    network.names = {"hook.example": ["127.0.0.1", "::1"]}
    hook = Hook()
    result = hook.send("http://hook.example:PORT/")
    assert (result.error.code, result.error.retryable, result.tries) == (REFUSED, False, 1)
    assert (hook.requests, network.connections) == ([], [])


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:1/", "http://169.254.169.254/", "http://[::1]:1/", "http://in.example/"]
)
def test_a_redirect_that_leads_there_is_refused(target: str, network: Network) -> None:
    """A public server may send us on, but not to where we may not go."""
    network.names = {"hook.example": [PUBLIC], "in.example": ["10.0.0.7"]}
    network.routes = {PUBLIC: "127.0.0.1"}
    hook = Hook(Response(307, {"Location": target}))
    result = hook.send("http://hook.example:PORT/")
    # Where only the name leads there, the body stops the redirect before the name is looked up.
    code = "REDIRECT_NOT_FOLLOWED" if "in.example" in target else REFUSED
    assert (result.error.code, result.error.retryable) == (code, False)
    assert (len(hook.requests), network.connections) == (1, [PUBLIC])


def test_the_body_is_what_json_stringify_writes() -> None:
    """A receiver that reads the body, and signs what JSON.stringify makes of it, gets the same signature."""
    data = {"total": 42.0, "tiny": 1e-07, "huge": 1e21, "text": "é\u2028\ud800", "nothing": None}
    hook = Hook()
    assert hook.send("http://127.0.0.1:PORT/", allowPrivateAddresses=True, mapping={"data": data}).ok
    written = '{"total":42,"tiny":1e-7,"huge":1e+21,"text":"é\u2028\\ud800","nothing":null}'.encode()
    (got,) = hook.requests
    assert got.headers["x-signature"] == signature(written)
    assert int(got.headers["content-length"]) == len(written)


def test_an_instance_that_allows_them_reaches_them(network: Network) -> None:
    """With the permission names, redirects and addresses lead anywhere."""
    network.names = {"hook.example": ["127.0.0.1"]}
    network.routes = {"127.0.0.1": "127.0.0.1"}
    for url in ("http://127.0.0.1:PORT/", "http://hook.example:PORT/"):
        hook = Hook()
        assert hook.send(url, allowPrivateAddresses=True).ok
        assert len(hook.requests) == 1
