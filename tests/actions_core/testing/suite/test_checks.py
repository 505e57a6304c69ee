"""The suite for destinations: a good one passes, and each kind of fault is found by its check."""

from __future__ import annotations

import base64
import json
import socket
from itertools import count
from logging import getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import Client, Context, Destination, PayloadError, Request
from actions_core.testing import check_destination
from actions_core.testing.suite import checks_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[..., Any]

DEFINITION: dict[str, Any] = {
    "slug": "shop",
    "name": "Shop",
    "authentication": {
        "scheme": "custom",
        "fields": {
            "token": {"label": "Token", "type": "password", "required": True},
            "url": {"label": "URL", "type": "string", "default": "https://shop.example"},
        },
    },
    "actions": {
        "add": {
            "title": "Add",
            "defaultSubscription": 'type = "track"',
            "fields": {
                "id": {
                    "label": "ID",
                    "type": "string",
                    "required": True,
                    "default": {"@path": "$.properties.order.id"},
                },
                "items": {"label": "Items", "type": "object", "multiple": True},
            },
        }
    },
    "presets": [
        {
            "name": "Orders",
            "type": "automatic",
            "partnerAction": "add",
            "subscribe": 'type = "track" and event = "Order Completed" and properties.total > 5',
        }
    ],
}
CASE: dict[str, Any] = {
    "action": "add",
    "event": {"type": "track", "event": "Order Completed", "properties": {"total": 9, "order": {"id": 7}}},
    "settings": {"token": "t"},
    "mapping": {"id": {"@path": "$.properties.order.id"}, "items": [{"sku": "A"}]},
    "expect": {"request": {"json": {"id": "7"}}},
}


def good(id: str, items: list[dict[str, Any]] | None = None) -> Request:  # noqa: A002  # the field's name
    """What a handler should be."""
    del items
    return Request("POST", "/orders", json={"id": id})


def prepared(request: Request, context: Context) -> Request:
    """What prepare should be."""
    headers = {"authorization": f"Bearer {context.settings['token']}"}
    return request.with_base(context.settings["url"], headers)


def shop(
    handler: Handler = good, prepare: Handler = prepared, change: Callable[[Any], object] = lambda _: None
) -> Destination:
    """A destination with one function replaced, or its definition changed."""
    definition = json.loads(json.dumps(DEFINITION))
    change(definition)
    made = Destination.from_definition(definition)
    made.action("add")(handler)
    made.prepare(prepare)
    return made


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A folder with one case."""
    (tmp_path / "add.json").write_text(json.dumps(CASE), encoding="utf-8")
    return tmp_path


def found(destination: Destination, cases: Path | None = None) -> list[tuple[str, str, str]]:
    """The check, the severity and the text of each problem."""
    return [
        (check.name, problem.severity, str(problem))
        for check in checks_of(destination, cases)
        for problem in check.run()
    ]


def test_a_good_destination_has_no_problems(cases: Path) -> None:
    """Each part of it is asked for, and nothing is wrong."""
    assert check_destination(shop(), cases=cases) == []
    assert check_destination(shop()) == []
    assert [check.name for check in checks_of(shop(), cases)] == [
        "definition",
        "mapping[add]",
        "preset[Orders]",
        "cases",
        "case[add.json]",
        "pure[add]",
        "secrets[add]",
    ]
    assert all(check.rule.endswith(".") for check in checks_of(shop(), cases))


async def asynchronous(id: str, client: Client, items: Any = None) -> None:  # noqa: A002  # the field's name
    """A handler of two requests, the second of which needs the first one's answer."""
    answer = await client.send(Request("POST", "/orders", json={"id": id}))
    await client.send(Request("GET", f"/orders/{answer.json['number']}"))


