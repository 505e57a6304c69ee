"""A destination: its definition, and the functions that do what the definition says.

The functions are plain; a decorator only notes them. They are checked against the definition and
compiled into `Handler` once, at `check` or when the destination is first used, and all that is wrong
is found in one go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.values.lazy import lazy_names

if TYPE_CHECKING:
    from actions_core.destination.destination import Destination, load_destination
    from actions_core.destination.handler import Handler
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Destination": "destination",
            "Handler": "handler",
            "load_destination": "destination",
        },
    )

__all__ = [
    "Destination",
    "Handler",
    "load_destination",
]
