"""What is likely to be a mistake in a workspace that works: the warnings of `actions check`."""

from __future__ import annotations

from actions_core.authoring.advice.samples import Samples
from actions_core.authoring.advice.workspace import advise

__all__ = ["Samples", "advise"]
