"""A destination whose handlers do as they are told, and programs that run in processes of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import Client, Destination, Registry, Request, Workspace, load_destination
from actions_core.testing import RecordingTransport
from tests.forks import FORKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox


class Bench:
    """A workspace for a destination that sends, waits for `gate`, or raises, as an event's name says."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.transport = RecordingTransport()
        self.registry = Registry()
        self.registry.register(self._destination())
        self.workspace = Workspace.from_dict(
            {
                "destinations": [
                    {
                        "id": "told",
                        "destination": "told",
                        "subscriptions": [
                            {
                                "name": "All",
                                "partnerAction": "act",
                                "subscribe": 'type = "track"',
                                "mapping": {"name": {"@path": "$.event"}},
                            }
                        ],
                        "delivery": {"retry": {"tries": 1}, "concurrency": 10_000},
                    }
                ]
            }
        )

    def _destination(self) -> Destination:
        field = {
            "label": "L",
            "description": "D",
            "type": "string",
            "required": True,
            "default": {"@path": "$.event"},
        }
        action = {"title": "Act", "description": "D", "fields": {"name": field}}
        told = load_destination({"slug": "told", "name": "Told", "mode": "cloud", "actions": {"act": action}})

        @told.action("act")
        async def act(name: str, client: Client) -> None:
            if name == "wait":
                while not self.gate.is_set():  # noqa: ASYNC110 - it is set by another thread
                    await asyncio.sleep(0.01)
            elif name == "block":
                time.sleep(0.5)  # noqa: ASYNC251 - a handler that does what it should not
            elif name == "fail":
                raise ValueError("as told")
            elif name == "exit":
                sys.exit(3)
            elif name == "cancel":
                raise asyncio.CancelledError
            else:
                await client.send(Request("POST", "https://told.test/", json={"name": name}))

        return told

    @property
    def options(self) -> dict[str, Any]:
        """What a BackgroundEngine needs to deliver here."""
        return {"registry": self.registry, "transport": self.transport}


@pytest.fixture
def bench() -> Bench:
    """A bench."""
    return Bench()


WORKSPACE = """
import json, os, signal, sys, threading, time, warnings
warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
from actions_core import BackgroundEngine, Workspace

signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it

WORKSPACE = Workspace.from_dict({"destinations": [{
    "id": "fs", "destination": "actions-fullstory-cloud",
    "settings": {"apiKey": os.environ["KEY"], "baseUrl": os.environ["URL"]},
    "subscriptions": [{"name": "Track", "partnerAction": "trackEventV2", "subscribe": 'type = "track"',
                       "mapping": {"name": {"@path": "$.event"}, "userId": {"@path": "$.userId"}}}]}]})
"""


@pytest.fixture
def program(tmp_path: Path, stand_in: FullStorySandbox) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program that delivers to the stand-in under its name, which has to be resolved.

    It is a fork of a Python that has imported the library, or, where that is asked for, a Python of its own.
    """

    def run(source: str, *, anew: bool = False) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "program.py"
        file.write_text(WORKSPACE + source, encoding="utf-8")
        url = stand_in.url.replace("127.0.0.1", "localhost")
        environment = {**os.environ, "KEY": stand_in.api_key, "URL": url}
        if not anew:
            return FORKS.run(file, env=environment)
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-W", "error", str(file)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
