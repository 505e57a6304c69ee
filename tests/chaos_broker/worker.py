"""A worker in a process of its own, which drains at SIGTERM: see `harness.py`."""

from __future__ import annotations

import asyncio
import signal
import sys

from actions_core.delivery.jetstream.worker import BrokerWorker


async def main(path: str) -> None:
    """Deliver until told to end."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with BrokerWorker.from_file(path):
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
