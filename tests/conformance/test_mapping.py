"""The vectors of mappings: 300 mappings with an event each, and what comes out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from actions_core import MISSING, compile_mapping, validate_mapping
from actions_core.errors import MappingError

CASES = json.loads(Path(__file__).with_name("mapping.json").read_text(encoding="utf-8"))["mapping"]


@pytest.mark.parametrize("case", CASES)
def test_output(case: dict[str, Any]) -> None:
    """A mapping gives the vector's output, or fails where the vector does; it changes nothing."""
    before = copy.deepcopy(case)
    if "error" in case:
        with pytest.raises(MappingError):
            compile_mapping(case["mapping"]).resolve(case["event"])
    else:
        mapping = compile_mapping(case["mapping"])
        output = mapping.resolve(case["event"])
        assert ({"__undefined__": True} if output is MISSING else output) == case["output"]
        assert mapping.resolve(case["event"]) == output
    assert case == before


@pytest.mark.parametrize("case", [case for case in CASES if "output" in case])
def test_trace(case: dict[str, Any]) -> None:
    """The trace of each field holds the value that the mapping gives it."""
    mapping = compile_mapping(case["mapping"])
    output = mapping.resolve(case["event"])
    traced = {
        trace.field: trace.value for trace in mapping.trace(case["event"]) if trace.value is not MISSING
    }
    assert traced == (output if isinstance(output, dict) else {} if output is MISSING else {"": output})


def test_faults_are_found_at_load() -> None:
    """Of the vectors that fail, all are refused at load, but for faults that an event must reach."""
    reached = [
        case["error"]
        for case in CASES
        if "error" in case and all(p.severity == "warning" for p in validate_mapping(case["mapping"]))
    ]
    assert {error.partition(" ")[0] for error in reached} <= {"@if", "operator", "@case"}
