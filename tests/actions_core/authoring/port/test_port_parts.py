"""The parts of a port: words of a source, the file of differences, unreached parts, definitions, the page."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.authoring.port.catalogue import Row, catalogue_page, needs_of
from actions_core.authoring.port.definitions import MARK, published_definition, with_marked_texts
from actions_core.authoring.port.differences import PortFile, Where
from actions_core.authoring.port.leaves import Difference
from actions_core.authoring.port.literals import read_literals
from actions_core.authoring.port.packages import VERSION, cache_folder
from actions_core.authoring.port.trials import Trials
from actions_core.authoring.port.unreached import unreached_parts
from actions_core.authoring.port.values import Values
from actions_core.destination import load_destination
from actions_core.validation.fields import FieldSpec
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.values.types import Json

_SOURCE = """
const dayjs = require("dayjs");
// if (payload.kind === 'in a comment') {}
const fields = { id: { label: 'A label of a field', type: 'string' } };
function perform(request, { payload }) {
    if (payload.kind === 'sms' || ['mms', "rcs"].includes(payload.channel_name)) {}
    if (typeof payload.x === 'object') {}
    if (payload.text.length > 160) {}
    if (!/^https:\\/\\/api\\.shop\\.com/.test(payload.url)) {}
    return request(`https://x`).then((response) => response.data.errors[0].message_code);
}
"""


def test_words_of_a_source() -> None:
    """What guards compare with, keys, numbers, hosts and keys of responses are found; labels are not."""
    found = read_literals([{"path": "a/index.js", "text": _SOURCE, "near": True}])
    assert found.guards == ("sms",)
    assert {"sms", "mms", "rcs"} <= set(found.texts)
    assert not {"in a comment", "A label of a field"} & set(found.texts)
    assert {"kind", "channel_name", "url"} <= set(found.keys)
    assert found.numbers == (160,)
    assert found.hosts == ("api.shop.com",)
    assert "errors" in found.response_keys


@pytest.mark.parametrize(
    ("action", "leaf", "expected"),
    [
        ("track", "json.a", ("track: json.a", "one")),
        ("track", "headers.x-b", ("*: headers.*", "all")),
        ("page", "json.a", None),
        ("page", "json.events[].a.time", ("page: json.events[]*.time", "dots")),
    ],
)
def test_reasons_are_found_by_action_and_pattern(
    action: str, leaf: str, expected: tuple[str, str] | None
) -> None:
    """The action's own patterns come first, then those of all; `*` stands for anything, nothing else does."""
    port = PortFile(
        differences={
            "*": {"headers.*": "all"},
            "track": {"json.a": "one"},
            "page": {"json.events[]*.time": "dots", "json?a": "no pattern"},
        }
    )
    assert port.reason(action, Difference(leaf, 1, MISSING)) == expected


@pytest.mark.parametrize(
    ("published", "ours", "is_meant"),
    [
        ({"0": 1}, [1], True),
        ({"0": 1}, MISSING, True),
        ({"0": 1}, None, False),
        ([1], [2], False),
        ({"0": 1}, {"0": 2}, False),
    ],
)
def test_a_reason_may_hold_for_values_of_some_kinds_only(published: Json, ours: Json, is_meant: bool) -> None:  # noqa: FBT001  # a column of the cases
    """A reason with kinds explains a difference between values of these kinds, and no other."""
    entry = {"reason": "lists stay lists", "published": "object", "ours": ["list", "missing"]}
    port = PortFile(differences={"*": {"json.*": entry}})
    found = port.reason("track", Difference("json.a", published, ours))
    assert found == (("*: json.*", "lists stay lists") if is_meant else None)


def test_a_reason_may_hold_for_texts_of_one_form_only() -> None:
    """With `like`, a reason explains texts of that form on one side; a leaf may have several reasons."""
    entries = [
        {"reason": "a bug", "published": {"like": "final (TypeError*"}},
        {"reason": "too many", "published": {"like": "tried again (429*"}},
    ]
    port = PortFile(differences={"*": {"retry": entries}})
    found = [
        port.reason("track", Difference("retry", text, "final (x)"))
        for text in ("final (TypeError: y)", "tried again (429)", "final (HTTPError: y)", None)
    ]
    assert [one and one[1] for one in found] == ["a bug", "too many", None, None]
    assert [one and one[0] for one in found[:2]] == port.patterns()
    assert port.patterns()[0] == '*: retry {"published": {"like": "final (TypeError*"}}'
    assert port.reasons("*") == ["a bug", "too many"]


