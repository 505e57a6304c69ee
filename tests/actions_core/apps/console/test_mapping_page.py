"""The page of a mapping without a browser: what it opens with, and what it says where it cannot."""

from __future__ import annotations

import asyncio
import html
import json
from typing import TYPE_CHECKING, Any

import pytest
from nicegui import ui
from nicegui.testing.user_interaction import UserInteraction

from actions_core import Choices, Payload, Registry, Request, RequestError, Response, load_destination
from actions_core.testing import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nicegui.testing import User

SOLD = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "m-1"}
VIEWED = {"type": "page", "name": "Home", "userId": "u-1", "messageId": "m-2"}


def named(user: User, name: str) -> Any:
    """Return the element with this name for tests."""
    (found,) = [
        element for element in user.find(kind=ui.element).elements if element.props.get("data-name") == name
    ]
    return found


def labelled(user: User, label: str) -> Any:
    """Return the element that is named so for those who do not see."""
    (found,) = [
        element for element in user.find(kind=ui.element).elements if element.props.get("aria-label") == label
    ]
    return found


def labelled_by(user: User, label: str) -> Any:
    """Return the field with this label."""
    (found,) = [
        element for element in user.find(kind=ui.element).elements if element.props.get("label") == label
    ]
    return found


def subscription(file: Path) -> dict[str, Any]:
    """Return the first subscription in a workspace."""
    found: dict[str, Any] = json.loads(file.read_text())["destinations"][0]["subscriptions"][0]
    return found


async def save(user: User) -> None:
    """Save what was edited, difference and all."""
    user.find("Save…").click()
    await user.should_see("Save to workspace.json", retries=50)
    UserInteraction(user, {named(user, "confirm-save")}, None).click()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/i/gone/s/0", "The workspace has no instance 'gone'."),
        ("/i/gone", "The workspace has no instance 'gone'."),
        ("/i/fs/s/7", "fs has no subscription number 7; it has 1."),
        ("/i/odd/s/0", "There is no destination 'unknown-one'"),
        ("/i/odd", "There is no destination 'unknown-one'"),
    ],
)
def test_what_is_not_there_says_so(
    simulate: Callable[..., Any],
    write_workspace: Callable[..., Path],
    fullstory: dict[str, Any],
    address: str,
    sentence: str,
) -> None:
    """An address of something that the workspace does not have, or not any more, gives a sentence."""
    odd = {"id": "odd", "destination": "unknown-one", "subscriptions": fullstory["subscriptions"]}
    file = write_workspace(fullstory, odd)

    async def main() -> None:
        async with simulate(file) as (user, _):
            response = await user.http_client.get(address)
            assert response.status_code == (200 if "odd" in address else 404)
            assert sentence in html.unescape(response.text).replace("\\u0027", "'")

    asyncio.run(main())


def test_a_file_that_became_faulty_says_so(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """A workspace that is no JSON any more is told with file and place, on each page that edits it."""
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, _):
            file.write_text("{")
            for address in ("/i/fs", "/i/fs/s/0", "/paste"):
                await user.open(address)
                await user.should_see("workspace.json:1:2", retries=50)

    asyncio.run(main())


