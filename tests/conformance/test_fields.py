"""The vectors of fields: 300 definitions with a payload each, the schema, and what becomes of the payload."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from actions_core.errors import PayloadError
from actions_core.validation import PayloadValidator
from actions_core.validation.fields import fields_to_json_schema

CASES = json.loads(Path(__file__).with_name("fields.json").read_text(encoding="utf-8"))["fields"]


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON, where `1` is `1.0` but `True` is no `1`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_schema(case: dict[str, Any]) -> None:
    """The JSON Schema of the fields is the published one, key for key."""
    assert same(fields_to_json_schema(case["fields"]), case["schema"])


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_payload(case: dict[str, Any]) -> None:
    """The payload is cleaned and coerced as the vector says, or refused at its paths; it is never changed."""
    validator = PayloadValidator(case["fields"])
    payload = copy.deepcopy(case["payload"])
    assert same(validator.clean(payload), case["cleaned"])
    if case["valid"]:
        assert same(validator.check(payload), case["coerced"])
    else:
        with pytest.raises(PayloadError) as caught:
            validator.check(payload)
        named = {problem.path for problem in caught.value.problems}
        assert named == {error["path"] for error in case["errors"]}
    assert same(payload, case["payload"])
