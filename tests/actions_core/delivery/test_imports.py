"""What delivery costs those who do not use it: nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("actions_core", ["sqlite3", "actions_core.delivery"]),
        ("actions_core.engine.engine", ["sqlite3", "actions_core.delivery"]),
        ("actions_core.delivery.rules", ["sqlite3"]),
        ("actions_core.delivery.store", ["sqlite3"]),
    ],
)
def test_sqlite_loads_with_a_file_only(module: str, absent: list[str]) -> None:
    """Neither the engine nor the rules of delivery load SQLite, nor the engine delivery."""
    code = f"import sys, {module}; print([name for name in {absent} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert run.stdout.strip() == "[]"