def test_a_workspace_without_a_file_is_not_edited(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """Where a program makes the workspace, the pages say where it is edited."""

    async def main() -> None:
        async with simulate(write_workspace(fullstory)) as (user, desk):
            desk.draft = None
            for address in ("/i/fs", "/i/fs/s/0", "/paste"):
                await user.open(address)
                await user.should_see("This workspace is no file", retries=50)

    asyncio.run(main())


def test_the_sample_is_what_the_address_names(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """An event by its messageId comes first; without one, the newest that matches; else one that is made."""
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, desk):
            await user.open("/i/fs/s/0")
            assert "made for this mapping" in str(named(user, "sample").options)
            await user.should_see("Would be sent", retries=50)
            for event in (SOLD, VIEWED):
                desk.feed.ring.remember(event)
            await user.open("/i/fs/s/0")
            samples = named(user, "sample")
            assert "Order Completed" in samples.options[samples.value]
            await user.open("/i/fs/s/0?event=m-1")
            samples = named(user, "sample")
            assert "from the address" in samples.options[samples.value]
            await user.open("/i/fs/s/0?event=unknown")
            await user.should_see("Would be sent", retries=50)

    asyncio.run(main())


def test_defaults_become_a_mapping_when_one_is_changed(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """A subscription without a mapping shows the defaults of the action, and has all of them once edited."""
    del fullstory["subscriptions"][0]["mapping"]
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, _):
            await user.open("/i/fs/s/0")
            await user.should_see("It takes the defaults of the action", retries=50)
            labelled(user, "Name: from event").value = "properties.title"
            await save(user)
            await user.should_see("Saved, and in force.", retries=50)
        mapping = subscription(file)["mapping"]
        assert mapping["name"] == {"@jmespath": "properties.title"}
        assert mapping["userId"] == {"@jmespath": "userId"}

    asyncio.run(main())


def test_another_action_keeps_what_both_have(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """Fields of the same key stay as they are; the others take the new action's defaults."""
    fullstory["subscriptions"][0]["mapping"] = {"userId": "fixed", "name": "x"}
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, _):
            await user.open("/i/fs/s/0")
            labelled_by(user, "Name").value = "What users did"
            labelled_by(user, "Action").value = "trackEvent"
            (switch,) = user.find(kind=ui.switch).elements
            switch.value = False
            await save(user)
            await user.should_see("Saved, and in force.", retries=50)
        saved = subscription(file)
        assert saved["name"] == "What users did"
        assert saved["partnerAction"] == "trackEvent"
        assert saved["mapping"]["userId"] == "fixed"
        assert saved["mapping"]["properties"] == {"@jmespath": "properties"}
        assert saved["enabled"] is False

    asyncio.run(main())


def test_a_mapping_that_is_no_fields_is_shown_as_json(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """A directive as a whole can be edited as JSON, and says why it has no fields."""
    whole = {"__segment_internal_directive": {"@merge": {"objects": [{}], "direction": "right"}}, "name": "x"}
    fullstory["subscriptions"][0]["mapping"] = whole
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, _):
            await user.open("/i/fs/s/0")
            area = labelled(user, "The mapping as JSON")
            assert json.loads(area.value) == whole
            (toggle,) = user.find(kind=ui.toggle).elements
            toggle.value = False
            await user.should_see("Fields cannot show this mapping", retries=50)
            area.value = '{"name": '
            await user.should_see("ends too early", retries=50)
            area.value = '{"name": "y"}'
            toggle.value = False
            await user.should_see("What the event is called in FullStory.", retries=50)
            await save(user)
            await user.should_see("Saved, and in force.", retries=50)
        assert subscription(file)["mapping"] == {"name": "y"}

    asyncio.run(main())


def test_what_is_sent_and_refused_is_shown(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """A refusal shows status and response, after one try; what cannot even be tried says why."""

    async def main() -> None:
        async def refuse(_: Request) -> Response:
            return Response(429, body=b'{"message": "slow down"}')

        async with LoopbackServer(refuse) as server:
            fullstory["settings"]["baseUrl"] = server.url
            async with simulate(write_workspace(fullstory)) as (user, desk):
                await user.open("/i/fs/s/0")
                user.find("Send this event").click()
                await user.should_see("HTTP 429", retries=50)
                await user.should_see("slow down", retries=50)
                assert len(server.requests) == 1
                engine, desk.engine = desk.engine, None
                user.find("Send this event").click()
                await user.should_see("nothing can be sent while the workspace is faulty", retries=50)
                desk.engine = engine

    asyncio.run(main())


def test_an_edit_is_measured_on_what_came_in(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """The page says how many of the latest events an edit changes, and how, before it is saved."""
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, desk):
            for number in range(6):
                desk.feed.ring.remember({**SOLD, "messageId": f"m-{number}", "event": f"E{number % 3}"})
            await user.open("/i/fs/s/0")
            await user.should_see("An edit is compared on the last 6 events.", retries=50)
            labelled_by(user, "As text (FQL)").value = 'type = "track" and event != "E1"'
            await user.should_see("Changes 2 of the last 6 events: 2 no longer sent.", retries=50)
            labelled(user, "Name: from event").value = "userId"
            await user.should_see(
                "Changes 6 of the last 6 events: 2 no longer sent, 4 with another request.", retries=50
            )
            labelled_by(user, "As text (FQL)").value = "type ="
            await user.should_see("Nothing can be compared until the errors are mended.", retries=50)

    asyncio.run(main())


def choosing() -> Registry:
    """Return a registry with a destination that knows the choices of a field."""
    text = {"label": "List", "description": "D", "type": "string"}
    destination = load_destination(
        {
            "slug": "choosing",
            "name": "Choosing",
            "mode": "cloud",
            "actions": {
                "add": {"title": "Add", "description": "D", "fields": {"list": {**text, "dynamic": True}}}
            },
        }
    )

    @destination.action("add")
    def add(list: str | None = None) -> Request:  # noqa: A002 - a field's name
        return Request("POST", "https://choosing.test", json={"list": list})

    @destination.dynamic_field("add", "list")
    def lists(payload: Payload) -> Choices:
        if payload.get("list") == "refuse":
            raise RequestError("no lists today")
        return Choices(({"value": "l-1", "label": "Customers"}, {"value": "l-2", "label": "<b>Leads</b>"}))

    registry = Registry()
    registry.register(destination)
    return registry


def test_choices_come_from_the_destination(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path]
) -> None:
    """A field whose choices the destination knows offers them once asked; what went wrong is said there."""
    add = {"partnerAction": "add", "subscribe": 'type = "track"', "mapping": {"list": "x"}}
    file = write_workspace({"id": "fs", "destination": "choosing", "subscriptions": [add]})

    async def main() -> None:
        async with simulate(file, registry=choosing()) as (user, _):
            await user.open("/i/fs/s/0")
            user.find("Load choices").click()
            await user.should_see("2 choices", retries=50)
            offered = [
                element.props for element in user.find(kind=ui.element).elements if element.tag == "option"
            ]
            assert {one["label"] for one in offered if one["value"].startswith("l-")} == {
                "Customers",
                "<b>Leads</b>",
            }
            labelled(user, "List: fixed value").value = "refuse"
            await user.should_see('"list": "refuse"', retries=50)
            user.find("Load choices").click()
            await user.should_see("no lists today", retries=50)

    asyncio.run(main())


TRIGGERS = [
    "event < 5",
    'type = "custom" or name >= 1',
    "type =",
    'properties.a = 5 or properties.b = "5" and traits.c != null',
    "properties.price > true",
]
VALUES: list[Any] = [
    None,
    True,
    5.5,
    "text",
    [],
    ["a", {"@path": "$.b"}],
    {},
    {"a": {"b": {"c": 1}}, "d": [1]},
    {"@path": "properties.x"},
    {"@path": ""},
    {"@path": 5},
    {"@jmespath": "a || b"},
    {"@template": ""},
    {"@unknown": 1},
    {"@path": "$.a", "@template": "b"},
    {"@if": {"exists": {"@path": "$.a"}, "then": "b"}},
]


def test_what_is_unfinished_is_said(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """While a condition cannot be read, as text or as rows, the page says why, and saves nothing."""
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, _):
            await user.open("/i/fs/s/0")
            await user.should_see("Saved.", retries=50)
            labelled_by(user, "As text (FQL)").value = "event ="
            await user.should_see("Not finished yet: the trigger (", retries=50)
            (button,) = [
                each for each in user.find(kind=ui.button).elements if each.props.get("label") == "Save…"
            ]
            assert not button.enabled
            labelled_by(user, "As text (FQL)").value = 'event = "E"'
            await user.should_see("Not saved yet.", retries=50)
            assert button.enabled
            user.find("Add condition").click()
            await user.should_see("Not finished yet: the trigger (", retries=50)
            await user.should_not_see("Not saved yet.")

    asyncio.run(main())


def test_whatever_a_workspace_says_is_shown(
    simulate: Callable[..., Any],
    write_workspace: Callable[..., Path],
    fullstory: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No trigger and no value, faulty or odd, keeps the page from opening, or is changed by that."""
    fields = ["name", "userId", "properties", "timestamp", "useRecentSession", "batch_size", "nonsense"]
    subscriptions = [
        {
            "name": f"S{number}",
            "partnerAction": "trackEventV2",
            "subscribe": TRIGGERS[number],
            "mapping": {field: VALUES[(number + place) % len(VALUES)] for place, field in enumerate(fields)},
        }
        for number in range(len(TRIGGERS))
    ]
    fullstory["subscriptions"] = [
        *subscriptions,
        {"partnerAction": "gone", "subscribe": "", "mapping": {"a": 1}},
    ]
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, desk):
            await user.open("/i/fs")
            await user.should_see("faulty", retries=50)
            for event in (SOLD, {"type": "track", "messageId": "odd", "event": {"a": []}, "properties": [1]}):
                desk.feed.ring.remember(event)
            for number in range(len(fullstory["subscriptions"])):
                await user.open(f"/i/fs/s/{number}")
                await user.should_see("Tester", retries=50)
                more = named(user, "more") if number < len(subscriptions) else None
                if more is not None:
                    more.value = True
                assert (
                    labelled_by(user, "As text (FQL)").value
                    == fullstory["subscriptions"][number]["subscribe"]
                )
                await user.should_see("Saved.", retries=50)

    asyncio.run(main())
    assert "a preview could not be shown" not in caplog.text
