"""The tester's protocol, as Segment's hosted tester and scripts use it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from actions_core import DefinitionError, Response, TransportError, load_destination
from actions_core.apps.server.tester.server import ORIGINS

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "very-secret-key"
SETTINGS = {"apiKey": SECRET, "region": "eu", "oauth": {"access_token": "token-1"}}
TESTER = "https://app.segment.com"


def text(**options: Any) -> dict[str, Any]:
    """A field that holds text."""
    return {"label": "L", "description": "D", "type": "string", **options}


def answer(value: Any, status: int = 200) -> Response:
    """A response of the API."""
    return Response(status, {"content-type": "application/json", "x-key": SECRET}, json.dumps(value).encode())


def test_manifest(run: Callable[..., Any]) -> None:
    """The manifest is the definition, from which the tester draws its forms, and the name of its folder."""
    status, _, found = run(lambda tester: tester.call("GET", "/manifest"))
    assert status == 200
    assert found["directoryName"] == "actions_everything"
    assert found["slug"] == "everything"
    assert found["actions"]["sendThing"]["fields"]["name"]["default"] == {"@path": "$.event"}
    assert found["authentication"]["fields"]["apiKey"]["type"] == "password"
    assert list(found["actions"]["sendThing"]["hooks"]) == ["onMappingSave"]


AUTHENTICATIONS: list[tuple[str, Any, list[Any], Any]] = [
    ("good", SETTINGS, [answer({})], {"ok": True}),
    ("what stands beside settings", {**SETTINGS, "subscriptions": []}, [answer({})], {"ok": True}),
    (
        "refused",
        SETTINGS,
        [answer({"no": SECRET}, 403)],
        {"ok": False, "error": 'Credentials are invalid: 403 {"no": "***"}', "fields": {}},
    ),
    (
        "not valid",
        {"apiKey": "k", "region": "mars"},
        [],
        {
            "ok": False,
            "error": "$.region: Region must be one of the allowed values: eu, us",
            "fields": {"region": "Region must be one of the allowed values: eu, us"},
        },
    ),
]


@pytest.mark.parametrize(
    ("body", "responses", "expected"),
    [case[1:] for case in AUTHENTICATIONS],
    ids=[c[0] for c in AUTHENTICATIONS],
)
def test_authenticate(body: Any, responses: list[Any], expected: Any, post: Callable[..., Any]) -> None:
    """Settings stand bare in the body; the response is always a 200 that says whether they are good."""
    status, found = post("/authenticate", body, responses)
    assert status == 200
    if "region" in expected.get("fields", {}):
        assert (found["ok"], list(found["fields"])) == (False, ["region"])
        assert found["error"] == f"$.region: {found['fields']['region']}"
    else:
        assert found == expected


def test_authentication_as_documented(run: Callable[..., Any]) -> None:
    """`/authentication` takes the settings wrapped, and the tokens beside them."""

    async def check(tester: Any) -> None:
        body = {"settings": SETTINGS, "oauth": {"access_token": "token-1"}}
        assert await tester.post("/authentication", body) == (200, {"ok": True})
        assert tester.api.requests[0].headers["authorization"] == "Bearer token-1"

    run(check)


def test_an_action(post: Callable[..., Any]) -> None:
    """The response has an exchange for each response that the action saw, its secrets masked."""
    event = {"type": "track", "event": "Order Completed", "userId": "u"}
    body = {"payload": event, "settings": SETTINGS, "auth": {"accessToken": "token-1"}}
    status, found = post("/sendThing", body, [answer({"key": SECRET}), Response(204)])
    assert status == 200
    first, second = found
    assert first["request"] == {
        "url": "https://api.test/first",
        "method": "POST",
        "headers": {
            "authorization": "<redacted>",
            "x-note": "<redacted>",
            "x-plain": "plain",
            "content-type": "application/json",
        },
        "body": '{"name":"Order Completed","key":"***"}',
    }
    assert first["response"] == {
        "statusCode": 200,
        "statusMessage": "OK",
        "headers": {"content-type": "application/json", "x-key": "<redacted>"},
        "body": {"key": "***"},
    }
    assert (second["response"]["statusCode"], second["response"]["body"]) == (204, "")


MAPPINGS: list[tuple[str, Any, Any, Any]] = [
    ("the defaults", {"event": "E"}, None, "E"),
    ("what is given, over the defaults", {"event": "E"}, {"name": "given"}, "given"),
    ("a condition is not asked", {"type": "page", "event": "E"}, {}, "E"),
]


@pytest.mark.parametrize(
    ("event", "mapping", "name"), [case[1:] for case in MAPPINGS], ids=[c[0] for c in MAPPINGS]
)
def test_mappings(event: Any, mapping: Any, name: str, post: Callable[..., Any]) -> None:
    """The mapping is that of the request over the defaults of the fields."""
    _, found = post("/sendThing", {"payload": event, "mapping": mapping, "settings": SETTINGS})
    assert json.loads(found[0]["request"]["body"])["name"] == name


def test_without_a_mapping_the_event_is_one(post: Callable[..., Any]) -> None:
    """Where there is neither a mapping nor a default, the payload itself is the mapping."""
    _, found = post("/single", {"payload": {"name": "own", "other": 1}, "settings": SETTINGS})
    assert json.loads(found[0]["request"]["body"]) == {"name": "own"}


def test_a_list_is_a_batch(post: Callable[..., Any]) -> None:
    """A list goes to the function for batches; an action that has none is a fault."""
    body = {"payload": [{"event": "A"}, {"event": "B"}], "settings": SETTINGS}
    _, found = post("/sendThing", body)
    (exchange,) = found
    assert exchange["request"]["body"] == '["A","B"]'
    status, found = post("/single", body)
    assert status == 200
    assert "takes no batches" in found[0]["message"]


FAULTS: list[tuple[str, str, Any, list[Any], Any]] = [
    (
        "a refusal",
        "/sendThing",
        {"payload": {"event": "E"}, "settings": SETTINGS},
        [answer({}), answer({"bad": SECRET}, 422)],
        {"statusCode": 422, "message": '{"bad": "***"}', "requestError": True},
    ),
    (
        "no response",
        "/single",
        {"settings": SETTINGS},
        [TransportError("refused")],
        {"statusCode": 500, "message": "refused", "requestError": True},
    ),
    (
        "a deletion",
        "/delete",
        {"payload": {"userId": "u"}, "settings": SETTINGS},
        [Response(404, {}, b"none")],
        {"statusCode": 404, "message": "none", "requestError": True},
    ),
]


@pytest.mark.parametrize(
    ("path", "body", "responses", "expected"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_faults(path: str, body: Any, responses: list[Any], expected: Any, post: Callable[..., Any]) -> None:
    """What fails is a 200 with one fault: status, message of the API, and nothing secret."""
    assert post(path, body, responses) == (200, [expected])


def test_faults_of_fields(post: Callable[..., Any]) -> None:
    """A payload and settings that do not fit name each field."""
    _, (found,) = post("/sendThing", {"payload": {"event": {"no": 1}}, "settings": SETTINGS})
    assert (found["statusCode"], list(found["fields"])) == (400, ["name"])
    _, (found,) = post("/sendThing", {"payload": {"event": "E"}, "settings": {"region": 5}})
    assert found["statusCode"] == 400
    assert found["fields"]


def test_a_bug_in_a_handler(post: Callable[..., Any]) -> None:
    """An error of the code is a fault that names file and line, but neither folder nor secret."""
    _, (found,) = post("/sendThing", {"payload": {"event": "broken"}, "settings": SETTINGS})
    assert found["statusCode"] == 500
    assert "ValueError: no such ***" in found["message"]
    assert "(conftest.py:" in found["message"]
    assert "/tester/" not in found["message"]


def test_environment_variables_are_not_read(post: Callable[..., Any]) -> None:
    """Settings of a request cannot name a variable of this machine."""
    body = {"payload": {"event": "E"}, "settings": {"apiKey": {"$env": "HOME"}}}
    _, (found,) = post("/sendThing", body)
    assert (found["statusCode"], list(found["fields"])) == (400, ["apiKey"])


def test_environment_variables_are_not_read_by_mappings(post: Callable[..., Any]) -> None:
    """The mapping of a request cannot name a variable of this machine either."""
    body = {"payload": {"event": "E"}, "settings": SETTINGS, "mapping": {"name": {"$env": "HOME"}}}
    _, (found,) = post("/sendThing", body)
    assert "mapping.name: the environment variable HOME is not set" in found["message"]


def test_refresh(post: Callable[..., Any], make: Callable[..., Any]) -> None:
    """New tokens come in the response; another scheme, and a refusal, are a 400."""
    body = {"settings": SETTINGS, "refreshToken": "r-1", "clientId": "c"}
    fresh = answer({"access": "a-2", "refresh": "r-2"})
    data = {"accessToken": "a-2", "refreshToken": "r-2"}
    assert post("/refreshAccessToken", body, [fresh]) == (200, {"ok": True, "data": data})
    status, found = post("/refreshAccessToken", body, [Response(400, {}, b"expired r-1")])
    assert (status, found) == (400, {"ok": False, "error": "expired ***"})
    fields = {"apiKey": text(type="password", required=True), "region": text()}
    custom = make(authentication={"scheme": "custom", "fields": fields})
    status, found = post("/refreshAccessToken", body, destination=custom)
    assert (status, found["ok"]) == (400, False)


def test_audiences(post: Callable[..., Any]) -> None:
    """An audience's id is the response, and what fails is a 400 without the secret."""
    body = {"settings": SETTINGS, "audienceName": "VIP"}
    assert post("/createAudience", body, [answer({"id": "a-1"})]) == (200, {"externalId": "a-1"})
    status, found = post("/getAudience", {"settings": SETTINGS, "externalId": "a-9"})
    assert (status, found) == (400, {"ok": False, "error": "there is no a-9 for ***"})


