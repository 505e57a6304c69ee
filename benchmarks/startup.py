"""What `import actions_core` takes, beyond the start of the interpreter."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter


def import_seconds() -> float:
    """Seconds that one process takes longer with the import than without."""
    return _run("import actions_core") - _run("pass")


def _run(code: str) -> float:
    started = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - this very interpreter
    return perf_counter() - started