@pytest.mark.parametrize(
    ("published", "is_meant"),
    [
        (1767323045, True),
        ("1767323045", True),
        (17673230450, False),
        ("at 1767323045", False),
        (MISSING, False),
    ],
)
def test_a_reason_may_hold_for_values_that_match(published: Json, is_meant: bool) -> None:  # noqa: FBT001  # a column of the cases
    """With `matches`, a reason explains values whose whole text, or JSON, matches a regular expression."""
    entry = {"reason": "seconds", "published": {"matches": "[0-9]{10}"}, "ours": "number"}
    port = PortFile(differences={"*": {"json.time": entry}})
    found = port.reason("track", Difference("json.time", published, 1767323045000))
    assert (found is not None) == is_meant


@pytest.mark.parametrize("wanted", ["add", None])
@pytest.mark.parametrize("mode", ["add", "update", None])
def test_a_reason_may_hold_for_a_sync_mode_only(wanted: str | None, mode: str | None) -> None:
    """With `syncMode`, a reason explains differences of mappings that name this mode, or with null, none."""
    port = PortFile(differences={"*": {"json.a": {"reason": "x", "syncMode": wanted}}})
    found = port.reason("track", Difference("json.a", 1, 2), Where(sync_mode=mode))
    assert (found is not None) == (mode == wanted)


@pytest.mark.parametrize(
    ("refusals", "is_meant"),
    [((), False), (("no email here",), True), (("x", "no email"), True), (("x",), False)],
)
def test_a_reason_may_hold_where_ours_refuses(refusals: tuple[str, ...], is_meant: bool) -> None:  # noqa: FBT001  # a column of the cases
    """With `refusal`, a reason explains what follows from that refusal of ours, and nothing else."""
    port = PortFile(differences={"*": {"request": {"reason": "x", "refusal": "no email*"}}})
    found = port.reason("track", Difference("request", {}, MISSING), Where(refusals=refusals))
    assert (found is not None) == is_meant


@pytest.mark.parametrize(
    ("requested", "is_meant"),
    [((), False), (("a.example/undefined/x",), True), (("a.example/7/x",), False)],
)
def test_a_reason_may_hold_where_the_published_one_requests_a_url(
    requested: tuple[str, ...],
    is_meant: bool,  # noqa: FBT001  # a column of the cases
) -> None:
    """With `requested`, a reason explains differences beside a request of the published one to such a URL."""
    port = PortFile(differences={"*": {"only ours*": {"reason": "x", "requested": "*/undefined/*"}}})
    difference = Difference("only ours refuses: no list", "goes well", "no list")
    found = port.reason("track", difference, Where(requested=requested))
    assert (found is not None) == is_meant


@pytest.mark.parametrize(("batches", "meant"), [(None, [1, 1]), (True, [0, 1]), (False, [1, 0])])
def test_a_reason_may_hold_in_batches_only(batches: Json, meant: list[int]) -> None:
    """With `batches`, a reason explains differences of events that go out together, or of single ones."""
    entry = {"reason": "x", **({} if batches is None else {"batches": batches})}
    port = PortFile(differences={"*": {"json.a": entry}})
    found = [port.reason("track", Difference("json.a", 1, 2), Where(one)) for one in (False, True)]
    assert [int(one is not None) for one in found] == meant


def _part(start: int, end: int, text: str, **changes: Any) -> dict[str, Json]:
    return {
        "function": "perform",
        "whole": False,
        "line": start,
        "start": start,
        "end": end,
        "before": "  if (x) ",
        "text": text,
        **changes,
    }


def test_unreached_parts_are_those_of_the_actions_that_were_tried() -> None:
    """Helpers of the compiler, parts of unreached functions, other actions and other roles are left out."""
    parts = [
        _part(1, 9, "{ a }", function="__importDefault"),
        _part(10, 30, "function b() { if (c) {} }", function="b", whole=True, before=""),
        _part(15, 20, "{ c }"),
        _part(40, 50, "{ refuse() }"),
        _part(60, 70, "x", function="testAuthentication", whole=True),
    ]
    files = [{"path": "shop/order/index.js", "parts": parts}, {"path": "shop/other/index.js", "parts": parts}]
    found = [str(part) for part in unreached_parts(files, ["other"], batches=False)]
    assert found == [
        "shop/order/index.js:10  function b() { if (c) {} }",
        "shop/order/index.js:40  if (x) >>> { refuse() }",
    ]


