"""The demo leaves behind what it says: a workspace and an outbox on which the console opens."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

from actions_core import Workspace
from actions_core.apps.console.assembly import make_desk
from tests.forks import FORKS

ROOT = Path(__file__).parents[2]


def test_the_console_shows_what_the_demo_delivered(tmp_path: Path, monkeypatch: Any) -> None:
    """The command at the end of the demo names a workspace that is good, with deliveries and dead letters."""
    folder = tmp_path / "demo"
    run = FORKS.run(ROOT / "examples/demo.py", folder, env={**os.environ, "NO_COLOR": "1"}, timeout=120)
    assert run.returncode == 0, run.stderr
    told = re.search(r"FULLSTORY_API_KEY=(\S+) \S+actions console (\S+)\n", run.stdout)
    assert told is not None
    key, file = told.groups()
    assert Path(file) == folder / "workspace.json"
    monkeypatch.setenv("FULLSTORY_API_KEY", key)

    async def look() -> Any:
        async with make_desk(Workspace.from_file(file), file=Path(file)) as desk:
            assert desk.problems == ()
            return await (await desk.feed.named("")).funnel()

    funnel = asyncio.run(look())
    assert funnel.sent > 30
    assert funnel.failed > 5
