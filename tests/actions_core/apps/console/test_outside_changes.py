"""A workspace file that was changed outside: pages follow it, and nothing of it is overwritten."""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.actions_core.apps.console.test_mapping_page import named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXPORTED = {"data": {"destinations": [{"id": "d", "metadata": {"slug": "actions-webhook"}}]}}


def test_catalogue_and_navigation_follow_the_file(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """An instance that was added outside is on the next page; a faulty file is said."""
    file = write_workspace(fullstory)
    other = {**deepcopy(fullstory), "id": "other-one"}

    async def main() -> None:
        async with simulate(file) as (user, _):
            await user.open("/")
            await user.should_not_see("other-one")
            whole = {**json.loads(file.read_text("utf-8")), "destinations": [fullstory, other]}
            file.write_text(json.dumps(whole), "utf-8")
            await user.open("/deliveries")
            await user.should_see("other-one")
            await user.open("/")
            assert len(user.find("other-one").elements) == 2  # in the navigation, and as a card
            file.write_text("{", "utf-8")
            await user.open("/")
            await user.should_see("the file ends too early")
            await user.should_see("other-one")

    asyncio.run(main())


def test_what_was_pasted_does_not_overwrite_a_file_that_has_changed(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """What is saved is what was looked at: after a change outside it is shown anew, into the new file."""
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, desk):
            await user.open("/paste")
            named(user, "pasted").value = json.dumps(EXPORTED)
            await user.should_see("What it changes", retries=50)
            whole = json.loads(file.read_text("utf-8"))
            whole["destinations"][0]["enabled"] = False
            file.write_text(json.dumps(whole), "utf-8")
            desk.look_at_file()  # as any other page does
            user.find(kind=type(named(user, "save-pasted")), content="Save").click()
            await user.should_see("workspace.json has changed meanwhile", retries=50)
            assert len(json.loads(file.read_text("utf-8"))["destinations"]) == 1
            user.find(kind=type(named(user, "save-pasted")), content="Save").click()
            await user.should_see("Saved.", retries=50)
            saved = json.loads(file.read_text("utf-8"))["destinations"]
            assert [item["destination"] for item in saved] == ["actions-fullstory-cloud", "actions-webhook"]
            assert saved[0]["enabled"] is False

    asyncio.run(main())
