"""`actions port check` on a package of the tests, run by node."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import Context, Request, load_destination
from actions_core.apps.cli.port.checking import find_subject
from actions_core.apps.cli.port.ours import Ours
from actions_core.authoring.port.differences import PortFile
from actions_core.authoring.port.trials import Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_EXPLAINED = {
    "differences": {
        "*": {"json.premium": "the API computes it"},
        "order": {"only the published one refuses: PayloadError: not this one": "the API takes it"},
    }
}


def check(command: Callable[..., Any], file: Path, *options: object) -> Any:
    """Check 100 events, and return the report as JSON."""
    return command("port", "check", file, "--count", 100, "--json", *options)


@pytest.mark.usefixtures("published")
def test_each_leaf_that_differs_is_shown_with_both_values(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """A leaf that differs stands in the report once, with how often, and what each side has there."""
    run = check(command, write_shop())
    assert run.code == 1
    (order,) = run.json["actions"]
    leaves = {leaf["leaf"]: leaf for leaf in order["leaves"]}
    assert leaves["json.premium"]["published"] is True
    assert "ours" not in leaves["json.premium"]
    assert leaves["json.premium"]["count"] > 1
    assert order["different"] >= leaves["json.premium"]["count"]
    assert order["equal"]["requests"] > 10


@pytest.mark.usefixtures("published")
def test_literals_of_the_source_reach_its_guards(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """A word that a guard compares with is among the random values, so that its refusal is found."""
    run = check(command, write_shop())
    leaves = [leaf["leaf"] for leaf in run.json["actions"][0]["leaves"]]
    assert "only the published one refuses: PayloadError: not this one" in leaves


@pytest.mark.usefixtures("published")
def test_differences_with_a_reason_are_no_failure(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """What `differences.json` explains is counted as explained, and the check succeeds."""
    run = check(command, write_shop(_EXPLAINED))
    assert [leaf["leaf"] for leaf in run.json["actions"][0]["leaves"] if "reason" not in leaf] == []
    assert run.code == 0
    (order,) = run.json["actions"]
    assert order["different"] == 0
    assert order["explained"] > 0
    assert {leaf["reason"] for leaf in order["leaves"]} == {"the API computes it", "the API takes it"}


@pytest.mark.usefixtures("published")
def test_the_same_seed_gives_the_same_trials(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """A seed gives the same count each time, another seed another one."""
    file = write_shop()
    counts = [check(command, file, "--seed", seed).json["actions"][0]["equal"] for seed in (4, 4, 5)]
    assert counts[0] == counts[1]
    assert counts[2] != counts[0]


@pytest.mark.usefixtures("published")
def test_batches_are_compared_item_by_item(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """With `--batch`, the one request of a batch and the outcome of each of its items are compared."""
    definition = json.loads(write_shop().read_text(encoding="utf-8"))
    action = definition["actions"]["order"]
    action["batchRequest"] = {
        **action["request"],
        "url": "https://api.shop.example/batch",
        "json": {"@arrayPath": ["$.payloads", {"id": {"@path": "$.id"}}]},
    }
    differences = {"differences": {"*": {"json*": "", "items[]: *": "", "request": "", "only*": ""}}}
    for leaves in differences["differences"].values():
        leaves.update(dict.fromkeys(leaves, "seen"))
    run = check(command, write_shop(differences, actions={"order": action}), "--batch", "--count", 300)
    single, batches = run.json["actions"]
    assert (single["batches"], batches["batches"]) == (False, True)
    assert batches["trials"] == 6
    assert "items[]: only the published one refuses: no id" in [leaf["leaf"] for leaf in batches["leaves"]]
    assert run.code == 0


@pytest.mark.usefixtures("published")
def test_batches_that_one_side_alone_has_are_named_and_not_compared(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """Where one side sends events of an action one by one, there are no batches to compare."""
    run = check(command, write_shop(), "--batch")
    assert [one["batches"] for one in run.json["actions"]] == [False]
    assert run.json["batchesOnlyPublished"] == ["order"]
    assert run.json["batchesOnlyOurs"] == []
    run = command("port", "check", write_shop(), "--count", 5, "--batch")
    assert "batches only in the published one: order" in run.out


def test_what_functions_return_may_count_as_a_request(
    command: Callable[..., Any], write_shop: Callable[..., Path], published: Path
) -> None:
    """With `returned`, what a published function returns is compared as a request to that URL."""
    source = published / "node_modules/@segment/action-destinations/dist/destinations/shop/index.js"
    text = source.read_text(encoding="utf-8")
    made = "return request('https://api.shop.example/orders', { method: 'post', json: item(payload),"
    assert made in text
    text = text.replace(made, "return item(payload); void ({")
    text = text.replace(
        "headers: { authorization: `Bearer ${settings.key}` } })\n      },", "})\n      },", 1
    )
    source.write_text(text, encoding="utf-8")
    differences = {
        "differences": {"*": {"headers.authorization": "ours alone", **_EXPLAINED["differences"]["order"]}},
        "returned": "https://api.shop.example/orders",
    }
    run = check(command, write_shop(differences))
    leaves = {leaf["leaf"]: leaf for leaf in run.json["actions"][0]["leaves"]}
    assert [leaf for leaf, found in leaves.items() if "reason" not in found] == ["json.premium"]
    assert leaves["headers.authorization"]["count"] > 10


def test_a_check_whose_events_are_all_refused_says_why(
    command: Callable[..., Any], write_shop: Callable[..., Path], published: Path
) -> None:
    """Where events reach no request, equal trials show nothing: the report says so, and what refuses them."""
    run = command("port", "check", write_shop(_EXPLAINED), "--count", 60)
    assert "reached a request" in run.out
    assert "no trial made a request" not in run.out
    assert "  refused  " not in run.out
    source = published / "node_modules/@segment/action-destinations/dist/destinations/shop/index.js"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("payload.id === 'magic-word'", "payload.id"), encoding="utf-8")
    run = command("port", "check", write_shop(_EXPLAINED), "--count", 60)
    assert "no trial made a request: differences.json may say" in run.out
    assert "  refused    PayloadError: not this one (" in run.out


@pytest.mark.usefixtures("published")
def test_published_functions_see_the_switches_of_the_port_s_file(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """With `features`, the published functions run as where Segment has switched them on."""
    counts = []
    for features in ({}, {"beta": True}):
        differences = {"differences": {"order": {"json.premium": "shown"}}, "features": features}
        run = check(command, write_shop(differences))
        leaves = {leaf["leaf"]: leaf["count"] for leaf in run.json["actions"][0]["leaves"]}
        counts.append(leaves.get("json.premium", 0))
    assert counts[1] > counts[0] + 10


def test_a_trial_remembers_nothing_of_the_one_before() -> None:
    """What a handler keeps for later events is gone at the next trial, as on the published side."""
    destination = load_destination(
        {"slug": "notes", "name": "Notes", "actions": {"note": {"title": "Note", "fields": {}}}}
    )

    @destination.action("note")
    def note(context: Context) -> Request:
        known = context.state.get("known")
        context.state.set("known", "yes", 60)
        return Request("POST", f"https://notes.example/{known or 'no'}")

    trial = Trial("note", ({"type": "track"},), {}, {}, "0")

    async def scenario() -> list[str]:
        ours = Ours(destination)
        runs = [await ours.run(trial, []) for _ in range(2)]
        await ours.close()
        return [run.requests[0].url for run in runs]

    assert asyncio.run(scenario()) == ["https://notes.example/no"] * 2


@pytest.mark.usefixtures("published")
def test_what_no_event_reached_is_listed(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """Branches of the published source that no event took are listed with file, line and text."""
    run = check(command, write_shop(_EXPLAINED))
    found = [part["source"] for part in run.json["unreached"]]
    assert any("far too long" in source for source in found), found
    assert not any("magic-word" in source for source in found)


@pytest.mark.usefixtures("published")
def test_own_events_come_first_and_are_mapped_by_the_defaults(
    command: Callable[..., Any], write_shop: Callable[..., Path], tmp_path: Path
) -> None:
    """Events of one's own go through the default mappings of both definitions."""
    events = tmp_path / "own.ndjson"
    lines = [{"type": "track", "event": "x", "properties": {"id": f"o-{number}"}} for number in range(3)]
    events.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    run = command("port", "check", write_shop(), "--count", 0, "--json", "--events", events)
    assert run.code == 0, run.err
    refused = run.json["actions"][0]["equal"]["refused"]  # by the responses, which are random
    assert run.json["actions"][0]["equal"] == {"requests": 3 - refused, "refused": refused, "nothing": 0}