def test_choices(post: Callable[..., Any]) -> None:
    """Choices of fields, of children in lists, and of a hook's inputs; an error is a 500 with a list."""
    body: dict[str, Any] = {"settings": SETTINGS, "page": 2}
    choices = [{"label": "L", "value": "v"}]
    expected = {"choices": choices, "nextPage": "3"}
    assert post("/sendThing/list", body, [answer({"lists": choices})]) == (200, expected)
    given = {**body, "payload": {"of": "p"}}
    one = {"choices": [{"label": "4", "value": "p"}]}
    assert post("/sendThing/items.%5B4%5D.sku", given) == (200, one)
    index = {**given, "dynamicFieldContext": {"selectedArrayIndex": 4}}
    assert post("/sendThing/items.[].sku", index) == (200, one)
    path = "/sendThing/hooks/onMappingSave/dynamic/title"
    inputs = {**body, "hookInputs": {"title": "t"}}
    assert post(path, inputs) == (200, {"choices": [{"label": "T", "value": "t"}]})
    status, found = post("/sendThing/nothing", body)
    assert (status, found[0]["code"]) == (500, "404")
    status, found = post("/sendThing/list", body, [Response(403, {}, b"no")])
    assert (status, found[0]["code"]) == (500, "403")


def test_hooks(post: Callable[..., Any]) -> None:
    """A hook's outputs are what is saved; inputs that do not fit are a 500 with a list."""
    body = {"settings": SETTINGS, "hookInputs": {"title": "t"}}
    path = "/sendThing/hooks/onMappingSave"
    assert post(path, body, [answer({"id": "l-1"})]) == (200, {"savedData": {"id": "l-1"}})
    status, found = post(path, {"settings": SETTINGS})
    assert (status, found[0]["code"]) == (500, "PAYLOAD_VALIDATION_FAILED")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/SENDTHING", 200),
        ("/sendThing/", 200),
        ("/Authenticate", 200),
        ("/nothing", 404),
        ("/", 404),
        ("/sendThing/hooks/other", 404),
        ("/sendThing/hooks/other/dynamic/x", 404),
        ("/sendThing/a/b/c/d/e", 404),
    ],
)
def test_paths(path: str, status: int, post: Callable[..., Any]) -> None:
    """Paths have any case and may end with a slash; what the definition does not have is a 404."""
    assert post(path, {"payload": {"event": "E"}, **SETTINGS})[0] == status


