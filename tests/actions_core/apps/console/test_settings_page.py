"""The pages of settings without a browser: filling in, testing, saving, adding."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nicegui import app as framework
from nicegui import ui

from actions_core.apps.console.pages.not_found import make_failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox
    from nicegui.testing import User

SECRET = "na1.s3cr3t-of-the-workspace"


def saved(file: Path) -> Any:
    """Return the first instance of a workspace as its file says."""
    return json.loads(file.read_text("utf-8"))["destinations"][0]


def field(user: User, label: str) -> Any:
    """Return the element that is named so for those who do not see."""
    (found,) = [
        element for element in user.find(kind=ui.element).elements if element.props.get("aria-label") == label
    ]
    return found


def everything(user: User) -> str:
    """Return everything that was sent to the browser."""
    assert user.client is not None
    return json.dumps([element._to_dict() for element in user.client.elements.values()], default=str)


def test_a_secret_is_never_sent(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """No page contains a secret of the workspace, and one that is replaced is gone once it was saved."""
    fullstory["settings"]["apiKey"] = SECRET
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, desk):
            for address in ("/", "/i/fs", "/i/fs/settings", "/i/fs/s/0", "/deliveries"):
                await user.open(address)
                assert SECRET not in everything(user)
            await user.open("/i/fs/settings")
            await user.should_see("The workspace has a secret here. It is not shown.")
            field(user, "Where API Key comes from").value = "value"
            field(user, "API Key").value = "na1.new"
            user.find("Save").click()
            await user.should_see("Saved, and in use from now on.", retries=50)
            assert saved(file)["settings"]["apiKey"] == "na1.new"
            assert "na1.new" not in everything(user)
            assert desk.engine.instances["fs"].spec.settings == {"apiKey": "na1.new"}

    asyncio.run(main())


def test_faults_are_told_and_nothing_is_saved(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """What is wrong stands at its field while one types, and such a form is neither saved nor tested."""
    file = write_workspace(fullstory)
    before = file.read_text("utf-8")

    async def main() -> None:
        async with simulate(file) as (user, _):
            await user.open("/i/fs/settings")
            field(user, "Base URL").value = "nowhere"
            await user.should_see("Base URL must be a U")
            for button in ("Save", "Test authentication"):
                user.find(button).click()
                await user.should_see("Some fields need another look", retries=50)
            field(user, "Base URL").value = ""
            await user.should_not_see("Base URL must be a U")

    asyncio.run(main())
    assert file.read_text("utf-8") == before


def test_authentication_and_quota(
    simulate: Callable[..., Any],
    write_workspace: Callable[..., Path],
    fullstory: dict[str, Any],
    stand_in: FullStorySandbox,
) -> None:
    """What is in the form is tested before it is saved; a good key shows the quota, a wrong one a hint."""
    fullstory["settings"]["baseUrl"] = stand_in.url
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, _):
            await user.open("/i/fs/settings")
            user.find("Test authentication").click()
            await user.should_see("The destination accepts these settings.", retries=50)
            await user.should_see("Server events", retries=50)
            await user.should_see("limit 1,000,000")
            field(user, "Where API Key comes from").value = "value"
            field(user, "API Key").value = "na1.quite-wrong"
            user.find("Test authentication").click()
            await user.should_see("compare the setting apiKey", retries=50)
            assert saved(file)["settings"]["apiKey"] == "na1.standard"

    asyncio.run(main())
    assert {urlsplit(request.url).path for request in stand_in.requests} == {"/me", "/v2/organization/quotas"}


def test_settings_that_changed_meanwhile_are_not_overwritten(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """Whoever edits settings that someone else has saved by now, in another tab say, is told to reload."""
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, desk):
            await user.open("/i/fs/settings")
            theirs = {"apiKey": {"$env": "THEIR_KEY"}}
            await desk.draft.save(desk.draft.changed("fs", lambda raw: raw.update(settings=theirs)))
            field(user, "Base URL").value = "https://api.test"
            user.find("Save").click()
            await user.should_see("the settings have changed in", retries=50)
            assert saved(file)["settings"] == theirs
            await user.open("/i/fs/settings")
            field(user, "Base URL").value = "https://api.test"
            user.find("Save").click()
            await user.should_see("It is saved, but not in use yet", retries=50)
            await desk.draft.save(desk.draft.with_subscriptions("fs", []))
            field(user, "Base URL").value = "https://other.test"
            user.find("Save").click()
            for _ in range(100):
                if saved(file)["settings"] == {**theirs, "baseUrl": "https://other.test"}:
                    break
                await asyncio.sleep(0.02)
            assert saved(file)["settings"] == {**theirs, "baseUrl": "https://other.test"}

    asyncio.run(main())


def test_a_file_that_is_half_written_is_said(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """A page that needs the file says what is wrong with it, and is there again once it is mended."""
    file = write_workspace(fullstory)
    whole = file.read_text("utf-8")

    async def main() -> None:
        async with simulate(file) as (user, desk):
            framework.on_page_exception(make_failure(desk))
            for text, words in ((whole[:40], "the file ends too early"), (None, "cannot be read")):
                file.unlink() if text is None else file.write_text(text, "utf-8")
                for address in ("/i/fs/settings", "/d/actions-fullstory-cloud/new", "/i/fs", "/i/fs/s/0"):
                    response = await user.http_client.get(address)
                    assert words in response.text
                    assert "nobody foresaw" not in response.text
            file.write_text(whole, "utf-8")
            assert (await user.http_client.get("/i/fs/settings")).status_code == 200

    asyncio.run(main())


def test_adding_an_instance(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """A destination is added under a name of its own; one that is taken is refused."""
    file = write_workspace(fullstory)

    async def main() -> None:
        async with simulate(file) as (user, desk):
            await user.open("/d/actions-fullstory-cloud/new")
            user.find(kind=ui.button, content="Add").click()
            await user.should_see("This is required.", retries=50)
            field(user, "Where API Key comes from").value = "variable"
            field(user, "API Key").value = "SOME_KEY"
            field(user, "Name").value = "fs"
            user.find(kind=ui.button, content="Add").click()
            await user.should_see("is the id of $.destinations[0] too", retries=50)
            field(user, "Name").value = " second "
            user.find(kind=ui.button, content="Add").click()
            await asyncio.sleep(0)
            for _ in range(100):
                if len(desk.draft.instances) == 2:
                    break
                await asyncio.sleep(0.02)

    asyncio.run(main())
    added = json.loads(file.read_text("utf-8"))["destinations"][1]
    assert added == {
        "id": "second",
        "destination": "actions-fullstory-cloud",
        "settings": {"apiKey": {"$env": "SOME_KEY"}},
    }


def test_what_is_missing(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """An address of no instance, destination or subscription says so, with a 404."""

    async def main() -> None:
        async with simulate(write_workspace(fullstory)) as (user, _):
            for address in (
                "/i/nobody",
                "/i/nobody/settings",
                "/i/nobody/s/0",
                "/i/fs/s/7",
                "/i/fs/s/first",
                "/i/fs/s/-1",
                f"/i/fs/s/{'1' * 5000}",
                "/d/nothing",
                "/d/nothing/new",
            ):
                response = await user.http_client.get(address)
                assert response.status_code == 404
                assert "There is no such" in response.text or "No destination" in response.text

    asyncio.run(main())
