"""Trials of a port: events that are taken lead to more of their kind, and default mappings are fed."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from actions_core.authoring.port.accepted import Accepted
from actions_core.authoring.port.comparison import Failure, Run, reached
from actions_core.authoring.port.differences import PortFile
from actions_core.authoring.port.requests import PlainRequest
from actions_core.authoring.port.tally import Tally
from actions_core.authoring.port.trials import Trials
from actions_core.authoring.port.values import Values, applied
from actions_core.destination import load_destination
from actions_core.validation.fields import FieldSpec
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.authoring.port.trials import Trial
    from actions_core.destination.specs import DestinationSpec
    from actions_core.values.types import Json

_REQUEST = PlainRequest("POST", "https://shop.example/", {}, {}, "", None)
_SENT, _REFUSED = Run((_REQUEST,)), Run(failure=Failure("no", retryable=False))
_FIELDS: dict[str, Any] = {
    **{key: {"label": key, "type": "boolean"} for key in "abcde"},
    "note": {"label": "Note", "type": "string"},
    "kind": {"label": "Kind", "type": "string", "required": True},
    "user": {
        "label": "User",
        "type": "object",
        "properties": {"id": {"label": "Id", "type": "string"}, "age": {"label": "Age", "type": "integer"}},
        "default": {"id": {"@path": "$.userId"}, "age": {"@path": "$.traits.age"}},
    },
    "items": {
        "label": "Items",
        "type": "object",
        "multiple": True,
        "properties": {"sku": {"label": "Sku", "type": "string", "required": True}},
        "default": {"@arrayPath": ["$.properties.products", {"sku": {"@path": "$.product_id"}}]},
    },
}


def spec(fields: dict[str, Any] = _FIELDS) -> DestinationSpec:
    """Return the definition of a shop with one action."""
    action = {"title": "Order", "fields": fields}
    authentication = {"scheme": "custom", "fields": {}}
    data = {"name": "S", "slug": "s", "authentication": authentication, "actions": {"order": action}}
    return load_destination(data).spec


def trials_of(fields: dict[str, Any] = _FIELDS, *, seed: int = 7, accepted: Accepted | None = None) -> Trials:
    """Return trials of the shop."""
    values = Values(Random(seed), datetime(2026, 1, 2, tzinfo=UTC))
    return Trials(spec(fields), "order", values, PortFile(), accepted=accepted)


def is_rare(trial: Trial) -> bool:
    """Return whether a rule that few events follow takes this one."""
    payload = trial.events[0].get("payload", {})
    return all(payload.get(key) is True for key in "abcd")


def share(trials: Trials, count: int, rule: Callable[[Trial], bool]) -> float:
    """Return the part of events that a rule takes; the trials are told of each."""
    taken = 0
    for trial in trials.single(count):
        trials.learn(trial, (rule(trial),))
        taken += rule(trial)
    return taken / count


def test_what_was_taken_leads_to_more_of_its_kind() -> None:
    """Where few events are taken, most of the later ones are made from those few, and many are taken."""
    told, untold = trials_of(), trials_of()
    at_first = sum(map(is_rare, untold.single(600))) / 600
    assert at_first < 0.05
    assert share(told, 800, is_rare) > 5 * at_first


def test_where_most_events_are_taken_they_are_drawn_anew() -> None:
    """Events are made from others only as far as new ones are refused."""
    trials = trials_of()
    share(trials, 100, lambda _: True)
    assert all(trial.is_new == (True,) for trial in trials.single(100))


def test_an_event_is_not_changed_by_those_made_from_it() -> None:
    """What was taken stays as it was; each event made from it has an id of its own."""
    trials = trials_of()
    kept: list[tuple[Any, Any]] = []
    for trial in trials.single(300):
        trials.learn(trial, (trial.events[0].get("payload", {}).get("a") is True,))
        kept.append((trial.events[0], copy.deepcopy(trial.events[0])))
    assert all(event == before for event, before in kept)
    assert len({event["messageId"] for event, _ in kept}) == 300
    assert any(trial.is_new == (False,) for trial in trials.single(50))


def test_batches_begin_with_what_single_events_have_shown() -> None:
    """Events of batches are made from single ones that were taken, beside new ones, for mixed outcomes."""
    accepted = Accepted()
    share(trials_of(accepted=accepted), 800, is_rare)
    (batch,) = trials_of(seed=8, accepted=accepted).batches(1, 50)
    assert 20 < batch.is_new.count(False) < 50
    assert len(batch.events) == len(batch.is_new) == 50


def test_every_second_batch_has_events_that_are_alike() -> None:
    """Events of a batch that was made from one share about half of its fields; the others vary."""
    accepted = Accepted()
    share(trials_of(accepted=accepted), 400, lambda _: True)
    unlike, alike = trials_of(seed=8, accepted=accepted).batches(2, 50)
    counts = [
        sum(len({repr(event["payload"].get(key)) for event in batch.events}) == 1 for key in _FIELDS)
        for batch in (unlike, alike)
    ]
    assert counts[0] == 0
    assert 1 <= counts[1] < len(_FIELDS)
    assert len({event["messageId"] for event in alike.events}) == 50


def test_events_that_are_alike_come_from_those_that_succeeded() -> None:
    """A batch of events that are alike has values of events that were not refused in the end."""
    accepted = Accepted()
    trials = trials_of(accepted=accepted)
    for trial in trials.single(400):
        trials.learn(trial, (True,), has_succeeded=is_rare(trial))
    _, alike = trials_of(seed=8, accepted=accepted).batches(2, 50)
    assert all(event["payload"].get(key) is True for event in alike.events for key in "abcd")


def test_a_few_fields_are_changed_and_required_ones_stay() -> None:
    """Up to five fields get another value or none; one that is required always has one."""
    fields = {
        "id": FieldSpec("string", required=True),
        "tags": FieldSpec("string", multiple=True),
        **{f"f{number}": FieldSpec("integer") for number in range(8)},
    }
    values = Values(Random(7), datetime(2026, 1, 2, tzinfo=UTC))
    payload: dict[str, Any] = {"id": "a", "tags": ["x", "y"], "f0": 1}
    found = [values.changes(fields, payload, nasty=0.0) for _ in range(300)]
    assert {len(changes) for changes in found} == {1, 2, 3, 5}
    assert all(changes.get("id") is not MISSING for changes in found)
    assert any(changes.get("f0") is MISSING for changes in found)
    made = [applied(payload, changes) for changes in found]
    assert {len(one["tags"]) for one in made if "tags" in one} >= {1, 2, 3}
    assert payload == {"id": "a", "tags": ["x", "y"], "f0": 1}


def test_a_part_of_an_object_is_changed_in_its_place() -> None:
    """Mostly one property of an object changes, and the others stay."""
    user = FieldSpec("object", properties={key: FieldSpec("integer") for key in "abcdefgh"})
    values = Values(Random(7), datetime(2026, 1, 2, tzinfo=UTC))
    before = dict.fromkeys("abcdefgh", -99)
    found = [
        values.changes(
            {"user": user, "users": attrs_multiple(user)}, {"user": before, "users": [before]}, nasty=0
        )
        for _ in range(100)
    ]
    users = [one["user"] for one in found if isinstance(one.get("user"), dict)]
    assert sum(list(one.values()).count(-99) >= 3 for one in users) > len(users) / 2
    lists = [one["users"] for one in found if isinstance(one.get("users"), list)]
    assert any(len(one) == 2 for one in lists)


def attrs_multiple(field: FieldSpec) -> FieldSpec:
    """Return the field for several of its values."""
    return FieldSpec(field.type, multiple=True, properties=field.properties)


def test_parts_of_a_value_go_where_the_parts_of_the_default_read_them() -> None:
    """A default of several mappings gets each part of a value; a required field without one is mapped."""
    trials = [trial for trial in trials_of().single(400) if trial.mapping is None]
    assert all(trial.extra == {"kind": {"@path": "$.payload.kind"}} for trial in trials)
    events = [trial.events[0] for trial in trials]
    assert any(isinstance(event["payload"].get("kind"), str) for event in events)
    assert {type(event["userId"]) for event in events} <= {str}
    products = [event["properties"].get("products", []) for event in events if "properties" in event]
    assert any(isinstance(item, dict) and "product_id" in item for items in products for item in items)


def test_lists_that_default_mappings_read_contain_no_null() -> None:
    """Neither as an item nor in one, as in events made from others: the published framework makes 0 of it."""
    price = {"label": "Price", "type": "number", "required": True}
    shape = ["$.properties.products", {"price": {"@path": "$.price"}}]
    items = {**_FIELDS["items"], "properties": {"price": price}, "default": {"@arrayPath": shape}}
    trials = trials_of({"items": items})
    seen: list[Json] = []
    for number, trial in enumerate(trials.single(4000)):
        trials.learn(trial, (number < 50 or not trial.is_new[0],))
        if trial.mapping is None:
            seen += trial.events[0].get("properties", {}).get("products", [])
    assert len(seen) > 100
    assert [item for item in seen if item is None or (isinstance(item, dict) and None in item.values())] == []


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (_SENT, (True,)),
        (_REFUSED, (False,)),
        (Run(), (False,)),
        (Run((_REQUEST,), failures=(None, Failure("no", retryable=False))), (True, False)),
        (Run(failures=(None, None)), (False, False)),
    ],
)
def test_an_event_has_reached_a_request(run: Run, expected: tuple[bool, ...]) -> None:
    """One that led to a request, whatever the response; of a batch, each that did not fail."""
    assert reached(run) == expected


def test_a_count_knows_which_urls_the_published_one_has_requested() -> None:
    """A reason that names a URL holds where the published side makes a request to it, not where ours does."""
    entry = {"reason": "x", "requested": _REQUEST.url}
    port = PortFile(differences={"order": {"*refuses*": entry, "request": {"reason": "y"}}})
    trials = list(trials_of().single(2))
    tally = Tally("order", spec().actions["order"], port)
    assert tally.add(trials[0], _SENT, _REFUSED) == []
    assert [one.leaf for one in tally.add(trials[1], _REFUSED, _SENT)] == [
        "only the published one refuses: no"
    ]


def test_a_count_knows_what_a_trial_has_given() -> None:
    """A reason that says what is given holds for a trial whose events are like that, and for no other."""
    port = PortFile(differences={"order": {"only*": {"reason": "x", "given": '*"plan": null*'}}})
    trial = next(trials_of().single(1))
    tally = Tally("order", spec().actions["order"], port)
    for plan, number in ((None, 0), ("pro", 1)):
        changed = attrs.evolve(trial, events=({**trial.events[0], "properties": {"plan": plan}},))
        assert len(tally.add(changed, _REFUSED, _SENT)) == number


def test_a_count_tells_how_many_events_reached_a_request_and_why_others_did_not() -> None:
    """The report has both, and calls a count shallow where fewer than one event in five got through."""
    tally = Tally("order", spec().actions["order"], PortFile())
    trials = list(trials_of().single(10))
    for number, trial in enumerate(trials):
        run = _SENT if number < 2 else _REFUSED
        tally.add(trial, run, run)
    found = tally.to_dict()
    assert (found["events"], found["reached"], found["refusals"]) == (10, 2, {"no": 8})
    assert not tally.is_shallow
    tally.add(trials[0], _REFUSED, _REFUSED)
    assert tally.is_shallow
