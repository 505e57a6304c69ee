"""Deliver `events.ndjson` through `workspace.json` to a stand-in for FullStory, and show what arrived.

What was delivered, and what was not, stays in a folder, `build/demo` unless another is named, where the
console shows it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

from actions_fullstory.sandbox import FullStorySandbox

ROOT = Path(__file__).parents[1]
#: Made anew by each run: events that an outbox knows already would not be delivered again.
FOLDER = Path(*sys.argv[1:2] or ("build/demo",))
WORKSPACE = FOLDER / "workspace.json"
FAILURES = FOLDER / "failures.ndjson"
#: Where `actions sandbox` runs the stand-in, for what is sent from the console.
STAND_IN = "http://127.0.0.1:8811"
#: Users whom a browser has identified: FullStory's older API takes calls for no others.
IDENTIFIED = ("u-ada", "u-grace", "u-hedy")
#: 0 is a run without failures, 1 one with some: the sample holds bad events on purpose.
EXPECTED = (0, 1)


async def actions(*arguments: str, **environment: str) -> int:
    """Run the command `actions` at the root of the repository, and give its exit code."""
    print(f"\n$ actions {' '.join(arguments)}\n", flush=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "actions_core.apps.cli", *arguments, cwd=ROOT, env={**os.environ, **environment}
    )
    return await process.wait()


def show(sandbox: FullStorySandbox) -> None:
    """Print what the stand-in has got."""
    names = Counter(event.get("name") or event.get("event_name") for event in sandbox.events)
    responses = ", ".join(f"{count} with {status}" for status, count in sorted(sandbox.statuses.items()))
    users = sorted(sandbox.users.values(), key=lambda user: user.uid or "")
    print(
        f"\nResponses: {responses}. The events ask for each 503 on purpose; those requests were tried again."
    )
    print(f"\nWhat arrived: {len(sandbox.events)} events and {len(users)} users\n")
    for name, count in sorted(names.items(), key=lambda item: str(item[0])):
        print(f"  {count:2} {name}")
    print()
    for user in users:
        about = [user.display_name, user.email, f"{len(user.properties)} properties"]
        print(f"  {user.uid or '(anonymous)'}: {', '.join(text for text in about if text)}")


def prepare() -> None:
    """Write the workspace of the example with an outbox into the folder."""
    shutil.rmtree(ROOT / FOLDER, ignore_errors=True)
    (ROOT / FOLDER).mkdir(parents=True)
    workspace = json.loads((ROOT / "examples/workspace.json").read_text("utf-8"))
    workspace["destinations"][0]["settings"]["baseUrl"] = STAND_IN
    workspace = {"name": "demo", "outbox": "events.db", **workspace}
    (ROOT / WORKSPACE).write_text(json.dumps(workspace, indent=2, ensure_ascii=False) + "\n", "utf-8")


def show_way_on(api_key: str) -> None:
    """Print how to look at what was delivered in the browser."""
    print("\nTo see all of it in the browser, with what was given up and why:\n")
    print("  $ .venv/bin/pip install --editable '.[cli,console]'")
    print(f"  $ FULLSTORY_API_KEY={api_key} .venv/bin/actions console {WORKSPACE}")
    print("\nIt delivers nothing by itself. To send from it, start the stand-in beside it:\n")
    print("  $ .venv/bin/actions sandbox --port 8811")


async def main() -> int:
    """Run the demo; 0 when it went as it should."""
    async with FullStorySandbox() as sandbox:
        sandbox.identify(*IDENTIFIED)
        sandbox.fail(503, times=2)
        prepare()
        print(f"A stand-in for FullStory listens at {sandbox.url}")
        code = await actions(
            "run",
            str(WORKSPACE),
            "examples/events.ndjson",
            "--set",
            f"fullstory.baseUrl={sandbox.url}",
            "--failures",
            str(FAILURES),
            FULLSTORY_API_KEY=sandbox.api_key,
        )
        show(sandbox)
    print("\nSome of the events are bad on purpose; the table above says why each was not delivered.")
    show_way_on(sandbox.api_key)
    return 0 if code in EXPECTED else code


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
