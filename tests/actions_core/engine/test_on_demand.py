"""OAuth, hooks, choices of fields and audiences."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actions_core import (
    Audience,
    AuthenticationError,
    Choices,
    Client,
    Context,
    DefinitionError,
    Destination,
    Engine,
    MultiStatus,
    Node,
    PayloadError,
    Registry,
    Request,
    RequestError,
    Response,
    Tokens,
    Workspace,
    load_destination,
)
from actions_core.testing import LoopbackServer, RecordingTransport, make_event

TRACK = 'type = "track"'


def text(**options: Any) -> dict[str, Any]:
    """A field that holds text."""
    return {"label": "L", "description": "D", "type": "string", **options}


def make_destination() -> Destination:  # noqa: C901 - one function for each kind that there is
    """A destination with OAuth, a hook, dynamic fields and audiences."""
    destination = load_destination(
        {
            "slug": "asks",
            "name": "Asks",
            "mode": "cloud",
            "authentication": {"scheme": "oauth2", "fields": {"url": text(required=True)}},
            "audienceConfig": {"mode": {"type": "synced", "full_audience_sync": False}},
            "audienceFields": {"kind": text(default="users")},
            "actions": {
                "add": {
                    "title": "Add",
                    "description": "D",
                    "fields": {
                        "name": text(default={"@path": "$.event"}),
                        "list": text(dynamic=True),
                        "data": {
                            "label": "L",
                            "description": "D",
                            "type": "object",
                            "properties": {"color": text(dynamic=True), "size": text()},
                        },
                        "items": {
                            "label": "L",
                            "description": "D",
                            "type": "object",
                            "multiple": True,
                            "properties": {"sku": text(dynamic=True)},
                        },
                    },
                    "hooks": {
                        "onMappingSave": {
                            "label": "Make a list",
                            "description": "D",
                            "inputFields": {"title": text(required=True, dynamic=True), "kind": text()},
                            "outputFields": {"id": text(required=True)},
                        }
                    },
                }
            },
        }
    )

    @destination.prepare
    def prepare(request: Request, context: Context) -> Request:
        token = context.auth.access_token
        return request.with_base(context.settings["url"]).with_headers({"authorization": f"Bearer {token}"})

    @destination.refresh_access_token
    async def refresh(
        refresh_token: str, client_id: str, client_secret: str, refresh_token_url: str, client: Client
    ) -> Tokens:
        form = {"refresh_token": refresh_token, "id": client_id, "secret": client_secret}
        answer = await client.send(Request("POST", refresh_token_url, form=form))
        return Tokens(answer.json["access"], answer.json.get("refresh"))

    @destination.action("add")
    def add(
        name: str | None = None,
        list: str | None = None,  # noqa: A002 - the field's name
        data: dict[str, Any] | None = None,
        items: Any = None,
        *,
        context: Context,
    ) -> Request:
        return Request("POST", "/add", json={"name": name, "hooks": dict(context.hook_outputs)})

    @destination.batch("add")
    async def add_many(payloads: list[Any], context: Context) -> MultiStatus:
        found = MultiStatus()
        for payload in payloads:
            expired = payload["name"] == "late" and context.auth.access_token == "old"
            found.append(
                Node(401, errortype="UNAUTHORIZED", errormessage="expired") if expired else Node(200)
            )
        batches.append([payload["name"] for payload in payloads])
        return found

    batches: list[list[str]] = []
    destination.batches = batches  # type: ignore[attr-defined] # for the test to look at

    @destination.hook("add", "onMappingSave")
    async def make_list(title: str, client: Client) -> dict[str, Any]:
        answer = await client.send(Request("POST", "/lists", json={"title": title}))
        return {"id": answer.json["id"]}

    @destination.dynamic_field("add", "title", hook="onMappingSave")
    def titles(hook_inputs: dict[str, Any], payload: dict[str, Any]) -> Choices:
        value = f"{hook_inputs.get('kind', 'plain')} {payload.get('name', '')}".strip()
        return Choices(({"label": "T", "value": value},))

    @destination.dynamic_field("add", "list")
    async def lists(query: str | None, page: str | None, client: Client) -> Choices:
        answer = await client.send(Request("GET", "/lists", params={"q": query, "page": page}))
        return Choices(tuple(answer.json["lists"]), answer.json.get("next"))

    @destination.dynamic_field("add", "data.__values__")
    def values(selected_key: str) -> Choices:
        return Choices(({"label": selected_key, "value": selected_key},))

    @destination.dynamic_field("add", "data.__keys__")
    def keys() -> Choices:
        return Choices(({"label": "Colour", "value": "color"},))

    @destination.dynamic_field("add", "items.[].sku")
    def skus(index: int, payload: dict[str, Any]) -> Choices:
        return Choices(({"label": str(index), "value": payload["of"]},))

    @destination.create_audience
    async def create(audience_name: str, audience_settings: dict[str, Any], client: Client) -> Audience:
        asked = {"name": audience_name, "kind": audience_settings["kind"]}
        return Audience((await client.send(Request("POST", "/audiences", json=asked))).json["id"])

    @destination.get_audience
    async def find(external_id: str, client: Client) -> Audience:
        return Audience((await client.send(Request("GET", f"/audiences/{external_id}"))).json["id"])

    return destination


def make_engine(
    transport: Any, destination: Destination | None = None, url: str = "", **options: Any
) -> Engine:
    """An engine with one instance of that destination, its token expired."""
    registry = Registry()
    registry.register(destination or make_destination())
    mapping = {
        "name": {"@path": "$.event"},
        "onMappingSave": {"inputs": {"title": "t"}, "outputs": {"id": "list-1"}},
    }
    oauth = {
        "access_token": "old",
        "refresh_token": "again",
        "clientId": "client-1",
        "clientSecret": "s3cret",
        "refresh_token_url": f"{url or 'https://auth.test'}/token",
    }
    instance = {
        "id": "one",
        "destination": "asks",
        "settings": {"url": url or "https://api.test", "oauth": oauth},
        "subscriptions": [{"partnerAction": "add", "subscribe": TRACK, "mapping": mapping}],
        "delivery": {"retry": {"tries": 1}},
    }
    return Engine(
        Workspace.from_dict({"destinations": [instance]}), registry=registry, transport=transport, **options
    )


class Guarded:
    """Answers 401 to any token but the new one, which it gives out once asked."""

    def __init__(self) -> None:
        self.refreshes = 0
        self.good = 0
        self.seen: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.seen.append(request)
        await asyncio.sleep(0.001)
        if request.url.startswith("https://auth.test"):
            self.refreshes += 1
            return Response(200, {}, b'{"access": "new", "refresh": "next"}')
        if request.headers["authorization"] != "Bearer new":
            return Response(401, {}, b"expired")
        self.good += 1
        return Response(200, {}, b"{}")

    async def close(self) -> None:
        pass


def test_one_refresh_serves_a_hundred_events() -> None:
    """A hundred events at once that meet an expired token cause one refresh, and all are sent."""
    guarded = Guarded()
    told: list[tuple[str, str, str | None]] = []

    async def scenario() -> list[bool]:
        def listen(instance: str, tokens: Tokens) -> None:
            told.append((instance, tokens.access_token, tokens.refresh_token))

        async with make_engine(guarded, on_token_refresh=listen) as engine:
            reports = await asyncio.gather(*(engine.send(make_event()) for _ in range(100)))
        return [report.ok for report in reports]

    assert asyncio.run(scenario()) == [True] * 100
    assert (guarded.refreshes, guarded.good) == (1, 100)
    assert told == [("one", "new", "next")]
    (asked,) = [request for request in guarded.seen if request.url.startswith("https://auth.test")]
    assert asked.form == {"refresh_token": "again", "id": "client-1", "secret": "s3cret"}
    assert "authorization" not in asked.headers


def test_a_refresh_that_fails_is_an_error_of_the_event() -> None:
    """Without a new token the event fails, says why, and shows no secret."""

    async def scenario() -> Any:
        transport = RecordingTransport([Response(401), Response(400, {}, b"bad secret s3cret")])
        async with make_engine(transport) as engine:
            return (await engine.send(make_event())).results[0]

    result = asyncio.run(scenario())
    assert isinstance(result.error, AuthenticationError)
    assert result.error.code == "OAUTH_REFRESH_FAILED"
    assert "s3cret" not in result.reason


def test_a_new_token_is_a_secret_too() -> None:
    """A token that was given out while the engine ran is masked in results."""

    async def scenario() -> Any:
        async with make_engine(Guarded()) as engine:
            await engine.send(make_event())
            return (await engine.send(make_event(event="new"))).results[0]

    result = asyncio.run(scenario())
    assert result.request.headers["authorization"] == "Bearer ***"
    assert result.request.json["name"] == "***"


def test_a_second_try_that_fails_is_the_failure_of_the_refused_items_only() -> None:
    """When the batch of refused items raises, the items that were taken before keep their success."""
    destination = make_destination()
    (add_many,) = [note for note in destination._notes if note.role == "batch"]
    destination._notes.remove(add_many)

    @destination.batch("add")
    async def fails_later(payloads: list[Any], context: Context) -> MultiStatus:
        if context.auth.access_token == "new":
            raise ValueError("no second time")
        return await add_many.function(payloads, context)  # type: ignore[no-any-return]  # it is the one above

    async def scenario() -> Any:
        async with make_engine(Guarded(), destination) as engine:
            events = [make_event(event=name) for name in ("a", "late", "b")]
            return (await engine.send_batch(events)).results[0]

    result = asyncio.run(scenario())
    assert [node.status for node in result.nodes] == [200, 500, 200]
    assert result.nodes[1].errortype == "HANDLER_FAILED"


def test_only_refused_items_of_a_batch_are_repeated() -> None:
    """Items that got a 401 are sent again with the new token; the others are not."""
    destination = make_destination()

    async def scenario() -> Any:
        async with make_engine(Guarded(), destination) as engine:
            events = [make_event(event=name) for name in ("a", "late", "b")]
            return (await engine.send_batch(events)).results[0]

    result = asyncio.run(scenario())
    assert [node.status for node in result.nodes] == [200, 200, 200]
    assert destination.batches == [["a", "late", "b"], ["late"]]  # type: ignore[attr-defined]  # the test's own


def test_outputs_of_hooks_reach_the_handler() -> None:
    """What the mapping keeps of a hook is in the handler's context."""
    transport = RecordingTransport()

    async def scenario() -> None:
        async with make_engine(transport) as engine:
            await engine.send(make_event())

    asyncio.run(scenario())
    assert transport.requests[0].json["hooks"] == {"onMappingSave": {"id": "list-1"}}