@pytest.mark.parametrize(
    ("before", "text", "shown"),
    [
        ("f(a ?? ", "{}", "f(a ?? >>> {}"),
        ("", "y" * 200, "y" * 109 + "…"),
        ("x" * 200, "{}", "…" + "x" * 55 + " >>> {}"),
        ("if (x) ", "y" * 200, "if (x) >>> " + "y" * 98 + "…"),
    ],
)
def test_what_was_not_reached_stays_in_sight(before: str, text: str, shown: str) -> None:
    """A long line is shortened so that the mark, and what begins there, can be seen."""
    files = [{"path": "shop/a.js", "parts": [_part(4, 5, text, before=before)]}]
    (part,) = unreached_parts(files, [], batches=False)
    assert part.shortened() == f"shop/a.js:4  {shown}"
    assert str(part).endswith(text)


def test_a_published_definition_can_be_loaded() -> None:
    """Functions become what definitions say of them, and presets of actions that are gone are dropped."""
    action = {
        "title": "A",
        "fields": {"a": {"label": "A", "type": "string"}},
        "hooks": {
            "retlOnMappingSave": {"label": "H", "outputTypes": {"id": {"label": "I", "type": "string"}}}
        },
    }
    preset = {"name": "P", "type": "automatic", "subscribe": 'type = "track"', "mapping": {}}
    data = {
        "slug": "shop",
        "name": "Shop",
        "actions": {"a": action},
        "presets": [{**preset, "partnerAction": "a"}, {**preset, "partnerAction": "gone"}],
    }
    places = ["actions.a.perform", "actions.a.performBatch", "actions.a.dynamicFields.a.__keys__"]
    spec = load_destination(published_definition(data, places)).spec
    assert spec.actions["a"].has_perform_batch
    assert dict(spec.actions["a"].dynamic_fields) == {"a": ("__keys__",)}
    assert list(spec.actions["a"].hooks["retlOnMappingSave"].output_fields) == ["id"]
    assert [one.partner_action for one in spec.presets] == ["a"]


def test_texts_of_others_are_marked_but_not_data() -> None:
    """Each description is marked once; one that is data of a default is left as it is."""
    field = {"description": "The id", "default": {"description": "data"}}
    marked = with_marked_texts(with_marked_texts({"description": "D", "fields": {"a": field}}))
    assert marked["description"] == f"{MARK}D"
    assert marked["fields"]["a"] == {"description": f"{MARK}The id", "default": {"description": "data"}}


def test_the_page_counts_by_class() -> None:
    """A destination's class follows from its actions, and from what its sources use."""
    rows = [
        Row("a", "A", 2, ("x", "y"), (), {}),
        Row("b", "B", 2, ("x",), ("y",), {}),
        Row("c", "C", 1, (), (), {"x": "it makes several requests for an event"}),
        Row("d", "D", 1, ("x",), (), {}, ("a Kafka client",)),
        Row("e", "E", 1, (), (), {"x": "only 0 of 60 calls made a request"}),
    ]
    kinds = [row.kind for row in rows]
    assert kinds == ["in JSON alone", "in JSON and Python", "in Python", "needs more", "no request seen"]
    page = catalogue_page(rows, "the package 1.0", 7)
    assert "Of 7 actions, a request in JSON was inferred for 5; 4 of these" in page
    assert "5 of the 7 destinations of the package 1.0" in page
    assert "| in JSON alone | 1 | 2 |" in page
    assert "| all | 5 | 7 | |" in page
    assert "| 4 | a request in JSON was inferred, and was equal at once |" in page
    assert "| 1 | too few calls made a request |" in page
    assert "| c | in Python | 1 | 0 | 0 | it makes several requests for an event (1) |" in page


def test_what_a_destination_needs_is_read_from_its_sources() -> None:
    """Packages of services and signing with keys are named once each."""
    texts = ['require("aws4")', 'require("@aws-sdk/client-s3")', 'require("aws4")', 'sign(x, "RS256")']
    found = needs_of([{"text": text} for text in texts])
    assert found == ("requests signed for AWS", "an SDK of AWS", "tokens signed with a private key")


