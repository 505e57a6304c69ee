"""Reading JSON files that people write: every fault is a `DefinitionError` that says where.

Python's own reader takes more than JSON has (NaN, keys given twice, half a surrogate pair) and falls
over on what is merely deep or long; what other tools would read differently is refused here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from actions_core.errors import DefinitionError

if TYPE_CHECKING:
    from actions_core.types import Json


def read_json(path: str | Path) -> Json:
    """The JSON in a file."""
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DefinitionError(f"{path}: {error}") from None