def test_an_asynchronous_handler_is_judged_by_its_first_request(
    cases: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody knows what the destination would answer, so what comes after is left alone, without a word."""
    assert check_destination(shop(asynchronous), cases=cases) == []
    assert caplog.messages == []


#: an action that needs no function
OTHER = {"title": "Other", "fields": {}, "request": {"method": "GET", "url": "https://x.example"}}
COUNTER = count()


def changing(id: str, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Makes another request each time."""
    return Request("POST", "/orders", json={"id": id, "count": next(COUNTER)})


def mutating(id: str, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Changes what it is given."""
    for item in items or []:
        item["seen"] = True
    return Request("POST", "/orders", json={"id": id})


def marking(id: str, context: Context, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Changes the event."""
    context.event["seen"] = True
    return Request("POST", "/orders", json={"id": id})


def reading(id: str, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Reads a file."""
    Path(__file__).read_bytes()
    return Request("POST", "/orders", json={"id": id})


def calling(id: str, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Calls somebody, and does not mind that nobody answers."""
    with socket.socket() as connection:
        connection.settimeout(0.01)
        connection.connect_ex(("127.0.0.1", 9))
    return Request("POST", "/orders", json={"id": id})


def failing(id: str, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Fails with whatever Python raises."""
    return Request("POST", f"/orders/{{}}[{id!s}]"[999], json={})


def answering(id: str, items: Any = None) -> Any:  # noqa: A002  # the field's name
    """Gives no request."""
    return {"id": id}


def telling(id: str, context: Context, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Says the secret in an error."""
    raise PayloadError(f"cannot use {context.settings['token']}")


def warning(id: str, context: Context, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Says the secret in a warning."""
    context.warn("$.id", f"sent with {context.settings['token']}")
    return Request("POST", "/orders", json={"id": id})


def logging(id: str, context: Context, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Says the secret in the log, past the context's logger, which would mask it."""
    getLogger("actions_core.shop").debug("sent with %s", context.settings["token"])
    return Request("POST", "/orders", json={"id": id})


def encoding(id: str, context: Context, items: Any = None) -> Request:  # noqa: A002  # the field's name
    """Says name and secret as a basic authentication has them."""
    raise PayloadError(base64.b64encode(f"shop:{context.settings['token']}".encode()).decode())


@pytest.mark.parametrize(
    ("destination", "check", "said"),
    [
        (shop(changing), "pure[add]", "changing(): gives another request for the same payload"),
        (shop(mutating), "pure[add]", "mutating(): changes the payload that it is given"),
        (shop(marking), "pure[add]", "marking(): changes the event that it is given"),
        (shop(reading), "pure[add]", f"reading(): does more than compute: open of {__file__}"),
        (shop(calling), "pure[add]", "calling(): does more than compute: socket.connect"),
        (shop(failing), "pure[add]", "failing(): fails with IndexError"),
        (shop(failing), "preset[Orders]", "makes the handler fail: add failed with IndexError"),
        (shop(answering), "pure[add]", "answering(): fails: answering() returned dict"),
        (shop(logging), "secrets[add]", "the secret token can be seen in the log"),
        (shop(prepare=lambda request: request), "preset[Orders]", "the URL '/orders' is not absolute"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_of_a_function_is_found(destination: Destination, check: str, said: str, cases: Path) -> None:
    """The check that is about it says it, with the name of the function."""
    assert [text for name, _, text in found(destination, cases) if name == check and said in text]


def batches(
    what: Callable[[list[dict[str, Any]], Context], object] = lambda _payloads, _context: None,
) -> Destination:
    """A destination whose function for batches does something beside its work."""
    made = shop()

    @made.batch("add")
    def add_all(payloads: list[dict[str, Any]], context: Context) -> Request:
        extra = what(payloads, context)
        return Request("POST", "/batch", json=[{"id": one["id"], "extra": str(extra)} for one in payloads])

    return made


@pytest.mark.parametrize(
    ("what", "check", "said"),
    [
        (lambda _payloads, _context: next(COUNTER), "pure[add, batch]", "gives another request for the same"),
        (
            lambda payloads, _context: payloads.pop() and None,
            "pure[add, batch]",
            "changes the payload",
        ),
        (lambda payloads, _context: payloads[1].update(id="x"), "pure[add, batch]", "changes the payload"),
        (lambda _payloads, context: context.events[1].update(x=1), "pure[add, batch]", "changes the event"),
        (
            lambda _payloads, _context: Path(__file__).read_bytes()[:0],
            "pure[add, batch]",
            "than compute: open of",
        ),
        (lambda _payloads, _context: 1 // 0, "pure[add, batch]", "fails with ZeroDivisionError"),
        (
            lambda _payloads, context: getLogger("actions_core.shop").info(context.settings["token"]),
            "secrets[add, batch]",
            "the secret token can be seen in the log",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_of_a_function_for_batches_is_found(
    what: Callable[..., object], check: str, said: str, cases: Path
) -> None:
    """A function for batches is asked what one for single events is, with its own name."""
    listed = [text for name, _, text in found(batches(what), cases) if name == check]
    assert [text for text in listed if said in text and "add_all(): " in text]


def test_a_good_function_for_batches_has_no_problems(cases: Path) -> None:
    """What it says of a secret is masked, in nodes too; an action may have no other function."""
    warn = batches(lambda _payloads, context: context.warn("$", f"with {context.settings['token']}"))
    assert check_destination(warn, cases=cases) == []


@pytest.mark.parametrize("handler", [telling, warning, encoding])
def test_what_a_handler_says_of_a_secret_is_masked(handler: Callable[..., Request], cases: Path) -> None:
    """A secret in an error or a warning is no leak: the engine masks it, in Base64 too."""
    assert not [text for name, _, text in found(shop(handler), cases) if name == "secrets[add]"]


@pytest.mark.parametrize(
    ("change", "check", "severity", "said"),
    [
        (
            lambda it: it["presets"][0].update(subscribe='type = "track",'),
            "definition",
            "error",
            "$.presets[0].subscribe: ",
        ),
        (
            lambda it: it["actions"]["add"].update(defaultSubscription="type ="),
            "definition",
            "error",
            "$.actions.add.defaultSubscription: ",
        ),
        (
            lambda it: it["actions"]["add"]["fields"].update(more={"type": "string"}),
            "definition",
            "warning",
            "never reaches it",
        ),
        (
            lambda it: it["authentication"]["fields"].update(apiKey={"label": "Key", "type": "string"}),
            "definition",
            "warning",
            "apiKey sounds like a secret",
        ),
        (
            lambda it: it["actions"]["add"]["fields"]["items"].update(
                default={"@json": {"mode": "encode", "value": 1, "odd": 1}}
            ),
            "mapping[add]",
            "warning",
            "$.actions.add.fields.items",
        ),
        (
            lambda it: it["presets"][0].update(subscribe='type = "a" and type = "b"'),
            "preset[Orders]",
            "warning",
            "no event was found that matches it",
        ),
        (
            lambda it: it["presets"][0].update(mapping={}),
            "preset[Orders]",
            "warning",
            "gives no request: The root value is missing the required field 'id'",
        ),
        (
            lambda it: it["actions"].update(
                other={
                    "title": "Other",
                    "fields": {},
                    "request": {"method": "GET", "url": "https://x.example"},
                }
            ),
            "cases",
            "error",
            "$.actions.other: no case in",
        ),
    ],
)
def test_a_fault_of_the_definition_is_found(
    change: Callable[[Any], object], check: str, severity: str, said: str, cases: Path
) -> None:
    """What cannot work is an error, what need not be wrong a warning."""
    listed = [(level, text) for name, level, text in found(shop(change=change), cases) if name == check]
    assert [level for level, text in listed if said in text] == [severity]


@pytest.mark.parametrize(
    ("text", "check", "said"),
    [
        (
            json.dumps({**CASE, "expect": {"request": {"json": {"id": "8"}}}}),
            "case[add.json]",
            "json.id must be",
        ),
        (json.dumps({"event": {}}), "case[add.json]", "the case lacks action, expect"),
        ("[5]", "cases", "add.json[0]: a case is a JSON object"),
        ("[]", "cases", "no case in"),
        ("{", "cases", "add.json:1:2"),
    ],
)
def test_a_fault_of_a_case_is_found(text: str, check: str, said: str, cases: Path) -> None:
    """A case that does not hold, and what is no case at all."""
    (cases / "add.json").write_text(text, encoding="utf-8")
    assert [name for name, _, problem in found(shop(), cases) if said in problem] == [check]


def test_a_definition_alone_is_no_destination() -> None:
    """Without any function there is nothing to conform."""
    [(check, severity, text)] = found(Destination.from_definition(DEFINITION))[:1]
    assert (check, severity) == ("definition", "error")
    assert "no action has a handler" in text


def test_nothing_is_noticed_once_the_check_is_over(cases: Path) -> None:
    """What is watched for during a call of a handler may happen at any other time."""
    check_destination(shop(), cases=cases)
    with pytest.raises(OSError, match="nowhere"):
        Path("/nowhere").read_bytes()
