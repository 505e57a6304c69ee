"""Deliver `events.ndjson` through `workspace.json` to a stand-in for FullStory, and show what arrived."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

from actions_fullstory.sandbox import FullStorySandbox

ROOT = Path(__file__).parents[1]
FAILURES = "build/demo-failures.ndjson"
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


async def main() -> int:
    """Run the demo; 0 when it went as it should."""
    async with FullStorySandbox() as sandbox:
        sandbox.identify(*IDENTIFIED)
        sandbox.fail(503, times=2)
        (ROOT / FAILURES).parent.mkdir(exist_ok=True)
        print(f"A stand-in for FullStory listens at {sandbox.url}")
        code = await actions(
            "run",
            "examples/workspace.json",
            "examples/events.ndjson",
            "--set",
            f"fullstory.baseUrl={sandbox.url}",
            "--failures",
            FAILURES,
            FULLSTORY_API_KEY=sandbox.api_key,
        )
        show(sandbox)
    print("\nSome of the events are bad on purpose; the table above says why each was not delivered.")
    return 0 if code in EXPECTED else code


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
