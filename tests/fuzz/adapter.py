"""What these programs need of the project beside its public names: one place for names that may move."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import actions_core
from actions_core.subscriptions import never_matches, normal_form, same_meaning

if TYPE_CHECKING:
    from actions_core import Condition, Engine

ROOT = Path(__file__).parents[2]
#: The code whose regular expressions are looked at, and whose frames are named in a failure.
PACKAGES = (ROOT / "actions_core", ROOT / "destinations")
#: Result and node codes of what went wrong in the code, not in the data.
OUR_FAULT = "HANDLER_FAILED"


def analyse(condition: Condition) -> None:
    """Ask everything that can be asked of a condition without an event."""
    never_matches(condition)
    normal_form(condition)
    same_meaning(condition, condition)


def free_places(engine: Engine) -> dict[str, tuple[int, int]]:
    """The free places of each lane, and how many there are: the same when nothing is in progress."""
    return {name: (one.lane._places._free, one.lane.concurrency) for name, one in engine.instances.items()}


def is_missing(value: Any) -> bool:
    """Say whether a mapping gave nothing."""
    return value is actions_core.MISSING
