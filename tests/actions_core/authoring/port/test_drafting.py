"""Requests inferred from recorded calls: what stands outside the body."""

from __future__ import annotations

import base64
from typing import Any

import attrs
import pytest

from actions_core.authoring.port.drafting import NotInferred, infer_request
from actions_core.authoring.port.requests import PlainRequest
from actions_core.authoring.port.samples import Sample, make_sample


def _samples(url: str, authorization: str) -> list[Sample]:
    """Return calls whose address and credentials have values of the settings and payload in them."""
    samples = []
    for number in range(12):
        settings = {"key": f"secret.key.{number % 4}", "region": ("eu", "us")[number % 2]}
        payload = {"id": f"user-{number * 7919:08x}", "n": number * 31 + 1000}
        values: dict[str, Any] = {**settings, **payload}
        request = PlainRequest(
            "POST",
            url.format(**values),
            {},
            {"authorization": authorization.format(**values)},
            "json",
            {"n": payload["n"]},
            address=url.format(**values),
        )
        samples.append(make_sample({"payload": payload}, settings, {}, "sent", request))
    return samples


def _basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def _with_basic(samples: list[Sample], text: str) -> list[Sample]:
    """Return the calls with a header of basic authentication for a text with the key in it."""
    for sample in samples:
        assert sample.request is not None
        key = sample.values["$.settings.key"]
        sample.request.headers["authorization"] = _basic(text.format(key=key))
    return samples


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{key}:", {"basic": [{"@path": "$.settings.key"}, ""]}),
        ("user:{key}", {"basic": ["user", {"@path": "$.settings.key"}]}),
        ("{key}", {"headers": {"authorization": {"@liquid": "Basic {{ settings.key | base64_encode }}"}}}),
    ],
)
def test_basic_authentication_is_read_from_its_header(text: str, expected: dict[str, Any]) -> None:
    """User and password become `basic`; a text without a colon is encoded as it stands."""
    found = infer_request(_with_basic(_samples("https://a.example/x", "x"), text)).request
    assert {key: found[key] for key in ("basic", "headers") if key in found} == expected


def test_credentials_that_follow_no_rule_are_named() -> None:
    """What is encoded and is no value of the scope leaves the header as what follows no rule."""
    samples = _samples("https://a.example/x", "x")
    for place, sample in enumerate(samples):
        assert sample.request is not None
        sample.request.headers["authorization"] = _basic(f"word{place * place}")
    with pytest.raises(NotInferred, match="its header authorization follows no rule"):
        infer_request(samples)


def test_parts_of_a_path_and_the_host_are_places() -> None:
    """A value in a path is a place of the URL, one in a host chooses the base."""
    found = infer_request(_samples("https://{region}.a.example/users/{id}/x", "Bearer {key}"))
    assert found.request["url"] == "/users/{id}/x"
    assert found.request["path"] == {"id": {"@path": "$.payload.id"}}
    assert found.request["headers"] == {"authorization": {"@template": "Bearer {{settings.key}}"}}
    assert found.base is not None


def test_a_text_in_a_part_of_a_path_has_a_place_for_each_value() -> None:
    """What stands around values in a part of a path stays in the URL."""
    found = infer_request(_samples("https://a.example/v1/{id}:edit-{n}", "x")).request
    assert found["url"] == "https://a.example/v1/{id}:edit-{n}"
    assert found["path"] == {"id": {"@path": "$.payload.id"}, "n": {"@path": "$.payload.n"}}


def test_a_few_slashes_in_values_make_no_parts_of_a_path() -> None:
    """Where few calls have more parts in their path, a value has a slash in it."""
    samples = _samples("https://a.example/users/{id}", "x")
    assert samples[3].request is not None
    url = "https://a.example/users/a/b"
    samples[3] = attrs.evolve(samples[3], request=attrs.evolve(samples[3].request, url=url, address=url))
    assert infer_request(samples).request["url"] == "https://a.example/users/{id}"


def test_a_call_that_is_unlike_all_others_is_passed_over() -> None:
    """What all but one of the calls follow is taken; fresh calls tell how often it does not hold."""
    samples = _samples("https://a.example/x", "x")
    assert samples[5].request is not None
    samples[5] = attrs.evolve(samples[5], request=attrs.evolve(samples[5].request, body={"m": "other"}))
    assert infer_request(samples).request["json"] == {"n": {"@path": "$.payload.n"}}


def test_calls_that_fail_after_their_request_need_its_response() -> None:
    """An action that fails on an empty response reads what is in it."""
    samples = [
        attrs.evolve(sample, message="TypeError: x") for sample in _samples("https://a.example/x", "x")
    ]
    with pytest.raises(NotInferred, match="it needs what is in the response"):
        infer_request(samples)


def test_a_value_that_an_address_does_not_keep_is_still_the_value() -> None:
    """A part of a path is what nearly all calls show: blanks at the end of an address are lost."""
    samples = _samples("https://a.example/users/{id}", "x")
    values = {**samples[3].values, "$.payload.id": "user \\n"}
    samples[3] = attrs.evolve(samples[3], values=values)
    assert infer_request(samples).request["path"] == {"id": {"@path": "$.payload.id"}}
