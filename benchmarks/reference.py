"""The reference side: a node process that measures on request."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

FOLDER = Path(__file__).parent


class Reference:
    """The process of `reference.js` while its context is entered."""

    def __enter__(self) -> Self:
        node = shutil.which("node")
        if node is None:
            raise SystemExit("node is needed to measure the reference")
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [node, str(FOLDER / "reference.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)

    def ask(self, measure: str, **order: Any) -> Any:
        """Order a measure and return its value."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise SystemExit("the reference was not started with pipes")
        stdin.write(json.dumps({"measure": measure, **order}) + "\n")
        stdin.flush()
        reply = json.loads(stdout.readline() or '{"error": "it ended"}')
        if "error" in reply:
            raise SystemExit(f"the reference could not measure {measure!r}: {reply['error']}")
        return reply["value"]

    @staticmethod
    def version() -> str:
        """Return the installed version of the package."""
        package = FOLDER / "node_modules" / "@segment" / "actions-core" / "package.json"
        return json.loads(package.read_text(encoding="utf-8"))["version"]
