"""The vectors of FQL: 300 conditions with an event each, and the right verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actions_core.subscriptions import generate_fql, parse_fql

CASES = json.loads(Path(__file__).with_name("fql.json").read_text(encoding="utf-8"))["fql"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["fql"])
def test_verdict(case: dict[str, Any]) -> None:
    """The compiled function, the trace and the condition written anew agree with the vector."""
    condition = parse_fql(case["fql"])
    assert condition.matches(case["event"]) is case["match"]
    assert condition.trace(case["event"]).matched is case["match"]
    assert parse_fql(generate_fql(condition)) == condition