def test_what_a_destination_does_not_have(post: Callable[..., Any]) -> None:
    """Routes exist for what there is a function for."""
    bare = load_destination(
        {
            "slug": "bare",
            "name": "Bare",
            "mode": "cloud",
            "actions": {"act": {"title": "A", "description": "D", "fields": {}}},
        }
    )
    for path in ("/delete", "/createAudience", "/getAudience"):
        assert post(path, {}, destination=bare)[0] == 404
    assert post("/authenticate", {}, destination=bare) == (200, {"ok": True})


def test_bodies(run: Callable[..., Any]) -> None:
    """Only JSON that says so is read; broken JSON is a 400."""

    async def check(tester: Any) -> None:
        headers = {"Content-Type": "application/json"}
        for data in ("{", "[1]", '{"a": NaN}'):
            assert (await tester.call("POST", "/authenticate", data, **headers))[0] == 400
        status, _, found = await tester.call(
            "POST", "/authenticate", json.dumps(SETTINGS), **{"Content-Type": "text/plain"}
        )
        assert (status, found["ok"]) == (200, False)

    run(check)


def test_pages(run: Callable[..., Any]) -> None:
    """Segment's own pages may use it; any other page is refused, and so are foreign names."""

    async def check(tester: Any) -> None:
        asked = {
            "Origin": TESTER,
            "Access-Control-Request-Headers": "content-type,x-any",
            "Access-Control-Request-Private-Network": "true",
        }
        status, headers, _ = await tester.call("OPTIONS", "/sendThing", **asked)
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, TESTER)
        assert headers["Access-Control-Allow-Headers"] == "content-type,x-any"
        assert headers["Access-Control-Allow-Private-Network"] == "true"
        assert "Access-Control-Allow-Credentials" not in headers
        for origin in sorted(ORIGINS):
            assert (await tester.call("GET", "/manifest", Origin=origin))[0] == 200
        for origin in ("https://evil.example", "null", f"{TESTER}.evil.example", "http://app.segment.com"):
            for method in ("OPTIONS", "GET"):
                status, headers, _ = await tester.call(method, "/manifest", Origin=origin)
                assert status == 403
                assert "Access-Control-Allow-Origin" not in headers
        for host in ("evil.example", "127.0.0.1.evil.example:3000"):
            assert (await tester.call("GET", "/manifest", Host=host))[0] == 403
        assert tester.api.requests == []

    run(check)


