"""Parts of a published source that no trial has reached, as lines for people.

The published side tells them by V8's block coverage; here they become one line for each branch or function.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from actions_core.values.types import JsonObject

#: What a compiler of TypeScript puts before each module.
_COMPILED: Final = re.compile(
    r"__(createBinding|importDefault|importStar|setModuleDefault|esModule|exportStar)|\bmod\b"
)
#: Functions that events do not call: they are no part of what is compared.
_ASIDE: Final = frozenset(
    {
        *("testAuthentication", "refreshAccessToken", "onDelete", "createAudience", "getAudience"),
        *("performHook", "dynamicFields", "performBatch"),
    }
)
_LONGEST: Final = 110
#: Between the beginning of a line, which may have been reached, and what was not.
_MARK: Final = " >>> "


@attrs.frozen
class Unreached:
    """A part that was not reached: `path:line`, the beginning of its line, a mark, and its source."""

    path: str
    line: int
    text: str
    whole_function: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.line}  {self.text}"

    def shortened(self) -> str:
        """Return the part in a line that fits a screen; the mark and what follows it stay in sight."""
        before, mark, after = self.text.partition(_MARK)
        if len(self.text) > _LONGEST and mark:
            before = before if len(before) <= _LONGEST // 2 else f"…{before[-_LONGEST // 2 :]}"
        text = before + mark + after
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        return f"{self.path}:{self.line}  {text}"


def unreached_parts(
    files: Sequence[JsonObject], others: Collection[str], *, batches: bool
) -> Iterator[Unreached]:
    """Yield the parts that matter to the actions that were tried.

    `others` are the actions that were not, whose files are left out. Without `batches`, functions for batches
    are left out, too.
    """
    for file in files:
        folders = file["path"].split("/")[1:-1]
        if set(folders) & set(others) or "__tests__" in folders or "versioning-info" in file["path"]:
            continue
        wholes = [part for part in file["parts"] if part["whole"]]
        for part in sorted(file["parts"], key=lambda one: one["start"]):
            if _is_aside(part, batches=batches) or _is_inside(part, wholes):
                continue
            yield Unreached(file["path"], part["line"], _shown(part), part["whole"])


def _is_aside(part: JsonObject, *, batches: bool) -> bool:
    name = part["function"]
    if name in _ASIDE and not (name == "performBatch" and batches):
        return True
    return bool(_COMPILED.search(name) or _COMPILED.search(part["before"] + part["text"].split("\n")[0]))


def _is_inside(part: JsonObject, wholes: Sequence[JsonObject]) -> bool:
    """Return whether the part lies in a function that was not reached as a whole."""
    return any(
        whole is not part and whole["start"] <= part["start"] and part["end"] <= whole["end"]
        for whole in wholes
    )


def _shown(part: JsonObject) -> str:
    before = " ".join(part["before"].split())
    return f"{before}{_MARK if before else ''}{' '.join(part['text'].split())}"
