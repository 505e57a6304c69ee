"""How many examples hypothesis tries: few in the suite, so that it stays quick; many in `make fuzz`."""

from __future__ import annotations

import os
from typing import Final

#: How many times the usual number.
TIMES: Final = float(os.environ.get("EXAMPLES", "0.4"))


def examples(usual: int) -> int:
    """Return how many examples are tried where `usual` would be enough without others beside them."""
    return max(10, round(usual * TIMES))