def ask(responses: list[Response], question: Any) -> tuple[Any, list[Request]]:
    """Ask an engine a question and give its answer and the requests that it caused."""
    transport = RecordingTransport(responses)

    async def scenario() -> Any:
        async with make_engine(transport) as engine:
            return await question(engine)

    return asyncio.run(scenario()), transport.requests


def test_a_hook_is_run_and_kept() -> None:
    """A hook's inputs are validated like a payload; what comes out is what the mapping keeps."""
    kept, requests = ask(
        [Response(200, {}, b'{"id": "l7"}')],
        lambda engine: engine.run_hook("one", "add", "onMappingSave", {"title": "T", "more": 1}),
    )
    assert kept == {"inputs": {"title": "T"}, "outputs": {"id": "l7"}}
    assert requests[0].json == {"title": "T"}
    with pytest.raises(PayloadError, match="title"):
        ask([], lambda engine: engine.run_hook("one", "add", "onMappingSave", {}))
    with pytest.raises(DefinitionError, match="no hook"):
        ask([], lambda engine: engine.run_hook("one", "add", "other", {}))


def test_choices_are_listed_with_query_and_page() -> None:
    """A dynamic field's choices come from its function, with paging and query."""
    body = b'{"lists": [{"label": "L", "value": "l"}], "next": "2"}'
    choices, requests = ask(
        [Response(200, {}, body)],
        lambda engine: engine.list_choices("one", "add", "list", query="x", page="1"),
    )
    assert choices.to_dict() == {"choices": [{"label": "L", "value": "l"}], "nextPage": "2"}
    assert requests[0].url == "https://api.test/lists?q=x&page=1"


