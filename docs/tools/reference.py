"""Write the pages of docs/reference that are made from the code: `make reference`.

The pages are kept in the repository, so that they can be read there; a test compares them with what this writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.tools import api, commands, drawings, licences, schemas  # noqa: E402 - the path of the repository comes first

FOLDER = ROOT / "docs" / "reference"
_MADE = "This page is made from the schema of the file, which editors use too (see [editors](../guides/editors.md)).\n"
_WORKSPACE = f"""\
A workspace says which events go to which destination, and how. {_MADE}
The smallest one that delivers:

```json
{{"destinations": [{{"destination": "fullstory", "settings": {{"apiKey": {{"$env": "FULLSTORY_API_KEY"}}}}, "subscriptions": "presets"}}]}}
```

Unknown keys are refused, each with its path. A null means that nothing is said, as if the key were not there.
`{{"$env": "NAME"}}` in a setting or a mapping takes a variable of the environment; one that is not set is an error at the start.
Besides the keys, these must hold: two instances of one id do not stand in one workspace, an instance has at most 50
subscriptions, and every condition and mapping compiles. `actions check` reports all of it at once.
"""
_DEFINITION = f"""\
A definition is the `destination.json` of a destination. {_MADE}
[Destinations in JSON alone](../writing/json-destinations.md) and [in Python](../writing/writing-a-destination.md) explain it by examples.
"""
_EVENT = """\
An event is a dictionary. Segment's keys are known; others are allowed, and mappings may read them.
[Values](values.md) says what becomes of Python's own values in it.

```json
{"type": "track", "event": "Order Completed", "userId": "u-1", "properties": {"total": 42}}
```
"""


def pages() -> dict[str, str]:
    """Return every generated page by its file's name."""
    made = {
        "command-line.md": commands.write_page(),
        "api.md": api.write_page(),
        "workspace.md": schemas.write_page("Workspace file", _WORKSPACE, "workspace"),
        "definition.md": schemas.write_page("Definition file", _DEFINITION, "destination"),
        "event.md": schemas.write_page("Event", _EVENT, "event"),
    }
    return {name: text.rstrip("\n") + "\n" for name, text in made.items()}


def files() -> dict[Path, str]:
    """Return every generated page and picture, by where it stands."""
    made = {FOLDER / name: text for name, text in pages().items()}
    made[drawings.FOLDER / "licences.md"] = licences.write_page()
    return made | {drawings.FOLDER / name: text for name, text in drawings.drawings().items()}


def main() -> None:
    """Write the pages and the pictures."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
