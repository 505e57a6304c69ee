"""Events that are kept as mapping tests: `actions test` runs them, and nothing is overwritten."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.apps.cli.mapping_tests import Explainer
from actions_core.apps.console.draft import Draft
from actions_core.apps.console.keeping import folder_of_tests, keep_as_test
from actions_core.authoring.mapping_tests import differences, load_file
from actions_core.errors import ActionsError, DefinitionError, EventError
from tests.actions_core.apps.console.support import SOLD, TRACK, changed, registry, workspace_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """Return the draft of a workspace."""
    return Draft(workspace_file(tmp_path), registry())


def keep(draft: Draft, event: Any) -> Path:
    """Keep an event as a test."""
    return asyncio.run(keep_as_test(draft, event))


def test_what_is_kept_passes(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test says what the saved workspace does, with no secret in it, and passes as it stands."""
    monkeypatch.setenv("FULLSTORY_API_KEY", "na1.real-secret")
    file = keep(draft, SOLD)
    assert file.parent == folder_of_tests(draft)
    assert "real-secret" not in file.read_text()
    (test,) = load_file(file)
    assert test.expected is not None
    assert [item["subscription"] for item in test.expected] == ["Track"]
    explained = asyncio.run(Explainer(draft.workspace()).explain(test.event, {}))
    assert differences(test.expected, explained) == []


def test_an_event_is_kept_once(draft: Draft) -> None:
    """A second time it is said where it is; another event of the same name gets a file of its own."""
    file = keep(draft, SOLD)
    with pytest.raises(DefinitionError, match=file.name):
        keep(draft, SOLD)
    assert keep(draft, changed(SOLD, userId="u-2")).name != file.name


def test_a_test_tells_of_a_mapping_that_changes_later(draft: Draft) -> None:
    """What is kept fails once the mapping does something else."""
    (test,) = load_file(keep(draft, SOLD))
    assert test.expected is not None
    edited = changed(TRACK, mapping={"userId": {"@path": "$.userId"}, "name": "Fixed"})
    asyncio.run(draft.save(draft.with_subscription("fullstory", 0, TRACK, edited)))
    explained = asyncio.run(Explainer(draft.workspace()).explain(test.event, {}))
    assert any("Fixed" in line for line in differences(test.expected, explained))


@pytest.mark.parametrize("event", [None, [], {"type": "nothing"}])
def test_what_is_no_event_is_not_kept(draft: Draft, event: Any) -> None:
    """Nothing is written for what `send` would refuse."""
    with pytest.raises(EventError):
        keep(draft, event)
    assert not folder_of_tests(draft).exists()


def test_faulty_tests_and_folders_are_told(draft: Draft) -> None:
    """A file in the folder that is no test is named, and so is a folder that cannot be made."""
    folder_of_tests(draft).write_text("a file, not a folder")
    with pytest.raises(ActionsError, match="tests"):
        keep(draft, SOLD)
    folder_of_tests(draft).unlink()
    folder_of_tests(draft).mkdir()
    (folder_of_tests(draft) / "bad.json").write_text(json.dumps({"name": "x"}))
    with pytest.raises(DefinitionError, match=r"bad\.json"):
        keep(draft, SOLD)