@pytest.mark.parametrize(
    ("field", "value"), [("data.color", "color"), ("data.__keys__", "color"), ("items.[3].sku", "here")]
)
def test_choices_of_children(field: str, value: str) -> None:
    """Children of objects use `__values__` and `__keys__`; an item's index is told."""
    choices, _ = ask([], lambda engine: engine.list_choices("one", "add", field, payload={"of": "here"}))
    assert [choice["value"] for choice in choices.choices] == [value]


def test_choices_of_the_inputs_of_a_hook() -> None:
    """With `hook`, the field is one of its inputs; what is filled in of the others is handed on."""

    def chosen(**given: Any) -> Choices:
        choices: Choices = ask([], lambda engine: engine.list_choices("one", "add", "title", **given))[0]
        return choices

    hook = {"hook": "onMappingSave"}
    assert [each["value"] for each in chosen(**hook).choices] == ["plain"]
    found = chosen(**hook, hook_inputs={"kind": "big"}, payload={"name": "n"})
    assert [each["value"] for each in found.choices] == ["big n"]
    assert chosen().error["code"] == "404"
    assert chosen(hook="other").error["code"] == "404"


def test_choices_that_cannot_be_had_are_an_error_in_the_answer() -> None:
    """An unknown field is a 404 in the answer; a refusal of the destination is told there too."""
    choices, _ = ask([], lambda engine: engine.list_choices("one", "add", "lits"))
    assert choices.choices == ()
    assert choices.error["code"] == "404"
    choices, _ = ask([Response(403)], lambda engine: engine.list_choices("one", "add", "list"))
    assert choices.error["code"] == "403"


