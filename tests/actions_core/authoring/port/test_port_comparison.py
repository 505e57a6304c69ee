"""What counts as equal between two runs, and what a difference is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from actions_core.authoring.port.comparison import Failure, Run, compare_runs, given_text
from actions_core.authoring.port.pairing import compare_requests
from actions_core.authoring.port.requests import PlainRequest, our_request, recorded_request
from actions_core.http.requests import Request
from actions_core.values.types import MISSING

_UUID = "0b1a6f4e-7c2d-4e5f-8a9b-0c1d2e3f4a5b"
_OTHER = "1c2b7f5e-8d3e-4f60-9bac-1d2e3f4a5b6c"


def plain(json: Any, url: str = "https://a.example/x") -> PlainRequest:
    """Return a request with a body of JSON."""
    return PlainRequest("POST", url, {}, {}, "json", json)


def leaves(published: Any, ours: Any, given: str = "") -> list[str]:
    """Return the leaves that differ between two bodies."""
    found = compare_runs(Run((plain(published),)), Run((plain(ours),)), given)
    return [difference.leaf for difference in found]


@pytest.mark.parametrize(
    ("published", "ours", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": "1"}, ["json.a"]),
        ({"a": True}, {"a": 1}, ["json.a"]),
        ({"a": None}, {}, ["json.a"]),
        ({"a": [1, 2]}, {"a": [1]}, ["json.a[]: missing in ours"]),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, ["json.a[].b"]),
        ({"a": {"b": 1}, "c": 2}, {"c": 2, "a": {"b": 1}}, []),
        ({"id": _UUID}, {"id": _OTHER}, []),
        ({"id": f"x-{_UUID}"}, {"id": f"x-{_OTHER}"}, []),
        ({"id": f"x-{_UUID}"}, {"id": f"y-{_OTHER}"}, ["json.id"]),
        ({"t": 1_700_000_000}, {"t": 1_700_000_001}, ["json.t"]),
        ({"t": '{"a":1,"b":2}'}, {"t": '{"b":2,"a":1}'}, []),
        ({"t": '{"a":1}'}, {"t": '{"a":2}'}, ["json.t"]),
    ],
)
def test_leaves_of_bodies(published: Any, ours: Any, expected: list[str]) -> None:
    """Only what differs as JSON is a difference; new ids are none."""
    assert leaves(published, ours) == expected


def test_the_present_time_is_no_difference() -> None:
    """Both sides read a clock of their own, as text or as a number; an older time is one that was given."""
    now = datetime.now(UTC)
    assert leaves({"t": now.isoformat()}, {"t": (now + timedelta(seconds=9)).isoformat()}) == []
    assert leaves({"t": int(now.timestamp())}, {"t": int(now.timestamp()) + 3}) == []
    assert leaves({"t": now.isoformat()}, {"t": (now - timedelta(days=1)).isoformat()}) == ["json.t"]


def test_an_id_that_was_given_has_to_arrive() -> None:
    """An id that stands in the event is not one that each side makes anew."""
    assert leaves({"id": _UUID}, {"id": _OTHER}, given_text([{"id": _UUID}], {})) == ["json.id"]


def test_requests_are_paired_whatever_their_order() -> None:
    """Equal requests are paired first, then those to one address; the rest is missing on one side."""
    one, two, three = plain({"a": 1}), plain({"a": 2}), plain({"a": 3}, "https://a.example/y")
    assert compare_runs(Run((one, two)), Run((two, one)), "") == []
    found = compare_runs(Run((one, three)), Run((three,)), "")
    assert [difference.leaf for difference in found] == ["request"]


def test_of_several_requests_those_that_have_little_in_common_are_each_missing() -> None:
    """Those to different addresses are paired if most of them is the same, or if each side has only one."""
    first, sent = plain({"a": 1}), plain({"b": 2})
    made = plain({"name": "n", "type": "t"}, "https://a.example/y")
    found = compare_requests([first, made], [first, sent], "")
    assert [(one.leaf, one.published is MISSING) for one in found] == [("request", False), ("request", True)]
    again = attrs.evolve(made, url="https://a.example/z")
    assert [one.leaf for one in compare_requests([first, made], [first, again], "")] == ["url"]
    assert "url" in [one.leaf for one in compare_requests([made], [sent], "")]
    bare = [
        attrs.evolve(made, method="GET", url=url, kind="", body=None)
        for url in ("https://a/1", "https://a/2")
    ]
    assert [one.leaf for one in compare_requests([first, bare[0]], [first, bare[1]], "")] == ["url"]


def test_requests_to_one_address_are_paired_by_what_is_in_them() -> None:
    """Where one side leaves one of several requests to an address out, the others meet their counterparts."""
    made = [{"name": name, "type": "string", "label": name} for name in "abc"]
    ours = [{**one, "label": "x"} for one in made[1:]]
    found = compare_requests([plain(one) for one in made], [plain(one) for one in ours], "")
    assert [one.leaf for one in found] == ["json.label", "json.label", "request"]
    assert found[2].published == {"method": "POST", "url": "https://a.example/x", "json": made[0]}


@pytest.mark.parametrize(
    ("published", "ours", "expected"),
    [
        (None, None, []),
        (("no", False), ("other words", False), []),
        (("no", True), ("no", False), ["retry"]),
        (None, ("'abc' has 12 signs", False), ["only ours refuses: … has … signs"]),
        (("gone", False), None, ["only the published one refuses: gone"]),
    ],
)
def test_refusals(published: Any, ours: Any, expected: list[str]) -> None:
    """A refusal on one side is a difference named by its message, without values; so is another retry."""
    failures = [None if one is None else Failure(one[0], retryable=one[1]) for one in (published, ours)]
    runs = [Run(failure=failure) for failure in failures]
    assert [difference.leaf for difference in compare_runs(*runs, "")] == expected


def test_items_of_a_batch_are_compared_one_by_one() -> None:
    """Each item of a batch has an outcome of its own."""
    published = Run(failures=(None, Failure("bad", retryable=False)))
    found = [one.leaf for one in compare_runs(published, Run(failures=(None, None)), "")]
    assert found == ["items[]: only the published one refuses: bad"]


_FORMS: dict[str, tuple[Request, dict[str, Any]]] = {
    "json": (
        Request("post", "https://A.example/a%2Db?x=1&y=a+b", json={"k": 1}, headers={"X-Key": "s"}),
        {
            "url": "https://a.example/a-b?y=a%20b&x=1",
            "headers": {"content-type": "application/json; charset=utf-8", "x-key": "s", "user-agent": "u"},
            "body": '{"k": 1}',
        },
    ),
    "form": (
        Request("POST", "https://a.example/", form={"a": ["1", "2"], "b": "x"}),
        {
            "url": "https://a.example",
            "headers": {"content-type": "application/x-www-form-urlencoded"},
            "body": "b=x&a=1&a=2",
        },
    ),
    "bytes": (
        Request("POST", "https://a.example/x", body=b"\xff\x00"),
        {
            "url": "https://a.example/x",
            "headers": {"content-type": "application/octet-stream"},
            "base64": "/wA=",
        },
    ),
    "lines": (
        Request("POST", "https://a.example/x", body='{"a":1}\n{"a":2}\n'),
        {"url": "https://a.example/x", "headers": {"content-type": "text/plain"}, "body": '{"a":1}\n{"a":2}'},
    ),
    "nothing": (
        Request("POST", "https://a.example/x"),
        {"url": "https://a.example/x", "headers": {"content-type": "application/json"}, "body": ""},
    ),
}


@pytest.mark.parametrize(("ours", "recorded"), _FORMS.values(), ids=_FORMS)
def test_both_sides_have_one_form(ours: Request, recorded: dict[str, Any]) -> None:
    """However a request is spelled, equal requests of both sides are equal in the form that is compared."""
    assert our_request(ours) == recorded_request({"method": "POST", **recorded})


def test_what_stands_for_itself_in_a_part_of_a_path_may_be_quoted() -> None:
    """In a part of a path, signs such as @ and : are the same quoted and unquoted."""
    one, other = (
        our_request(Request("GET", f"https://a.example/{part}/x")) for part in ("a%40b%3Ac%24%2B", "a@b:c$+")
    )
    assert one == other


def test_what_must_not_be_decoded_stays_in_a_path() -> None:
    """A slash within a part of a path is not the one that ends the part."""
    one, other = (our_request(Request("GET", f"https://a.example/{part}")) for part in ("a%2Fb", "a/b"))
    assert one != other