def test_whoever_listens_is_told_of_changes(run: Callable[..., Any]) -> None:
    """A WebSocket at the next port says `change`, and nothing else; foreign pages do not get one."""

    async def check(tester: Any) -> None:
        address = f"http://127.0.0.1:{int(tester.server.url.rpartition(':')[2]) + 1}/"
        subject: Any = tester.server._subject
        async with tester.session.ws_connect(address, origin=TESTER) as page:
            subject.changed.set()
            assert (await page.receive(timeout=10)).data == "change"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await tester.session.ws_connect(address, origin="https://evil.example")
        async with tester.session.get(address) as reply:
            assert reply.status == 426

    run(check)


def test_settings_that_do_not_fit(post: Callable[..., Any]) -> None:
    """Each route says so in its own way, with the field where it has a place for it."""
    wrong = {"settings": {"region": "mars"}}
    status, (found,) = post("/delete", {**wrong, "payload": {"userId": "u"}})
    assert (status, found["requestError"], "region" in str(found["fields"])) == (200, True, True)
    assert post("/createAudience", {**wrong, "audienceName": "A"})[0] == 400
    assert post("/refreshAccessToken", wrong)[0] == 400
    assert post("/sendThing/list", wrong)[0] == 500
    assert post("/sendThing/hooks/onMappingSave", wrong)[0] == 500


@pytest.mark.parametrize("payload", [5, "text", [1], [[]]])
def test_payloads_that_are_no_events(payload: Any, post: Callable[..., Any]) -> None:
    """An event is an object, also in a list."""
    status, (found,) = post("/sendThing", {"payload": payload, "settings": SETTINGS})
    assert (status, found["statusCode"]) == (200, 400)
    assert "must be an event" in found["message"]


def test_a_batch_of_which_nothing_is_sent(post: Callable[..., Any]) -> None:
    """Where no payload fits, there is no exchange to show, but a fault."""
    status, (found,) = post("/sendThing", {"payload": [{}, {}], "settings": SETTINGS})
    assert (status, found["statusCode"], found["requestError"]) == (200, 400, True)
    assert "required" in found["message"]


def test_a_destination_that_cannot_be_loaded(run: Callable[..., Any]) -> None:
    """While there is a mistake in it, every response says which."""

    async def check(tester: Any) -> None:
        class Broken:
            @property
            def destination(self) -> Any:
                raise DefinitionError("handlers.py:3: a mistake")

        tester.server._subject = Broken()
        for method, path in (("GET", "/manifest"), ("POST", "/sendThing")):
            status, _, found = await tester.call(method, path)
            assert (status, found[0]["message"]) == (500, "handlers.py:3: a mistake")

    run(check)