def test_audiences_are_created_and_found() -> None:
    """Audiences are created with their settings, defaults filled in, and looked up."""
    created, requests = ask([Response(200, {}, b'{"id": "a1"}')], lambda e: e.create_audience("one", "VIP"))
    assert created == Audience("a1")
    assert requests[0].json == {"name": "VIP", "kind": "users"}
    found, _ = ask([Response(200, {}, b'{"id": "a1"}')], lambda e: e.get_audience("one", "a1"))
    assert found == Audience("a1")
    with pytest.raises(RequestError) as caught:
        ask([Response(404)], lambda e: e.get_audience("one", "a1"))
    assert caught.value.code == "GET_AUDIENCE_FAILED"


def test_one_refresh_over_a_real_network() -> None:
    """An expired token under a hundred concurrent events over real sockets: one refresh, all sent."""
    seen: list[str] = []

    async def handler(request: Request) -> Response:
        seen.append(request.url.rpartition("/")[2])
        if request.url.endswith("/token"):
            return Response(200, {"content-type": "application/json"}, b'{"access": "new"}')
        return Response(200 if request.headers["authorization"] == "Bearer new" else 401)

    async def scenario() -> list[bool]:
        async with LoopbackServer(handler) as server, make_engine(None, url=server.url) as engine:
            reports = await asyncio.gather(*(engine.send(make_event()) for _ in range(100)))
        return [report.ok for report in reports]

    assert asyncio.run(scenario()) == [True] * 100
    assert seen.count("token") == 1