@pytest.mark.usefixtures("published")
def test_an_action_that_calls_an_sdk_is_not_compared(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """Packages that are not there are stubs, and an action that calls one is said to be beyond comparison."""
    definition = json.loads(write_shop().read_text(encoding="utf-8"))
    actions = {"upload": definition["actions"]["order"]}
    run = check(command, write_shop(actions=actions))
    (upload,) = run.json["actions"]
    assert run.code == 0
    assert upload["trials"] == upload["equal"]["refused"]  # by both, before the SDK is called
    assert list(upload["notCompared"]) == [
        "the published one calls new cloud-sdk.Cloud, cloud-sdk.Cloud().send"
    ]


@pytest.mark.usefixtures("published")
def test_the_report_for_people_names_actions_leaves_and_what_is_missing(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """Without `--json`, the report is text: a line for each action, its leaves, and what was not ported."""
    run = command("port", "check", write_shop(), "--count", 40)
    assert run.code == 1
    assert "order  40 events: " in run.out
    assert "differs    json.premium (" in run.out
    assert "not ported: upload" in run.out
    assert "different without a reason" in run.out


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--published", "actions-shp"), "did you mean 'actions-shop'?"),
        (("--action", "ordr"), "did you mean 'order'?"),
        (("--action", "upload"), "has no function or request of ours yet"),
        (("--events", "{"), "--events"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_answered_with_what_there_is(
    command: Callable[..., Any], write_shop: Callable[..., Path], options: tuple[str, ...], said: str
) -> None:
    """A destination, an action or an event that there is not is an error with what to do."""
    run = check(command, write_shop(), *options)
    assert run.code == 2
    assert said in run.err


@pytest.mark.usefixtures("published")
def test_a_faulty_file_of_a_port_is_refused_with_every_fault(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """Everything that is wrong with `differences.json` is said at once, with its path."""
    run = check(
        command,
        write_shop(
            {
                "diferences": {},
                "differences": {
                    "*": {
                        "a": " ",
                        "b": {"reason": "", "our": "list", "published": ["array"]},
                        "c": {"reason": "x", "ours": {"likes": "y"}},
                        "d": {
                            "reason": "x",
                            "ours": {"matches": "("},
                            "batches": 1,
                            "syncMode": 2,
                            "refusal": 3,
                            "requested": ["x"],
                            "given": None,
                        },
                    }
                },
                "responses": {"*": [{"url": "("}]},
                "returned": ["x"],
                "features": ["beta"],
            }
        ),
    )
    assert run.code == 2
    assert "$.diferences: is not a key of this file; did you mean 'differences'?" in run.err
    assert "$.differences.*.a: must be the reason" in run.err
    assert "$.differences.*.b.reason: must be the reason" in run.err
    assert "$.differences.*.b.our: is not a key of a reason; did you mean 'ours'?" in run.err
    assert "$.differences.*.c.ours: must have one key with a text: 'like', or 'matches'" in run.err
    assert "$.differences.*.d.batches: must be true or false" in run.err
    assert "$.differences.*.d.syncMode: must be a sync mode" in run.err
    assert "$.differences.*.d.refusal: must be a text as the message is" in run.err
    assert "$.differences.*.d.requested: must be a text as the URL is" in run.err
    assert "$.differences.*.d.given: must be a text as the JSON of events is" in run.err
    assert "$.differences.*.d.ours.matches: '(' is not a regular expression" in run.err
    assert "$.differences.*.b.published: 'array' is not a kind of value: take missing, null," in run.err
    assert "$.responses.*[0].url" in run.err
    assert "$.returned: must be the URL" in run.err
    assert "$.features: must be an object" in run.err


def test_without_node_the_command_says_what_to_install(
    command: Callable[..., Any],
    write_shop: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Where node is missing, the error says so, and what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    file = write_shop()
    monkeypatch.setenv("PATH", str(tmp_path))
    run = command("port", "check", file)
    assert run.code == 2
    assert "install node 18 or newer" in run.err


def test_an_alias_comes_before_a_package_of_that_name() -> None:
    """What is installed as a destination is checked, even where another's package has the name."""
    assert importlib.util.find_spec("segment") is not None
    subject = find_subject("segment")
    assert subject.destination.slug == "actions-segment"
    assert find_subject("actions_segment").port == subject.port != PortFile()


@pytest.mark.usefixtures("published")
def test_a_leaf_that_is_explained_in_part_stands_twice(
    command: Callable[..., Any], write_shop: Callable[..., Path]
) -> None:
    """Where a reason holds for some values only, the others of the same leaf are shown as differing."""
    only = {"reason": "lost", "published": {"like": "*-1*"}}
    settings = {"fields": {"order": {"id": ["a-1", "b-2"]}}}
    definition = json.loads(write_shop().read_text(encoding="utf-8"))
    action = definition["actions"]["order"]
    action["request"]["json"] = {"id": {"@template": "{{payload.id}}!"}}
    differences = {"order": {"json.id": only, "json.premium": "computed", "*refuses*": "seen"}}
    file = write_shop({"differences": differences, **settings}, actions={"order": action})
    run = check(command, file)
    reasons = [leaf.get("reason") for leaf in run.json["actions"][0]["leaves"] if leaf["leaf"] == "json.id"]
    assert reasons == [None, "lost"]
    assert run.code == 1
