"""The files that templates are made of, and how a word gets into them.

They lie beside this module and end in `.txt`, so that no tool takes them for what they will become. A
word stands as `@@word@@`, which neither JSON nor Python nor a mapping says on its own. The folder
`package` takes the name of the package, and `dot_` at the head of a name becomes a dot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

_SUFFIX: Final = ".txt"


def read_template(name: str) -> dict[str, str]:
    """The files of a template, by the path that they will have."""
    from importlib.resources import files  # costly, and only authors need it

    return dict(_files(files(__name__.rpartition(".")[0]) / "templates" / name, ""))


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            name = entry.name.removesuffix(_SUFFIX)
            if name.startswith("dot_"):
                name = f".{name.removeprefix('dot_')}"
            yield prefix + name, entry.read_text(encoding="utf-8")


def put_words(text: str, words: Mapping[str, str]) -> str:
    """The text with each `@@word@@` replaced."""
    for word, value in words.items():
        text = text.replace(f"@@{word}@@", value)
    return text
