"""The commands for authors of destinations: diff, docs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Shell

PAGE = Path(__file__).parents[4] / "docs" / "destinations" / "fullstory.md"
OLD: dict[str, Any] = {
    "slug": "shop",
    "name": "Shop",
    "actions": {"add": {"title": "Add", "fields": {"id": {"label": "ID", "type": "string"}}}},
}
SAME_FOR_ALL = {**OLD, "description": "Words."}
MORE = {**OLD, "actions": {**OLD["actions"], "more": {"title": "More", "fields": {}}}}
LESS = {**OLD, "actions": {"add": {"title": "Add", "fields": {}}}}


@pytest.mark.parametrize(
    ("new", "code", "level", "said"),
    [
        (SAME_FOR_ALL, 0, None, "nothing changes for a workspace"),
        (MORE, 0, "note", "note: $.actions.more: a new action"),
        (LESS, 1, "breaking", "breaking: $.actions.add.fields.id: the field is gone"),
    ],
)
def test_diff_tells_what_breaks(
    shell: Shell, new: dict[str, Any], code: int, level: str | None, said: str
) -> None:
    """What breaks workspaces ends with 1, anything else with 0; programs get the same as JSON."""
    old, file = shell.write("old.json", OLD), shell.write("new.json", new)
    run = shell.run("diff", old, file)
    assert (run.code, said in run.out) == (code, True)
    listed = shell.run("diff", old, file, "--json")
    assert listed.code == code
    assert [change["level"] for change in listed.json] == [level] * (level is not None)
    assert all(change.keys() == {"level", "path", "message"} for change in listed.json)


def test_diff_refuses_what_is_no_definition(shell: Shell) -> None:
    """A faulty file is wrong usage, with every fault of both files; so is one that is not there."""
    old, new = shell.write("old.json", {"slug": 5}), shell.write("new.json", "{")
    run = shell.run("diff", old, new)
    assert run.code == 2
    assert "old.json is faulty" in run.err
    assert "$.slug" in run.err
    assert "new.json:1:2" in run.err
    assert shell.run("diff", old, "nowhere.json").code == 2
    assert (
        shell.run("diff", "fullstory", "actions-fullstory-cloud").out == "nothing changes for a workspace\n"
    )


def test_docs_writes_the_page_of_a_destination(shell: Shell) -> None:
    """By name, by slug or from a definition's file; on the terminal or into a file."""
    page = PAGE.read_text(encoding="utf-8")
    assert shell.run("docs", "fullstory").out == page
    assert shell.run("docs", "actions-fullstory-cloud", "--output", "deep/page.md").out == ""
    assert (shell.folder / "deep" / "page.md").read_text(encoding="utf-8") == page
    assert shell.run("docs", shell.write("shop.json", OLD)).out.startswith("# Shop\n")
    assert shell.run("docs", "fulstory").code == 2
