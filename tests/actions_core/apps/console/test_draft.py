"""The workspace as it is edited: small differences, nothing lost, nobody's change overwritten."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import WorkspaceError
from actions_core.apps.console.draft import ChangedUnderneathError, Draft
from actions_core.errors import Problem
from tests.actions_core.apps.console.support import (
    IDENTIFY,
    INSTANCE,
    TRACK,
    WORKSPACE,
    changed,
    registry,
    workspace_file,
)

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core import Workspace


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """Return the draft of a workspace with one instance."""
    return Draft(workspace_file(tmp_path), registry())


def save(draft: Draft, data: dict[str, Any]) -> tuple[Problem, ...]:
    """Save, and return what was not taken up."""
    return asyncio.run(draft.save(data))


def test_a_changed_subscription_is_a_small_difference(draft: Draft) -> None:
    """Only the lines of what was changed differ, and the file says the same as the draft."""
    after = changed(TRACK, subscribe='type = "track" and event != "Secret"')
    data = draft.with_subscription("fullstory", 0, TRACK, after)
    before = draft.file.read_text().splitlines()
    lines = draft.difference(data)
    assert [line for line in lines if line.startswith(("-", "+"))] == [
        '-          "subscribe": "type = \\"track\\"",',
        '+          "subscribe": "type = \\"track\\" and event != \\"Secret\\"",',
    ]
    assert save(draft, data) == ()
    written = draft.file.read_text()
    assert json.loads(written) == data == draft.data
    assert len(written.splitlines()) == len(before)
    assert draft.difference(data) == []


@pytest.mark.parametrize("indent", [1, 4])
def test_the_indentation_of_the_file_stays(tmp_path: Path, indent: int) -> None:
    """A file that is indented in another way differs in what was changed only."""
    draft = Draft(workspace_file(tmp_path, indent=indent), registry())
    data = draft.with_subscriptions("fullstory", [TRACK])
    assert all(
        line.startswith("-") for line in draft.difference(data) if line[:1] in "+-" and line.strip("-+ }],")
    )
    assert draft.difference(draft.data) == []


def test_a_file_that_someone_else_changed_is_not_overwritten(draft: Draft) -> None:
    """Saving is refused with the difference; after reading the file again it can be saved."""
    data = draft.with_subscriptions("fullstory", [TRACK])
    other = changed(WORKSPACE, name="theirs")
    draft.file.write_text(json.dumps(other, indent=2) + "\n")
    with pytest.raises(ChangedUnderneathError, match="changed by someone else") as raised:
        save(draft, data)
    assert '+  "name": "theirs"' in "\n".join(raised.value.lines)
    assert json.loads(draft.file.read_text()) == other
    assert draft.reload()
    assert not draft.reload()
    save(draft, draft.with_subscriptions("fullstory", [TRACK]))
    assert json.loads(draft.file.read_text()) == changed(
        other, destinations=[changed(INSTANCE, subscriptions=[TRACK])]
    )


SECRETS = ("na1.in-the-file", "na1.of-someone-else", "key-of-a-source", "word-of-outbox", "of-the-unknown")


def _with_secrets(api_key: str, name: str) -> dict[str, Any]:
    """Return a workspace with a secret in every place that may have one."""
    known = changed(INSTANCE, settings={"apiKey": api_key}, subscriptions=[changed(TRACK, name=name)])
    unknown = {"id": "else", "destination": "actions-unknown", "settings": {"token": "of-the-unknown"}}
    return {
        "outbox": "nats://someone:word-of-outbox@127.0.0.1/events",
        "sources": [{"writeKey": "key-of-a-source"}, {"writeKey": {"$env": "WRITE_KEY"}}],
        "destinations": [known, unknown],
    }


def test_no_difference_shows_a_secret(tmp_path: Path) -> None:
    """Not what would be saved, and not what someone else has written, however the file is laid out."""
    file = tmp_path / "workspace.json"
    file.write_text(json.dumps(_with_secrets("na1.in-the-file", "Mine")))
    draft = Draft(file, registry())
    data = draft.with_subscriptions("fullstory", [changed(TRACK, name="Edited")])
    shown = "\n".join(draft.difference(data))
    file.write_text(json.dumps(_with_secrets("na1.of-someone-else", "Theirs"), indent=1))
    with pytest.raises(ChangedUnderneathError) as raised:
        save(draft, data)
    theirs = "\n".join(raised.value.lines)
    assert "Edited" in shown
    assert "WRITE_KEY" in shown
    assert "Theirs" in theirs
    for secret in SECRETS:
        assert secret not in shown + theirs


def test_what_is_half_written_is_not_shown(tmp_path: Path) -> None:
    """Its secrets cannot be told from the rest: saving is refused all the same."""
    draft = Draft(workspace_file(tmp_path), registry())
    draft.file.write_text('{"destinations": [{"settings": {"apiKey": "na1.half')
    with pytest.raises(ChangedUnderneathError, match="changed by someone else") as raised:
        save(draft, draft.with_subscriptions("fullstory", [TRACK]))
    assert raised.value.lines == []


def test_a_subscription_that_changed_meanwhile_is_not_overwritten(draft: Draft) -> None:
    """Whoever edits a subscription that is another one by now is told to reload."""
    save(draft, draft.with_subscription("fullstory", 0, TRACK, changed(TRACK, name="Other")))
    with pytest.raises(WorkspaceError, match="has changed"):
        draft.with_subscription("fullstory", 0, TRACK, changed(TRACK, name="Mine"))
    with pytest.raises(WorkspaceError, match="has changed"):
        draft.with_subscription("fullstory", 7, TRACK, changed(TRACK, name="Mine"))
    with pytest.raises(WorkspaceError, match="no instance 'gone'"):
        draft.with_subscriptions("gone", [])


def test_errors_are_refused_all_at_once_with_their_paths(draft: Draft) -> None:
    """A workspace that no engine would take is not written."""
    before = draft.file.read_text()
    faulty = [
        changed(TRACK, subscribe="type ="),
        changed(IDENTIFY, mapping={"uid": {"@pth": "$.userId"}}),
        changed(IDENTIFY, partnerAction="gone"),
    ]
    with pytest.raises(WorkspaceError) as raised:
        save(draft, draft.with_subscriptions("fullstory", faulty))
    assert [problem.path for problem in raised.value.problems] == [
        "$.destinations[0].subscriptions[0].subscribe",
        "$.destinations[0].subscriptions[1].mapping.uid",
        "$.destinations[0].subscriptions[2].partnerAction",
    ]
    assert draft.file.read_text() == before


def test_errors_that_were_there_before_keep_nobody_from_saving(tmp_path: Path) -> None:
    """What is wrong elsewhere in the file is no reason to refuse a change."""
    broken = {"id": "broken", "destination": "unknown-one", "subscriptions": []}
    draft = Draft(workspace_file(tmp_path, {"destinations": [broken, INSTANCE]}), registry())
    assert [problem.path for problem in draft.problems(draft.data)] == ["$.destinations[0].destination"]
    assert save(draft, draft.with_subscriptions("fullstory", [TRACK])) == ()


def test_what_delivers_here_takes_up_what_was_saved(tmp_path: Path) -> None:
    """The workspace of the new file is handed over once it is written; a refusal is told, not hidden."""
    taken: list[Workspace] = []
    refusal: list[Problem] = []

    async def take_up(workspace: Workspace) -> None:
        taken.append(workspace)
        if refusal:
            raise WorkspaceError("refused", problems=refusal)

    draft = Draft(workspace_file(tmp_path), registry(), take_up)
    assert save(draft, draft.with_subscriptions("fullstory", [TRACK])) == ()
    assert [len(spec.subscriptions) for spec in taken[0].destinations] == [1]
    refusal.append(Problem("$.destinations[0].settings.apiKey", "is not set"))
    assert save(draft, draft.with_subscriptions("fullstory", [TRACK, IDENTIFY])) == tuple(refusal)
    assert len(json.loads(draft.file.read_text())["destinations"][0]["subscriptions"]) == 2


def test_presets_become_subscriptions_when_one_is_changed(tmp_path: Path) -> None:
    """An instance that takes the presets shows them, and has them in full once it is edited."""
    draft = Draft(
        workspace_file(tmp_path, {"destinations": [changed(INSTANCE, subscriptions="presets")]}), registry()
    )
    presets = draft.subscriptions("fullstory")
    assert presets
    assert all({"name", "partnerAction", "subscribe", "mapping"} == set(item) for item in presets)
    data = draft.with_subscription("fullstory", 0, presets[0], changed(presets[0], name="Mine"))
    save(draft, data)
    assert [item["name"] for item in draft.subscriptions("fullstory")] == [
        "Mine",
        *(one["name"] for one in presets[1:]),
    ]


def test_mode_and_link_of_the_file_stay(tmp_path: Path) -> None:
    """A file that only its owner may read stays so, and a link to it stays a link."""
    (tmp_path / "real").mkdir()
    real = workspace_file(tmp_path / "real")
    real.chmod(0o600)
    link = tmp_path / "link.json"
    link.symlink_to(real)
    draft = Draft(link, registry())
    save(draft, draft.with_subscriptions("fullstory", []))
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert json.loads(real.read_text())["destinations"][0]["subscriptions"] == []
    assert [file.name for file in (tmp_path / "real").iterdir()] == ["workspace.json"]


def test_a_file_that_cannot_be_written_loses_nothing(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the new file cannot be put in place, the old one is whole and nothing else is left."""
    before = draft.file.read_text()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(WorkspaceError, match="No space left on device"):
        save(draft, draft.with_subscriptions("fullstory", []))
    assert draft.file.read_text() == before
    assert [file.name for file in draft.file.parent.iterdir()] == [draft.file.name]
    assert draft.data == json.loads(before)


@pytest.mark.parametrize("text", ["{", "[]", "\ufeff{}", '{"a": 1, "a": 2}'])
def test_a_file_that_is_no_workspace_is_refused(tmp_path: Path, text: str) -> None:
    """What is not one JSON object is told with file and place; what was read before stays."""
    file = workspace_file(tmp_path)
    draft = Draft(file, registry())
    file.write_text(text)
    with pytest.raises(WorkspaceError, match="workspace.json"):
        draft.reload()
    assert draft.data == WORKSPACE
