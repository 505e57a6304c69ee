"""The catalogue: what a search finds, and the reference page of a destination as blocks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import Registry
from actions_core.apps.console.catalogue import list_entries, words_of
from actions_core.apps.console.markup import Grid, Heading, Listing, Paragraph, Run, read_blocks, read_runs
from actions_core.authoring.docs_page import code, destination_page, prose
from actions_core.destination.registry import ENTRY_POINTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOSTILE = (
    "<img src=x onerror=alert(1)> | `{{constructor.constructor('x')()}}` **b** [x](javascript:alert(1)) \\ $&"
)


def test_what_a_search_finds() -> None:
    """Every word has to stand somewhere: in a name, an alias, an action, a preset, a description."""
    entries = list_entries(Registry().discover())
    assert [entry.name for entry in entries] == sorted((entry.name for entry in entries), key=str.lower)

    def found(query: str) -> list[str]:
        return [entry.slug for entry in entries if entry.has(words_of(query))]

    assert found("") == [entry.slug for entry in entries]
    assert found("FULLSTORY identify") == ["actions-fullstory-cloud"]
    assert found("webhook signed shared secret") == []
    assert found("webhook json any url") == ["actions-webhook"]
    assert found("fullstory webhook json") == []


def test_one_that_cannot_be_used_says_why_on_its_page(
    simulate: Callable[..., Any],
    write_workspace: Callable[..., Path],
    fullstory: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It stands in the catalogue, which loads nothing, and its page has the reason."""
    for name, text in {
        "plugin_torn/__init__.py": "import a_library_that_is_not_here",
        "plugin_torn/destination.json": '{"slug": "torn", "name": "Torn", "actions": {}}',
        "plugin_torn-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: plugin-torn\nVersion: 1.0\n",
        "plugin_torn-1.0.dist-info/entry_points.txt": f"[{ENTRY_POINTS}]\ntorn = plugin_torn:destination\n",
    }.items():
        path = tmp_path / "installed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))

    async def main() -> None:
        async with simulate(write_workspace(fullstory)) as (user, _):
            await user.open("/")
            await user.should_see("Torn")
            for slug, words in {"torn": "a_library_that_is_not_here", "no": "No destination has"}.items():
                response = await user.http_client.get(f"/d/{slug}")
                assert response.status_code == 404
                assert words in response.text

    asyncio.run(main())


def test_every_page_can_be_shown() -> None:
    """Everything that the page of an installed destination says is in its blocks, and no sign of Markdown."""
    for destination in Registry().discover():
        blocks = list(read_blocks(destination_page(destination.spec)))
        headings = [block for block in blocks if isinstance(block, Heading)]
        assert headings[0].runs == (Run("text", destination.spec.name),)
        anchors = {heading.anchor for heading in headings}
        assert len(anchors) == len(headings)
        links = [
            run for block in blocks if isinstance(block, Listing) for item in block.items for run in item
        ]
        inside = [run.target.removeprefix("#") for run in links if run.target.startswith("#")]
        assert inside
        assert set(inside) <= anchors
        shown = {action.title for action in destination.spec.actions.values() if not action.hidden}
        texts = {"".join(run.text for run in heading.runs) for heading in headings}
        assert shown <= texts
        grids = [block for block in blocks if isinstance(block, Grid)]
        assert all(len(row) == len(grid.head) for grid in grids for row in grid.rows)
        paragraphs = [run.text for block in blocks if isinstance(block, Paragraph) for run in block.runs]
        assert not any(text.startswith(("|", "#", "- ")) for text in paragraphs)


@pytest.mark.parametrize("write", [prose, code])
def test_texts_survive(write: object) -> None:
    """Whatever a definition says reads as it was written, and leads nowhere but to headings and the web."""
    assert callable(write)
    runs = read_runs(write(HOSTILE))
    read = "".join(
        f"[{run.text}]" if run.kind == "link" else f"`{run.text}`" if run.kind == "code" else run.text
        for run in runs
    )
    assert "<img src=x onerror=alert(1)>" in read
    assert "{{constructor.constructor('x')()}}" in read
    assert not any(run.kind == "link" for run in runs)


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("plain", [Run("text", "plain")]),
        ("a `b|c` d", [Run("text", "a "), Run("code", "b|c"), Run("text", " d")]),
        ("`` a`b ``", [Run("code", "a`b")]),
        ("**Bold:** x", [Run("strong", "Bold:"), Run("text", " x")]),
        ("Label\\*<br>more", [Run("text", "Label*"), Run("break"), Run("text", "more")]),
        ("[Act](#act)", [Run("link", "Act", "#act")]),
        ("[docs](https://x.example/a)", [Run("link", "docs", "https://x.example/a")]),
        ("[x](javascript:alert)", [Run("text", "x (javascript:alert)")]),
        ("[x](//evil.example)", [Run("text", "x (//evil.example)")]),
        ("a ` b", [Run("text", "a ` b")]),
        ("", []),
    ],
)
def test_pieces_of_a_line(line: str, runs: list[Run]) -> None:
    """A line is read into text, code, emphasis, breaks and links."""
    assert list(read_runs(line)) == runs
