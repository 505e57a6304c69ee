"""The console's pages without a browser, and the desk of a workspace."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from nicegui.client import Client
from nicegui.testing import User
from nicegui.testing.user_simulation import user_simulation

from actions_core import Workspace
from actions_core.apps.console import pages
from actions_core.apps.console.assembly import make_desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from actions_core.apps.console.desk import Desk


# They look ten times a second and give up after the third look: on a busy machine a page takes longer.
for _look in (User.should_see, User.should_not_see):
    _look.__kwdefaults__["retries"] = 100


@asynccontextmanager
async def _simulate(file: Path, **options: Any) -> AsyncIterator[tuple[User, Desk]]:
    async with _desk_of(file, **options) as desk, user_simulation() as user:
        pages.register(desk)
        try:
            yield user, desk
        finally:
            # At its end the simulation takes the modules of pages out of `sys.modules`: not ours, please.
            Client.page_routes.clear()


def _desk_of(file: Path, **options: Any) -> AbstractAsyncContextManager[Desk]:
    return make_desk(Workspace.from_file(file, lenient=True), file=file, **options)


@pytest.fixture
def simulate() -> Callable[..., AbstractAsyncContextManager[tuple[User, Desk]]]:
    """Return a function that opens the pages of a workspace's file to a user who needs no browser."""
    return _simulate


@pytest.fixture
def desk_of() -> Callable[..., AbstractAsyncContextManager[Desk]]:
    """Return a function that makes the desk of a workspace's file, for the time of a block."""
    return _desk_of


#: An instance of FullStory that needs no environment.
FULLSTORY = {
    "id": "fs",
    "destination": "actions-fullstory-cloud",
    "settings": {"apiKey": "na1.standard"},
    "subscriptions": [
        {
            "name": "What users do",
            "partnerAction": "trackEventV2",
            "subscribe": 'type = "track"',
            "mapping": {"name": {"@path": "$.event"}, "userId": {"@path": "$.userId"}},
        }
    ],
}


@pytest.fixture(scope="session")
def fullstory_instance() -> dict[str, Any]:
    """Return an instance of FullStory with one subscription, which nobody changes."""
    return FULLSTORY


@pytest.fixture
def fullstory(fullstory_instance: dict[str, Any]) -> dict[str, Any]:
    """Return the same instance, to be changed by a test."""
    return deepcopy(fullstory_instance)


@pytest.fixture
def write_workspace(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a workspace of these instances."""

    def write(*destinations: Any, **rest: Any) -> Path:
        file = tmp_path / "workspace.json"
        file.write_text(json.dumps({**rest, "destinations": list(destinations)}, indent=2) + "\n", "utf-8")
        return file

    return write
