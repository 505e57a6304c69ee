"""Random definitions: refused with errors of ours, or run without any other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions_core.destination import load_destination
from actions_core.destination.context import Auth, Context, Scope
from actions_core.destination.items import BatchItem, Items
from actions_core.destination.multistatus import Skip
from actions_core.destination.requests import SharedBase
from actions_core.errors import ActionsError, DefinitionError
from actions_core.http.requests import Request, Response
from tests.trials import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.destination import Destination, Handler
    from actions_core.values.types import JsonObject

#: Paths of each scope, mostly of what there is.
EVENT_PATHS = (
    "$.payload.a",
    "$.payload.b.x",
    "$.settings.key",
    "$.auth.accessToken",
    "$.event.properties",
    "$.membership",
)
BATCH_PATHS = (
    "$.payloads",
    "$.payload.a",
    "$.payloads[0].b",
    "$.settings.key",
    "$.items",
    "$.audience.settings",
)
BASE_PATHS = ("$.settings.key", "$.auth.accessToken", "$.payload.a")
RESPONSE_PATHS = ("$.body", "$.body.a", "$.status", "$.body[0]", "$.headers.x", "$.entry")
ENTRY_PATHS = ("$.entry", "$.entry.a", "$.place", "$.key", "$.entry[0]", "$.body")
NAMES = ("a", "b", "x", "0", "")
SCALARS = st.sampled_from(
    [None, True, False, 0, -1, 1.5, 2**70, "", "a", "..", "é\ud800", "{a}", "a:b", "\r\n"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


def one(name: str, option: Any) -> Any:
    """A directive with this option."""
    return st.fixed_dictionaries({name: option})


def mappings(paths: tuple[str, ...]) -> Any:
    """Mappings that read these paths, some of their directives with faults."""
    path = one("@path", st.sampled_from(paths))

    def directives(inner: Any) -> Any:
        keys = st.just(["a"]) | path
        table = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
        return st.one_of(
            one("@hash", inner),
            one("@time", st.fixed_dictionaries({"value": inner, "as": st.sampled_from(["s", "iso", "us"])})),
            one("@omit", st.fixed_dictionaries({"value": inner, "keys": keys})),
            one("@pick", st.fixed_dictionaries({"value": inner, "keys": keys})),
            one("@choose", st.fixed_dictionaries({"by": path, "of": table}, optional={"else": inner})),
            one("@values", st.fixed_dictionaries({"value": inner, "each": inner})),
            one("@split", st.fixed_dictionaries({"value": inner, "by": st.just(",")})),
            table,
            st.lists(inner, max_size=2),
        )

    return st.recursive(SCALARS | path | path, directives, max_leaves=4)


def objects(paths: tuple[str, ...]) -> Any:
    """Objects of mappings, or a directive in the place of one."""
    inner = mappings(paths)
    return st.dictionaries(st.sampled_from(NAMES[:3]), inner, max_size=3) | one(
        "@path", st.sampled_from(paths)
    )


def conditions(*texts: str) -> Any:
    """Conditions, few of them with faults."""
    return st.sampled_from([*texts, *texts, "("])


RESPONSES = conditions("body.a = 1", "status in [200, 1]", 'match(body, "*a")', "length(headers) > 0")
EXPECT = st.fixed_dictionaries(
    {},
    optional={
        "status": st.just([400, 409]),
        "if": RESPONSES,
        "message": one("@path", st.sampled_from(RESPONSE_PATHS)),
        "retry": RESPONSES,
    },
)
TESTS = conditions("payload.a != null", "length(payload.b) > 0", "membership = true") | mappings(
    EVENT_PATHS
).map(lambda made: {"@literal": made})
REQUIREMENTS = st.fixed_dictionaries({"anyOf": st.just(["a", "b.c"])}) | st.fixed_dictionaries(
    {"if": TESTS, "message": st.just("No.")}
)
GUARDS: dict[str, Any] = {"when": TESTS, "require": st.lists(REQUIREMENTS, max_size=2)}
SERVED_PATHS = ("$.settings.key", "$.auth.refreshToken", "$.auth.clientId")


def requests(paths: tuple[str, ...], json_: Any, **more: Any) -> Any:
    """Requests over these paths: plain ones, and ones whose method and URL are mappings too."""
    parts: dict[str, Any] = {
        "headers": objects(paths),
        "params": objects(paths),
        "json": json_,
        "expect": EXPECT,
        **more,
    }
    basic = st.lists(mappings(paths), min_size=1, max_size=2)
    placed = {
        "method": st.just("POST"),
        "url": st.just("https://b.example/{a}/x"),
        "path": st.fixed_dictionaries({"a": mappings(paths)}),
        "form": objects(paths),
    }
    return st.one_of(
        st.fixed_dictionaries(
            {"method": st.just("POST"), "url": st.just("https://b.example/x")}, optional=parts
        ),
        st.fixed_dictionaries(
            {"method": one("@path", st.sampled_from(paths)), "url": one("@path", st.sampled_from(paths))},
            optional={**parts, "basic": basic},
        ),
        st.fixed_dictionaries(
            placed, optional={key: parts[key] for key in parts if key not in ("json", "headers")}
        ),
    )


RESULTS = st.fixed_dictionaries(
    {
        "in": one("@path", st.sampled_from(RESPONSE_PATHS)),
        "failed": conditions("entry.a = 1", "entry", "place > 0"),
    },
    optional={
        **{
            part: one("@path", st.sampled_from(ENTRY_PATHS))
            for part in ("index", "status", "message", "code")
        },
        "first": st.sampled_from([0, 1]),
    },
)
EACH = one("@each", st.just("json") | mappings(EVENT_PATHS))
REQUESTS = requests(EVENT_PATHS, mappings(EVENT_PATHS), **GUARDS)
BATCHES = requests(BATCH_PATHS, EACH | one("a", EACH) | mappings(BATCH_PATHS), results=RESULTS)
BASES = st.fixed_dictionaries(
    {"baseUrl": st.just("https://a.example") | one("@path", st.sampled_from(BASE_PATHS))},
    optional={
        "headers": objects(BASE_PATHS),
        "params": objects(BASE_PATHS),
        "basic": st.lists(mappings(BASE_PATHS), min_size=1, max_size=2),
        "expect": EXPECT,
        "sign": st.fixed_dictionaries(
            {"header": st.sampled_from(["X-S", "a b"]), "hmac": st.just("sha1"), "with": mappings(BASE_PATHS)}
        ),
    },
)
SERVING = requests(
    SERVED_PATHS,
    mappings(SERVED_PATHS),
    **{
        part: one("@path", st.sampled_from(RESPONSE_PATHS))
        for part in ("accessToken", "expiresIn", "refreshToken")
    },
)


def definition(base: JsonObject, request: JsonObject, batch: JsonObject, token: JsonObject) -> JsonObject:
    """A definition with a few fields and settings."""
    fields = {"a": {"label": "A", "type": "string"}, "b": {"label": "B", "type": "object"}}
    return {
        "slug": "shop",
        "name": "Shop",
        "authentication": {"scheme": "oauth2", "fields": {"key": {"label": "Key", "type": "string"}}},
        "request": base,
        "refreshAccessToken": token,
        "actions": {"do": {"title": "Do", "fields": fields, "request": request, "batchRequest": batch}},
    }


def attempt(act: Callable[[], Any]) -> Any:
    """What `act` gives; None where it raises an error of ours."""
    try:
        return act()
    except ActionsError:
        return None


def run(destination: Destination, payload: JsonObject, response: Response) -> None:
    """Do with a destination whatever the engine does, network aside."""
    scope = Scope("one", {"key": "k"}, Auth("t"))
    context = Context(scope, {"type": "track", "messageId": "m", "properties": payload})
    base = attempt(lambda: SharedBase(destination.spec.request or {}, {"key": "k"}, Auth("t")))
    send(destination.handlers["do"], payload, context, base, response)
    batch = destination.batch_handlers["do"]
    if batch.group is not None:
        attempt(lambda: batch.group and batch.group(payload, context))
    made: Any = {"payloads": [payload]}
    if batch.each is not None:
        each = batch.each
        item = attempt(lambda: each.call(payload, context))
        if item is None or isinstance(item, Skip):
            return
        made = {"items": Items([BatchItem(0, item, payload, context)])}
    send(batch, made, context, base, response)
    refresh = destination.refresh_handler
    assert refresh is not None
    send(refresh, {"access_token": "t"}, context, None, response)


def send(handler: Handler, given: Any, context: Context, base: SharedBase | None, response: Response) -> None:
    """Write a request, complete it, and read the response to it."""
    request = attempt(lambda: handler.call(given, context))
    if not isinstance(request, Request):
        return
    completed = attempt(lambda: request.complete() if base is None else base.complete(request))
    if completed is None:
        return
    attempt(completed.content)
    assert completed.url.startswith(("https://", "http://"))
    if completed.judge is not None:
        attempt(lambda: completed.judge(response))
    if handler.read is not None:
        read = handler.read
        attempt(lambda: read(given, response))


@settings(max_examples=examples(15), suppress_health_check=[*HealthCheck])
@given(
    BASES,
    REQUESTS,
    BATCHES,
    SERVING,
    st.lists(VALUES, min_size=2, max_size=2),
    VALUES,
    st.sampled_from([200, 207, 400, 500]),
)
def test_random_definitions_raise_nothing_but_errors_of_ours(
    base: JsonObject,
    request: JsonObject,
    batch: JsonObject,
    token: JsonObject,
    values: list[Any],
    body: Any,
    status: int,
) -> None:
    """Each part alone and all together: a definition is refused at load, or its requests are."""
    plain = {"method": "POST", "url": "https://a.example/"}
    response = Response(status, {}, json.dumps(body).encode())
    payload = {"a": values[0], "b": values[1]}
    for made in (
        definition({"baseUrl": "https://a.example"}, request, plain, plain),
        definition({"baseUrl": "https://a.example"}, {**plain, "json": {"v": 1}}, batch, plain),
        definition(base, plain, plain, plain),
        definition({"baseUrl": "https://a.example"}, plain, plain, token),
        definition(base, request, batch, token),
    ):
        try:
            destination = load_destination(made)
        except DefinitionError as error:
            elsewhere = [problem for problem in error.problems if not problem.path.startswith("$")]
            assert elsewhere == []
            continue
        run(destination, payload, response)