def test_values_fit_their_fields_and_reach_every_choice() -> None:
    """Without nasty values, each value has its field's type; all choices come up."""
    fields = {
        "tier": FieldSpec("string", choices=None),
        "count": FieldSpec("integer", minimum=2, maximum=4),
        "flag": FieldSpec("boolean"),
        "tags": FieldSpec("string", multiple=True),
        "user": FieldSpec("object", properties={"id": FieldSpec("string", required=True)}),
    }
    values = Values(Random(7), datetime(2026, 1, 2, tzinfo=UTC))
    seen = [values.payload(fields, density=1.0, nasty=0.0) for _ in range(40)]
    assert all(isinstance(one["tags"], list) and isinstance(one["flag"], bool) for one in seen)
    assert all("id" in one["user"] for one in seen)
    assert {2, 4} <= {one["count"] for one in seen if isinstance(one["count"], int)}


def test_no_value_is_what_the_published_framework_alone_takes_for_a_number_or_a_time() -> None:
    """Blanks for a number, a list of one time, and words with a digit for a time are left out."""
    fields = {"count": FieldSpec("number"), "at": FieldSpec("datetime")}
    values = Values(Random(7), datetime(2026, 1, 2, tzinfo=UTC))
    seen = [values.payload(fields, density=1.0, nasty=5.0) for _ in range(3000)]
    counts, times = ([one[key] for one in seen if key in one] for key in fields)
    assert not any(isinstance(count, str) and count and not count.strip() for count in counts)
    assert any(isinstance(count, str) for count in counts)
    assert not any(isinstance(time, list) and len(time) == 1 for time in times)
    words = [time for time in times if isinstance(time, str) and not time.startswith("20")]
    assert words
    assert not any(letter.isdigit() for word in words for letter in word)


def test_the_cache_is_the_users_and_can_be_named() -> None:
    """The folder is below the user's cache, by version, unless a variable names another."""
    assert cache_folder({"XDG_CACHE_HOME": "/c"}).as_posix() == f"/c/actions-core/published-{VERSION}"
    assert cache_folder({"ACTIONS_PORT_CACHE": "/p", "XDG_CACHE_HOME": "/c"}).as_posix() == "/p"


def test_an_event_keeps_what_every_event_has() -> None:
    """A field that is mapped from an event's type or id gives no type that there is not, and no empty id."""
    definition = {
        "name": "Shop",
        "slug": "actions-shop",
        "authentication": {"scheme": "custom", "fields": {}},
        "actions": {
            "order": {
                "title": "Order",
                "fields": {
                    "kind": {"label": "Kind", "type": "string", "default": {"@path": "$.type"}},
                    "key": {"label": "Key", "type": "string", "default": {"@path": "$.messageId"}},
                    "id": {"label": "Id", "type": "string", "default": {"@path": "$.properties.id"}},
                },
            }
        },
    }
    spec = load_destination(definition).spec
    values = Values(Random(7), datetime(2026, 1, 2, tzinfo=UTC), fixed={"key": ["", "k-1"]})
    trials = list(Trials(spec, "order", values, PortFile()).single(80))
    events = [trial.events[0] for trial in trials if trial.mapping is None]
    assert len({event["properties"].get("id") for event in events if "properties" in event}) > 3
    assert all(event["messageId"] for event in events)
    assert "k-1" in {event["messageId"] for event in events}
    assert {event["type"] for event in events} <= {"track", "identify", "page", "group", "screen", "alias"}


@pytest.mark.parametrize("seconds", [True, False])
def test_times_in_seconds_can_be_left_out(seconds: bool) -> None:  # noqa: FBT001  # a column of the cases
    """Where calls are recorded for a draft, no time is in seconds: both frameworks read the others alike."""
    values = Values(Random(7), datetime(2026, 1, 2, tzinfo=UTC), seconds=seconds)
    numbers = [time for time in (values.time() for _ in range(300)) if isinstance(time, int)]
    assert any(number > 1e12 for number in numbers)
    assert any(number < 1e12 for number in numbers) == seconds


def test_keys_that_an_object_declares_have_values_of_their_own() -> None:
    """Keys that are added to an object at random never stand in place of a field that it declares."""
    price = FieldSpec("integer", minimum=2, maximum=4, required=True)
    fields = {"item": FieldSpec("object", properties={"price": price}, additional_properties=True)}
    values = Values(Random(7), datetime(2026, 1, 2, tzinfo=UTC))
    items = [values.payload(fields, density=1.0, nasty=0.0)["item"] for _ in range(200)]
    assert any(len(item) > 2 for item in items)
    assert all(isinstance(item["price"], int) for item in items)
