"""Faults of a workspace: of its schema and of its parts, all at once, each told once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import BackgroundEngine, Engine, Registry, Workspace, WorkspaceError, load_destination
from actions_core.engine.workspace import BrokerSpec
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE = "$.destinations[0]"
BAD_CONDITION = "type ="
BAD_MAPPING = {"a": {"@pth": "$.x"}}
#: What is wrong in every instance made by `faulty`, beside what a test adds to it.
BESIDE = [
    "settings",
    "subscriptions[0].partnerAction",
    "subscriptions[0].subscribe",
    "subscriptions[0].mapping.a",
    "filters[0].if",
    "filters[0].actions[1].fields.properties.fields[0]",
]


def registry() -> Registry:
    """Return a registry with one destination that needs a key."""
    fields = {
        "apiKey": {"label": "Key", "type": "password", "required": True},
        "region": {"label": "Region", "type": "string", "choices": ["us", "eu"]},
    }
    destination = load_destination(
        {
            "slug": "shop",
            "name": "Shop",
            "authentication": {"scheme": "custom", "fields": fields},
            "actions": {
                "add": {
                    "title": "Add",
                    "fields": {"a": {"label": "A", "type": "string"}},
                    "request": {"method": "POST", "url": "https://shop.example"},
                }
            },
        }
    )
    made = Registry()
    made.register(destination)
    return made


def faulty(**more: Any) -> dict[str, Any]:
    """Return an instance with faults in all of its parts, and with `more`."""
    bad = {"partnerAction": "nothing", "subscribe": BAD_CONDITION, "mapping": BAD_MAPPING}
    drops = {"type": "DROP_PROPERTIES", "fields": {"properties": {"fields": [""]}}}
    return {
        "id": "one",
        "destination": "shop",
        "settings": {},
        "subscriptions": [bad],
        "filters": [{"if": "event in", "actions": [{"type": "DROP"}, drops]}],
        **more,
    }


def faults(raw: Any) -> list[str]:
    """Return the path of every problem with which an engine refuses the workspace."""
    with pytest.raises(WorkspaceError) as caught:
        Engine(Workspace.from_dict(raw, lenient=True), registry=registry(), transport=RecordingTransport())
    problems = caught.value.problems
    assert len({(problem.path, problem.message) for problem in problems}) == len(problems)
    return [problem.path for problem in problems]


def below(*parts: str) -> list[str]:
    """Return paths in the first instance."""
    return [f"{PLACE}.{part}" for part in parts]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"subscription": []}, below("subscription", *BESIDE)),
        ({"enabled": "yes"}, below("enabled", *BESIDE)),
        ({"delivery": {"concurrency": 0, "retries": 1}},
         below("delivery.retries", "delivery.concurrency", *BESIDE)),
        ({"consentCategories": [1, "A", "A"]}, None),
        ({"id": 7}, below("id", *BESIDE)),
        ({"settings": []}, below("settings", *BESIDE[1:])),
        ({"settings": {"apiKey": {"$env": 5}, "region": "x"}},
         below("settings.apiKey.$env", "settings.region", *BESIDE[1:])),
        ({"settings": {"apiKey": {"$env": "NOT_SET_AT_ALL"}, "region": "x"}},
         below("settings.apiKey", "settings.region", *BESIDE[1:])),
        ({"filters": {}}, below("filters", *BESIDE[:4])),
        ({"subscriptions": "all"}, below("subscriptions", "settings", *BESIDE[4:])),
        ({"subscriptions": {}}, below("subscriptions", "settings", *BESIDE[4:])),
        ({"destination": "nobody"}, below("destination", *BESIDE[2:])),
        ({"destination": 5}, below("destination", *BESIDE[2:])),
    ],
)  # fmt: skip
def test_no_fault_of_an_instance_hides_another(more: dict[str, Any], told: list[str] | None) -> None:
    """Whatever does not fit the schema, everything else that is wrong with the instance is told with it."""
    found = faults({"destinations": [faulty(**more)]})
    if told is None:
        assert set(below(*BESIDE)) < set(found)
    else:
        assert sorted(found) == sorted(told)


@pytest.mark.parametrize(
    ("subscription", "told"),
    [
        ({"partnerAction": "add", "subscribe": BAD_CONDITION, "mapping": BAD_MAPPING, "when": 1},
         ["[1].when", "[1].subscribe", "[1].mapping.a"]),
        ({"subscribe": BAD_CONDITION, "mapping": BAD_MAPPING}, ["[1]", "[1].subscribe", "[1].mapping.a"]),
        ({"partnerAction": 3, "subscribe": BAD_CONDITION}, ["[1].partnerAction", "[1].subscribe"]),
        ({"partnerAction": "add", "mapping": BAD_MAPPING}, ["[1]", "[1].mapping.a"]),
        ({"partnerAction": "nothing", "subscribe": None}, ["[1].subscribe", "[1].partnerAction"]),
        ({"partnerAction": "nothing", "subscribe": 'type = "track"', "mapping": []},
         ["[1].mapping", "[1].partnerAction"]),
        ({"partnerAction": "nothing", "subscribe": BAD_CONDITION, "name": 5, "enabled": 1},
         ["[1].name", "[1].enabled", "[1].subscribe", "[1].partnerAction"]),
        ("track", ["[1]"]),
    ],
)  # fmt: skip
def test_no_fault_of_a_subscription_hides_another(subscription: Any, told: list[str]) -> None:
    """A subscription that does not fit the schema is compiled as far as it can be read, at its own place."""
    good = {"partnerAction": "add", "subscribe": 'type = "track"', "mapping": {}}
    last = {"partnerAction": "add", "subscribe": BAD_CONDITION}
    raw = {"destination": "shop", "settings": {"apiKey": "k"}, "subscriptions": [good, subscription, last]}
    expected = [*told, "[2].subscribe"]
    assert sorted(faults({"destinations": [raw]})) == sorted(
        below(*(f"subscriptions{part}" for part in expected))
    )


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"if": "event in", "actions": [{"type": "DRP"}]}, ["[0].if", "[0].actions[0].type"]),
        ({"if": "event in", "actions": []}, ["[0].if", "[0].actions"]),
        ({"if": "event in"}, ["[0].if", "[0]"]),
        ({"if": 5, "actions": [{"type": "DROP_PROPERTIES", "fields": {"": [""]}}]},
         ["[0].if", "[0].actions[0].fields..fields[0]"]),
        (7, ["[0]"]),
    ],
)  # fmt: skip
def test_no_fault_of_a_filter_hides_another(item: Any, told: list[str]) -> None:
    """Conditions and actions of filters are looked at wherever they can be read."""
    second = {"if": "event in", "actions": [{"type": "DROP"}]}
    raw = {"destination": "shop", "settings": {"apiKey": "k"}, "filters": [item, second]}
    expected = below(*(f"filters{part}" for part in [*told, "[1].if"]))
    assert sorted(faults({"destinations": [raw]})) == sorted(expected)


def test_instances_keep_their_places() -> None:
    """What is no instance at all hides none of the others, whose paths stay what they are."""
    found = faults({"nmae": "x", "destinations": [5, faulty(), {}, faulty(id="one")]})
    assert sorted(found) == sorted(
        [
            "$.nmae",
            "$.destinations[0]",
            *(f"$.destinations[1].{part}" for part in BESIDE),
            "$.destinations[2]",
            *(f"$.destinations[3].{part}" for part in BESIDE),
            "$.destinations[3].id",
        ]
    )


def test_definitions_are_looked_at_beside_other_faults(tmp_path: Path) -> None:
    """A path of a definition that is none, or is given twice, hides neither the others nor the instances."""
    (tmp_path / "bad.json").write_text('{"slug": "x"}', encoding="utf-8")
    raw = {"definitions": ["bad.json", 5, "gone.json", "bad.json"], "destinations": [faulty()]}
    with pytest.raises(WorkspaceError) as caught:
        Engine(Workspace.from_dict(raw, folder=tmp_path, lenient=True), registry=registry())
    assert sorted(problem.path for problem in caught.value.problems) == sorted(
        ["$.definitions", *(f"$.definitions[{index}]" for index in (0, 1, 2)), *below(*BESIDE)]
    )


@pytest.mark.parametrize(
    "raw", [None, [], 5, {}, {"destinations": {}}, {"destinations": None}, {"destinations": [{1: 2}]}]
)
def test_what_is_no_workspace_is_refused_when_it_is_read(raw: Any) -> None:
    """Without a list of destinations, and with what JSON does not have, there is nothing to go on with."""
    with pytest.raises(WorkspaceError):
        Workspace.from_dict(raw)


def test_a_workspace_alone_tells_all_that_needs_no_destination(tmp_path: Path) -> None:
    """Read by itself, a workspace that does not fit its schema is refused with its other faults beside."""
    raw = {"destinations": [faulty(typo=1)], "nope": 1}
    file = tmp_path / "workspace.json"
    file.write_text(json.dumps(raw), encoding="utf-8")
    expected = sorted(["$.nope", *below("typo", *BESIDE[2:])])
    for read in (lambda: Workspace.from_dict(raw), lambda: Workspace.from_file(file)):
        with pytest.raises(WorkspaceError, match="is faulty:") as caught:
            read()
        assert sorted(problem.path for problem in caught.value.problems) == expected
    for workspace in (Workspace.from_dict(raw, lenient=True), Workspace.from_file(file, lenient=True)):
        assert {problem.path for problem in workspace.problems} == {"$.nope", "$.destinations[0].typo"}


def test_a_workspace_alone_leaves_the_rest_to_the_engine() -> None:
    """What fits the schema is read, though a condition may be faulty: the engine tells that with the rest."""
    assert Workspace.from_dict({"destinations": [faulty(filters=[])]}).problems == ()


@pytest.mark.parametrize("make", [Engine.from_file, BackgroundEngine], ids=["Engine", "BackgroundEngine"])
def test_an_engine_of_a_file_tells_everything(make: Callable[..., object], tmp_path: Path) -> None:
    """Both engines refuse the file with its name, and every fault."""
    file = tmp_path / "workspace.json"
    file.write_text(json.dumps({"destinations": [faulty(typo=1)]}), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="workspace.json is faulty") as caught:
        make(file, registry=registry())
    assert sorted(problem.path for problem in caught.value.problems) == sorted(below("typo", *BESIDE))


def test_warnings_among_errors_say_what_they_are() -> None:
    """In the text of an error, a warning is told from what has to be fixed."""
    raw = {"destination": "shop", "settings": {"apiKey": "k", "more": 1}}
    bad = {"partnerAction": "nothing", "subscribe": "type = track"}
    with pytest.raises(WorkspaceError) as caught:
        Engine(Workspace.from_dict({"destinations": [{**raw, "subscriptions": [bad]}]}), registry=registry())
    lines = str(caught.value).splitlines()[1:]
    warnings = [line for line in lines if ": warning: " in line]
    assert [line.split(":")[0].strip() for line in warnings] == [
        f"{PLACE}.settings.more",
        f"{PLACE}.subscriptions[0].subscribe",
    ]
    assert len(lines) == 3


def test_a_good_workspace_has_no_problems() -> None:
    """Nothing is noted where nothing is wrong."""
    raw = {
        "destinations": [{"destination": "shop", "settings": {"apiKey": "k"}, "enabled": None, "id": None}]
    }
    workspace = Workspace.from_dict(raw)
    assert workspace.problems == ()
    assert workspace.destinations[0].id == "shop"
    engine = Engine(workspace, registry=registry(), transport=RecordingTransport())
    asyncio.run(engine.close())


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        (None, None),
        ("nats://one,nats://two", BrokerSpec("nats://one,nats://two")),
        ({"$env": "NATS_URL"}, BrokerSpec({"$env": "NATS_URL"})),
        (
            {"url": {"$env": "NATS_URL"}, "credentials": "a.creds", "replicas": 3, "mostBytes": 10**9},
            BrokerSpec({"$env": "NATS_URL"}, Path("/shop/a.creds"), 3, 10**9),
        ),
        (
            {"url": "x", "partitions": 8, "takeover": 5, "replicas": None},
            BrokerSpec("x", None, 1, None, 8, 5),
        ),
    ],
)
def test_a_broker_has_a_short_form_and_a_long_one(broker: Any, expected: BrokerSpec | None) -> None:
    """The broker is an address, a variable of the environment, or an object with options."""
    workspace = Workspace.from_dict({"destinations": [], "broker": broker}, folder="/shop")
    assert (workspace.problems, workspace.broker) == ((), expected)


@pytest.mark.parametrize(
    ("broker", "path"),
    [
        ("", "$.broker"),
        (7, "$.broker"),
        ({}, "$.broker"),
        ({"$env": ""}, "$.broker.$env"),
        ({"$env": "A", "url": "x"}, "$.broker"),
        ({"url": "x", "takeover": 0}, "$.broker.takeover"),
        ({"url": {"$env": ""}}, "$.broker.url.$env"),
        ({"url": "x", "servers": 3}, "$.broker"),
    ],
)
def test_a_faulty_broker_is_named_with_its_path(broker: Any, path: str) -> None:
    """What is wrong with a broker is a problem at its place, and there is no broker then."""
    workspace = Workspace.from_dict({"destinations": [], "broker": broker}, lenient=True)
    assert path in {
        problem.path.removesuffix(".servers").removesuffix(".url") for problem in workspace.problems
    }
    assert workspace.broker is None
    assert "secret" not in repr(BrokerSpec("nats://me:secret@host"))
