"""No regular expression takes longer than 0.1 s for 32 KB, no reader of users' text than half a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.fuzz import readers
from tests.fuzz.patterns import LIMIT, TooSlow, found, limited, modules, slowest

READING = 0.5
#: Patterns that are made while the program runs, and why none of them can be slow.
MADE = {
    "actions_core.subscriptions.globs.compile_glob": "pieces of one width each, without repetition",
    "actions_core.values.times._english_forms": "English times: no text of more than 100 characters is tried",
    "actions_core.authoring.port.differences._pattern": "names of leaves, from the author's own file",
    "actions_core.authoring.port.differences._is_of": "values of leaves, from the author's own file",
    "actions_core.authoring.port.differences._expression_problems": "the author's own, compiled only",
    "actions_core.authoring.port.conditions._general": "texts of random calls, each as it stands",
    "actions_core.http.spellings.__init__": "the spellings of secrets; tried by the reader 'secrets'",
    "actions_core.validation.documents._whole_pattern": "the patterns of our own schemas, for short keys",
    "actions_core.validation.formats.is_regex": "a user's text, compiled only; tried by 'format regex'",
    "actions_mixpanel.browsers.": "rows of words, what looks at the whole text from its beginning only",
    "actions_fullstory.sandbox.routes._route": "paths of the stand-in: one class without what ends it, each",
}


# By modules, since to know the patterns means to read all of the code, in each process that collects tests.
@pytest.mark.parametrize("module", modules())
def test_every_pattern_is_quick(module: str) -> None:
    """A regular expression takes at most 0.1 s for 32 KB of its worst text."""
    tried = {pattern: slowest(pattern) for pattern in found()[0] if pattern.module == module}
    slow = {pattern: worst for pattern, worst in tried.items() if worst[0] >= LIMIT}
    assert not slow, "\n".join(
        f"{pattern.place}: {pattern.source!r} takes {seconds:g} s or more, in {text}"
        for pattern, (seconds, text) in slow.items()
    )


def test_every_pattern_is_tried() -> None:
    """No pattern stands in a module that is not among those which are tried."""
    assert {pattern.module for pattern in found()[0]} <= set(modules())


def test_patterns_made_at_run_time_are_known() -> None:
    """A regular expression that is put together while the program runs is looked at by a person first."""
    assert set(found()[1]) == set(MADE)


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    """Close what the readers hold open."""
    yield
    readers.close()


@pytest.mark.parametrize("read", [pytest.param(read, id=name) for name, read in readers.readers().items()])
def test_every_reader_is_quick(read: Callable[[str], None]) -> None:
    """Whatever reads users' text takes at most half a second for 32 KB of any bad text.

    Each takes a fraction of that, in proportion to the text. Where a slow machine takes longer, a quarter of
    the text shows it: that takes a quarter of the time, and a sixteenth where the time grows with the square.
    """
    read("a")
    for text in readers.texts():
        try:
            with limited(READING):
                read(text)
        except TooSlow:
            quarter = text[: len(text) // 4 - 1] + text[-1]
            begun = time.process_time()
            with limited(READING):
                read(quarter)
            allowed = 8 * (time.process_time() - begun)
            try:
                with limited(allowed):
                    read(text)
            except TooSlow:
                raise AssertionError(f"over {allowed:g} s for {text[:40]!a}…{text[-5:]!a}") from None
