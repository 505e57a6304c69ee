"""A key is added to a JSON file, and everything else in it stays as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.authoring.scaffold.editing import add_member
from tests.trials import examples

VALUE = {"title": "New"}
SPACES = (
    """{
  "slug": "s",
  "actions": {
    "a": {"title": "A"}
  }
}
""",
    """{
  "slug": "s",
  "actions": {
    "a": {"title": "A"},
    "n": {
      "title": "New"
    }
  }
}
""",
)
TABS = (
    """{
\t"actions": {
\t\t"a": 1
\t},
\t"presets": []
}""",
    """{
\t"actions": {
\t\t"a": 1,
\t\t"n": {
\t\t\t"title": "New"
\t\t}
\t},
\t"presets": []
}""",
)
EMPTY = (
    """{
    "actions": {}
}
""",
    """{
    "actions": {
      "n": {
        "title": "New"
      }
    }
}
""",
)
MISLEADING = (
    """{
  "note": "\\"actions\\": {}",
  "other": {"actions": {}},
  "actions": {"a": 1}
}""",
    """{
  "note": "\\"actions\\": {}",
  "other": {"actions": {}},
  "actions": {"a": 1, "n": {"title": "New"}}
}""",
)
CASES = [
    SPACES,
    TABS,
    EMPTY,
    MISLEADING,
    ('{"actions": {"a": 1}}', '{"actions": {"a": 1, "n": {"title": "New"}}}'),
    ('{"actions": {}}', '{"actions": {"n": {"title": "New"}}}'),
    (SPACES[0].replace("\n", "\r\n"), SPACES[1].replace("\n", "\r\n")),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_key_is_added_in_the_style_of_the_file(text: str, expected: str) -> None:
    """Indentation and line ends are those around it; what stands on one line stays there."""
    assert add_member(text, "actions", "n", VALUE) == expected


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["", "a", '"{', "é\\", "actions"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("ab{"), inner, max_size=2)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=examples(200), derandomize=True)
@given(
    before=st.dictionaries(st.sampled_from(["slug", "a:{", '"']), JSON, max_size=2),
    actions=st.dictionaries(st.sampled_from(["x", "y", "é}"]), JSON, max_size=2),
    after=st.dictionaries(st.sampled_from(["presets", "}"]), JSON, max_size=2),
    indent=st.sampled_from([None, 0, 1, 2, 4, "\t"]),
)
def test_nothing_else_changes(before: Any, actions: Any, after: Any, indent: Any) -> None:
    """Read again, the file holds what it held and the new key; its other characters are untouched."""
    text = json.dumps({**before, "actions": actions, **after}, indent=indent, ensure_ascii=False)
    changed = add_member(text, "actions", "n", VALUE)
    assert json.loads(changed) == {**before, "actions": {**actions, "n": VALUE}, **after}
    left = iter(changed)
    assert all(letter in left for letter in text)


@pytest.mark.parametrize("text", ["{}", '{"actions": []}', '{"other": {"actions": {}}}'])
def test_there_must_be_such_an_object(text: str) -> None:
    """Nothing is put where it was not asked for."""
    with pytest.raises(ValueError, match="no object 'actions'"):
        add_member(text, "actions", "n", VALUE)
