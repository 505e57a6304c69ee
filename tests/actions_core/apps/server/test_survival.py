"""Segment's own clients, unmodified, against a server that is killed and started again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("survival.py")
MODULES = Path(__file__).parents[4] / "benchmarks" / "node_modules"


def survive(*arguments: str | Path) -> None:
    """Run the script, which tells what became of the events and whether that is good."""
    run = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(run.stdout)["lost"] == 0


def test_python() -> None:
    """`segment-analytics-python` loses nothing: each event is stored once, and repeated only in flight.

    It takes some seconds, since each kill is a process to start and a pause of the client.
    """
    survive("--events", "500", "--kills", "2")


@pytest.mark.skipif(
    shutil.which("node") is None or not (MODULES / "@segment" / "analytics-node").is_dir(),
    reason="needs node, and @segment/analytics-node in benchmarks/node_modules",
)
def test_node() -> None:
    """`@segment/analytics-node` loses nothing either."""
    survive("--events", "500", "--kills", "2", "--node", MODULES)
