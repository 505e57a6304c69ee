"""Names and values of properties, as FullStory's two versions take them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from actions_fullstory import properties
from actions_fullstory.properties import EVENT_V1, SUFFIXES, USER_V1, V2, Style, find_dropped
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from actions_core import Problem

STYLES = {"user v1": USER_V1, "event v1": EVENT_V1, "v2": V2}


def change_names(source: dict[str, Any], style: Style, root: str) -> tuple[dict[str, Any], list[Problem]]:
    """What is sent, and what is warned of."""
    return properties.change_names(source, style), find_dropped(source, style, root)


def changed(source: dict[str, Any], style: Style) -> dict[str, Any]:
    """What is sent."""
    return change_names(source, style, "$.properties")[0]


def warnings(source: dict[str, Any], style: Style) -> list[Problem]:
    """What is warned of."""
    return change_names(source, style, "$.properties")[1]


NAMES = [
    ("first-name", "firstName_str", "firstname_str", "firstname"),
    ("is.active", "isActive_str", "isactive_str", "isactive"),
    ("zip:code", "zipCode_str", "zipcode_str", "zipcode"),
    ("Total Amount", "totalAmount_str", "TotalAmount_str", "TotalAmount"),
    ("URL", "url_str", "URL_str", "URL"),
    ("ünïcode", "unicode_str", "ncode_str", "ncode"),
    ("order_id", "orderId_str", "order_id_str", "order_id"),
    ("date_str", "date_str", "date_str", "date_str"),
    ("first-name_date", "firstName_date", "firstname_date", "firstname_date"),
    ("a_b_objs", "aB_objs", "a_b_objs", "a_b_objs"),
    ("str", "str_str", "str_str", "str"),
    ("a_STR", "aStr_str", "a_STR_str", "a_STR"),
]


@pytest.mark.parametrize(("name", "user_v1", "event_v1", "v2"), NAMES)
def test_names(name: str, user_v1: str, event_v1: str, v2: str) -> None:
    """Each kind of call has its own way with names; a known suffix stays as it is."""
    for style, sent in ((USER_V1, user_v1), (EVENT_V1, event_v1), (V2, v2)):
        assert change_names({name: "x"}, style, "$") == ({sent: "x"}, [])


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
@pytest.mark.parametrize("value", [1, "x", True, None, [1], {}])
def test_known_suffixes(suffix: str, value: Any) -> None:
    """A name that has a suffix gets no other, whatever its value is."""
    assert changed({f"zip:code_{suffix}": value}, EVENT_V1) == {f"zipcode_{suffix}": value}


@pytest.mark.parametrize(
    ("value", "suffix"),
    [
        ("x", "_str"),
        ("2026-01-02T03:04:05Z", "_str"),
        (1, "_real"),
        (1.5, "_real"),
        (True, "_bool"),
        (None, ""),
        ({}, ""),
        ([], "_strs"),
        (["x"], "_strs"),
        ([1, 2.5], "_reals"),
        ([True, False], "_bools"),
        ([{"a-b": 1}], "_objs"),
        ([["a"], {"b": None}], "_objs"),
    ],
)
@pytest.mark.parametrize("style", [USER_V1, EVENT_V1], ids=["user", "event"])
def test_suffixes(style: Style, value: Any, suffix: str) -> None:
    """v1 says the type of a value in its name; null and objects say none. v2 never does."""
    assert changed({"a": value}, style) == {f"a{suffix}": value}
    assert changed({"a": value}, V2) == {"a": value}


@pytest.mark.parametrize(
    ("items", "name", "sent"),
    [
        ([1, None], "a_reals", [1]),
        ([None], "a_strs", []),
        ([None, "x", None], "a_strs", ["x"]),
        ([None, {"b": 1}], "a_objs", [{"b": 1}]),
        ([1, "x", True, 1.0, 1e21], "a_strs", ["1", "x", "true", "1", "1e+21"]),
        ([True, 1], "a_strs", ["true", "1"]),
        ([1, {"b": None}, None, "x"], "a_objs", [1, {"b": None}, "x"]),
        (["x", []], "a_objs", ["x", []]),
    ],
)
def test_mixed_lists(items: list[Any], name: str, sent: list[Any]) -> None:
    """Lists of several kinds lose their nulls and become texts or objects; v2 takes them as they are."""
    assert changed({"a": items}, EVENT_V1) == {name: sent}
    assert changed({"a": items}, V2) == {"a": items}


def test_mixed_lists_with_a_suffix() -> None:
    """A suffix that the sender has chosen decides whether items become texts."""
    items = [1, "x", None]
    assert changed({"a_strs": items}, EVENT_V1) == {"a_strs": ["1", "x"]}
    assert changed({"a_reals": items}, EVENT_V1) == {"a_reals": [1, "x"]}


def nested(levels: int, inner: dict[str, Any]) -> dict[str, Any]:
    """An object below so many names that change."""
    return inner if levels == 0 else {"a-b": nested(levels - 1, inner)}


@pytest.mark.parametrize("style", [EVENT_V1, V2], ids=["v1", "v2"])
def test_levels(style: Style) -> None:
    """Five levels of names change, and what is below passes as it is."""
    path = changed(nested(6, {"c-d": "x"}), style)
    for name in ("ab",) * 5 + ("a-b",):
        assert list(path) == [name]
        path = path[name]
    assert path == {"c-d": "x"}


def test_inside_lists() -> None:
    """Names inside of lists stay."""
    items = [{"first-name": 1}]
    assert changed({"a": items}, USER_V1) == {"a_objs": items}
    assert changed({"a": items}, V2) == {"a": items}


def test_source_stays() -> None:
    """The event is not changed."""
    source = {"a-b": {"c-d": [1, None]}, "日本": 1}
    for style in STYLES.values():
        changed(source, style)
    assert source == {"a-b": {"c-d": [1, None]}, "日本": 1}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_clash(style: Style) -> None:
    """Of two names that become the same the later wins, with a warning at its path."""
    sent, found = change_names({"o": {"a.b": "1", "x": "y", "a:b": "2"}}, style, "$.traits")
    assert "2" in sent["o"].values()
    assert "1" not in sent["o"].values()
    assert [(problem.path, problem.severity) for problem in found] == [("$.traits.o.a:b", "warning")]
    assert "'a.b'" in found[0].message


def test_clash_through_a_suffix() -> None:
    """What counts is the name as it is sent, with its suffix."""
    source = {"a": "1", "a_str": "2", "b": 1, "b_str": "2"}
    assert changed(source, EVENT_V1) == {"a_str": "2", "b_real": 1, "b_str": "2"}
    assert [problem.path for problem in warnings(source, EVENT_V1)] == ["$.properties.a_str"]
    assert warnings(source, V2) == []


@pytest.mark.parametrize("name", ["", "日本", "-", "_str", "日本_str", "😀"])
@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_name_that_becomes_empty(style: Style, name: str) -> None:
    """A property is left out, with a warning, when nothing of its name is left."""
    for value in ("x", 1, None, [], ["x"], {"a": 1}):
        sent, found = change_names({name: value, "ok": None}, style, "$.traits")
        assert sent == {"ok": None}
        assert len(found) == 1
        assert "left out" in found[0].message


@pytest.mark.parametrize("name", ["1st", "_private"])
def test_name_without_a_letter_first(name: str) -> None:
    """FullStory drops names that do not begin with a letter: they are sent, with a warning."""
    sent, (problem,) = change_names({name: 1}, V2, "$.properties")
    assert sent == {name: 1}
    assert problem.path == f"$.properties.{name}"


def test_long_names() -> None:
    """Names have up to 512 characters, those above them and the dots included."""
    assert warnings({"a" * 512: 1}, V2) == []
    assert [problem.path for problem in warnings({"a" * 513: 1}, V2)] == [f"$.properties.{'a' * 513}"]
    assert warnings({"a" * 511: {"b": 1}}, V2)[0].path == f"$.properties.{'a' * 511}.b"
    assert warnings({"a" * 510: {"b": 1}}, V2) == []
    assert len(warnings({"a" * 508: 1}, EVENT_V1)) == 1
    assert warnings({"a" * 507: 1}, EVENT_V1) == []


@pytest.mark.parametrize(
    "text", ["x" * 8193, "é" * 4097, "\ud800" * 2731], ids=["ascii", "accents", "halves"]
)
def test_large_values(text: str) -> None:
    """FullStory drops texts of more than 8,192 bytes, also in lists: they are sent, with a warning."""
    assert warnings({"a": text[:-1]}, V2) == []
    assert changed({"a": text}, V2) == {"a": text}
    for source in ({"a": text}, {"a": ["x", text]}):
        assert [problem.path for problem in warnings(source, V2)] == ["$.properties.a"]
    assert [problem.path for problem in warnings({"o": {"a": text}}, USER_V1)] == ["$.properties.o.a"]


def test_many_properties() -> None:
    """FullStory keeps 500 properties, those in objects included."""
    many: dict[str, Any] = {f"p{number}": number for number in range(400)}
    many["more"] = {f"p{number}": number for number in range(100)}
    assert warnings(many, V2) == []
    many["more"]["last"] = 1
    (problem,) = warnings(many, V2)
    assert problem.path == "$.properties"
    assert "501" in problem.message


def test_lists_of_objects() -> None:
    """v2 keeps no lists with objects in them: they are sent, with a warning."""
    source = {"products": [{"id": 1}], "tags": ["a", None], "deep": [[1]]}
    assert [problem.path for problem in warnings(source, V2)] == ["$.properties.products"]
    assert warnings(source, EVENT_V1) == []


def test_many_different_names() -> None:
    """What is remembered of names has a limit, and nothing goes wrong beyond it."""
    for number in range(5000):
        assert changed({f"name-{number}": 1}, V2) == {f"name{number}": 1}
    assert all(len(names) <= 2048 for names in V2.scalars.values())
    long = "x-" * 300
    changed({long: 1}, V2)
    assert long not in V2.objects
    assert V2.shapes is not None
    assert len(V2.shapes) <= 512
    assert (long,) not in V2.shapes


def test_warnings_come_every_time() -> None:
    """What is known of a name does not silence its warning."""
    for _ in range(3):
        for name in ("1st", "日本", "x" * 600):
            assert len(warnings({"a": {name: 1}, "b": 1}, V2)) == 1


names = st.text(st.sampled_from("aB1_-. é日"), max_size=6) | st.sampled_from(["a_str", "b_objs"])
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@given(
    st.dictionaries(names | st.text(max_size=5), json_values, max_size=5), st.sampled_from([*STYLES.values()])
)
def test_any_properties(source: dict[str, Any], style: Style) -> None:
    """Whatever comes, names have only characters that FullStory takes, and what is lost is warned of."""
    sent, found = change_names(source, style, "$.properties")
    assert all(re.fullmatch("[A-Za-z0-9_]+", name) for name in sent)
    assert all(problem.severity == "warning" for problem in found)
    if len(sent) < len(source):
        assert found
