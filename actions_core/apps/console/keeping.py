"""Keep an event as a mapping test beside the workspace, as `actions test --record` does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from actions_core.authoring.mapping_tests import (
    MESSAGE_ID,
    PlaceholderEngines,
    expectations,
    load_tests,
    write_test,
)
from actions_core.errors import ActionsError, DefinitionError, EventError
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.apps.console.draft import Draft
    from actions_core.values.types import Json

LOGGER: Final = logging.getLogger("actions_core.console")


def folder_of_tests(draft: Draft) -> Path:
    """Return the folder in which `actions test` looks for the tests of a workspace."""
    return draft.file.parent / "tests"


async def keep_as_test(draft: Draft, event: Json) -> Path:
    """Write a test that expects of an event what the saved workspace does with it; return its file.

    Raises `ActionsError` where the event is none, is kept already, or cannot be written.
    """
    if not isinstance(event, dict):
        raise EventError(f"an event is a JSON object, but this is {kind(event)}")
    folder = folder_of_tests(draft)
    for test in load_tests(folder):
        if test.data["event"] == event:
            raise DefinitionError(f"this event is kept already, in {folder.name}/{test.place}")
    engine = PlaceholderEngines(draft.workspace(), draft.registry).engine({})
    named = event if event.get("messageId") else {**event, "messageId": MESSAGE_ID}
    found = await engine.explain(named)
    try:
        file = write_test(folder, event, expectations(found.deliveries))
    except OSError as error:
        raise ActionsError(f"{folder} cannot be written: {error.strerror or error}") from None
    LOGGER.info("%s: kept as a test", file)
    return file
