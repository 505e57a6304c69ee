"""The vectors of Liquid: 300 templates with an event each, and the text that comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actions_core import compile_mapping
from actions_core.errors import MappingError

CASES = json.loads(Path(__file__).with_name("liquid.json").read_text(encoding="utf-8"))["liquid"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["mapping"]["v"]["@liquid"])
def test_text(case: dict[str, Any]) -> None:
    """A template gives the vector's text, or is refused where the vector is."""
    if "error" in case:
        with pytest.raises(MappingError):
            compile_mapping(case["mapping"])
    else:
        assert compile_mapping(case["mapping"]).resolve(case["event"]) == case["output"]
