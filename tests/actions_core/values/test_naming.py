"""Names: from field to parameter, and what to suggest for a wrong word."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.values.naming import camel_case, parameter_names, snake_case
from actions_core.values.wording import shown, suggestion

KEYS = st.text(st.sampled_from("aBcIDV12_-. éß日\x00\ud800"), max_size=6) | st.sampled_from(
    ["class", "Class", "import", "userId", "user_id", "USER_ID", "first-name", "None", "", "1st"]
)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("userId", "user_id"),
        ("userID", "user_id"),
        ("URLPath", "url_path"),
        ("trackEventV2", "track_event_v2"),
        ("address2Line", "address2_line"),
        ("already_snake", "already_snake"),
        ("first-name", "first_name"),
        ("a.b", "a_b"),
        ("zip code", "zip_code"),
        ("1st", "_1st"),
        ("", "_"),
        ("naïveKey", "naïve_key"),
        ("__keys__", "__keys__"),
    ],
)
def test_a_key_becomes_a_name(key: str, name: str) -> None:
    """Words in camelCase are parted by underscores, and what no name can hold becomes an underscore."""
    assert snake_case(key) == name


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["class"], ["class_"]),
        (["Class", "class"], ["class_", "class__"]),
        (["userId", "userID"], ["user_id", "user_id_"]),
        (["userId", "user_id"], ["user_id_", "user_id"]),
        (["a-b", "a.b", "a_b", "aB"], ["a_b_", "a_b__", "a_b", "a_b___"]),
        (["type", "match"], ["type", "match"]),
    ],
)
def test_keywords_and_clashes_get_an_underscore(keys: list[str], names: list[str]) -> None:
    """The one spelled exactly like the parameter keeps it; the others get underscores in their order."""
    assert list(parameter_names(keys).values()) == names


@given(st.lists(KEYS, unique=True, max_size=8))
@settings(deadline=None)
def test_every_field_has_a_parameter_of_its_own(keys: list[str]) -> None:
    """Whatever the keys are, the names are distinct and can all stand in a signature."""
    names = parameter_names(keys)
    assert list(names) == keys
    assert len(set(names.values())) == len(keys)
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in names.values())


def test_camel_case_goes_the_other_way_for_attributes() -> None:
    """An attribute's key in JSON is made from its name."""
    assert camel_case("default_subscription") == "defaultSubscription"
    assert camel_case("slug") == "slug"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("lable", "; did you mean 'label'?"),
        ("LABEL", "; did you mean 'label'?"),
        ("zzz", ""),
        (5, ""),
        ("x" * 100_000, ""),
    ],
)
def test_a_near_word_is_suggested(word: object, said: str) -> None:
    """A suggestion is made only where one of the known words is near."""
    assert suggestion(word, ["label", "type"]) == said


def test_words_from_outside_fit_a_line_and_can_be_printed() -> None:
    """A long word is cut, and what cannot be printed is written as an escape."""
    assert shown("a\nb\ud800") == r"'a\nb\ud800'"
    assert len(shown("x" * 1000)) < 70
