"""A process that accepts events, and delivers them, until it is killed.

    python -m tests.chaos.program WORKSPACE ACCEPTED NAME CALLERS

The id of an event is written to ACCEPTED once it is acknowledged. Without callers nothing is accepted, and
the process ends when nothing waits; with NAME `store` nothing is delivered.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys

from actions_core.delivery.outbox import Outbox


async def accept(outbox: Outbox, accepted: int, caller: str) -> None:
    """Accept one event after the other; they have one user, so that they have an order."""
    chance = random.Random(caller)
    number = 0
    while True:
        number += 1
        message = f"{caller}-{number}"
        await outbox.enqueue({"type": "track", "event": message, "messageId": message, "userId": caller})
        os.write(accepted, f"{message}\n".encode())
        await asyncio.sleep(chance.uniform(0, 0.01))


async def main(workspace: str, accepted: str, name: str, callers: int) -> None:
    """Work until killed, or until nothing waits."""
    written = os.open(accepted, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with Outbox.from_file(workspace, store_only=name.startswith("store")) as outbox:
        if callers:
            await asyncio.gather(*[accept(outbox, written, f"{name}-{number}") for number in range(callers)])
        while any(each.due + each.later + each.in_hand for each in await outbox.backlog()):
            await outbox.drain(0.2)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
