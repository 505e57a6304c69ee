"""Liquid: what templates give, and how those that would run or grow for ever are stopped."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import pytest

from actions_core import compile_mapping, validate_mapping
from actions_core.errors import MappingError
from tests.timing import takes_at_most

EVENT: dict[str, Any] = {
    "s": "Hello World",
    "n": None,
    "i": 5,
    "f": 2.5,
    "whole": 1.0,
    "t": True,
    "no": False,
    "l": ["x", {}, None, [1, ["y"]]],
    "o": {"a": 1},
    "self": "me",
    "now": "mine",
    "crlf": "a\r\nb\n",
    "huge": 10**400,
    "date": "2026-01-02T03:04:05+02:00",
    "emoji": "a😀",
}


def render(text: str, event: dict[str, Any] | None = None) -> str:
    """The text that a template gives."""
    result = compile_mapping({"v": {"@liquid": text}}).resolve(EVENT if event is None else event)
    assert isinstance(result, dict)
    return str(result["v"])


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ whole }} {{ f }} {{ t }} {{ n }}{{ nope }}{{ o }}", "1 2.5 true [object Object]"),
        ("{{ l }}", "x[object Object]1y"),
        ("{{ l | join }}", "x [object Object]  1,y"),
        ("{{ l | size }} {{ o | size }} {{ s | size }} {{ emoji.size }} {{ i | size }}", "4 0 11 3 0"),
        ("{{ o | default: 'd' }} {{ no | default: 'd' }} {{ n | default: 'd' }}", "[object Object] d d"),
        ("{{ no | default: 'd', allow_false: true }}", "false"),
        ("{{ self }} {{ now }} {{ today }}", "me mine "),
        ("{{ crlf }}", "a\r\nb\n"),
        ("{% capture c %}{{ crlf }}{% endcapture %}{{ c }}", "a\r\nb\n"),
        ("{{ 'aXbX' | remove_last: 'X' }} {{ 'Xa' | remove_last: 'X' }}", "aXb a"),
        ("{{ 'Xa' | replace_last: 'X', 'y' }} {{ 'ab' | replace_last: 'c', 'y' }}", "ya ab"),
        ("{{ huge | plus: 1 }} {{ huge | round }} {{ huge }}", "Infinity Infinity Infinity"),
        ("{{ i | divided_by: 2 }} {{ 6 | divided_by: 2 }} {{ i | divided_by: 2, true }}", "2.5 3 2"),
        ("{{ i | divided_by: 0 }} {{ i | modulo: 0 }} {{ -7 | modulo: 3 }}", "Infinity NaN 2"),
        (
            "{{ f | round }} {{ -2.5 | round }} {{ 3.14159 | round: 2 }} {{ 1234 | round: -2 }}",
            "3 -3 3.14 1200",
        ),
        ("{{ 'a' | plus: 1 }} {{ '0x10' | plus: 1 }} {{ t | times: 3 }} {{ i | plus }}", "1 17 3 NaN"),
        ("{{ o | json }} {{ s | json }} {{ nope | json }}", '{"a":1} "Hello World" null'),
        ("{{ date | date: '%Y-%m-%d %H:%M %z' }}", "2026-01-02 01:04 +0000"),
        ("{{ date | date: '%H:%M %z', 'America/New_York' }} {{ date | date: '%H', 60 }}", "20:04 -0500 00"),
        ("{{ 1700000000 | date: '%s %j %e' }} {{ 'x' | date: '%Y' }}", "1700000000 318 14 x"),
        ("{{ date | date_to_string: 'ordinal' }}", "2nd Jan 2026"),
        ("{{ 'a&amp;<' | escape_once }} {{ \"<'\" | escape }}", "a&amp;&lt; &lt;&#39;"),
        ("{{ '<p>a</p><!-- b --><script>c</script>d<e' | strip_html }}", "ad<e"),
        ("{{ 'a b/é' | url_encode }} {{ 'a+b%2F' | url_decode }}", "a+b%2F%C3%A9 a b/"),
        ("{{ 'abc' | slice: 1 }} {{ 'abc' | slice: -2, 2 }} {{ 'abc' | truncate: 2, '' }}", "b bc ab"),
        ("{{ 'a,b,,' | split: ',' | size }} {{ 'YWI=' | base64_decode }}", "2 ab"),
        ("{{ s | nosuchfilter: 1 | upcase }}", "HELLO WORLD"),
        ("{{ s | upcase: 1, 2 }}", "HELLO WORLD"),
        ("{{ s[0] }}{{ s.first }}{{ l.first }}{{ l.0 }}{{ l[-1][0] }}{{ o['a'] }}{{ o.size }}", "Hxx111"),
        ("{% if i > 3 and not no %}a{% endif %}{% if n == nil %}b{% endif %}", "ab"),
        ("{% if l contains 'x' %}c{% endif %}{% if s contains n %}d{% endif %}", "c"),
        ("{% if i < '10' %}a{% endif %}{% if s < i %}b{% endif %}{% if n >= 0 %}c{% endif %}", "ac"),
        ("{% if nope < 5 %}a{% else %}b{% endif %}{% if t == 1 %}c{% else %}d{% endif %}", "bd"),
        ("{% if not t and no %}a{% else %}b{% endif %}", "b"),
        ("{% unless no %}a{% endunless %}{% increment q %}{% cycle 1.0, 2 %}{% echo t %}", "a01true"),
        ("{% assign x = 5 %}{{ x | plus: 2 }}{% comment %}c{% endcomment %}{% # c %}", "7"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{% liquid\nassign q = 3\nif q > 2\necho 'y'\nendif %}", "y"),
        ("{{ (1..3) }} {{ (1..3) | join: '-' }}", "123 1-2-3"),
        ("", ""),
    ],
)
def test_text(template: str, text: str) -> None:
    """Values are spelled, compared and computed as in JavaScript, whatever the library does."""
    assert render(template) == text


@pytest.mark.parametrize("event", [[1], "x", None, 5])
def test_items_that_are_no_objects_have_no_variables(event: Any) -> None:
    """A template in an item shape is rendered without variables where the item is no object."""
    mapping = compile_mapping({"v": {"@arrayPath": ["l", {"t": {"@liquid": "[{{ id }}]"}}]}})
    assert mapping.resolve({"l": [event, {"id": 1}]}) == {"v": [{"t": "[]"}, {"t": "[1]"}]}


REFUSED_TAGS = [
    "{% case i %}{% when 5 %}x{% endcase %}",
    "{% for x in l %}{% endfor %}",
    "{% include 'x' %}",
    "{% layout 'x' %}",
    "{% render 'x' %}",
    "{% tablerow x in l %}{% endtablerow %}",
    "{% if no %}{% for x in l %}{% endfor %}{% endif %}",
]
REFUSED_FILTERS = [
    *("array_to_sentence_string", "concat", "find", "find_exp", "find_index", "find_index_exp", "group_by"),
    *("group_by_exp", "has", "has_exp", "map", "newline_to_br", "reject", "reject_exp", "reverse", "sort"),
    *("sort_natural", "uniq", "where_exp", "type"),
]


@pytest.mark.parametrize(
    "template", [*REFUSED_TAGS, *(f"{{{{ l | {name}: 'x' }}}}" for name in REFUSED_FILTERS)]
)
def test_refused(template: str) -> None:
    """Tags that repeat or fetch, and the filters that Segment refuses, are refused at load."""
    (problem,) = validate_mapping({"v": {"@liquid": template}})
    assert problem.path == "$.v.@liquid"
    assert "is not allowed" in problem.message


@pytest.mark.parametrize(
    "template",
    [
        "{{ x",
        "{% if %}x{% endif %}",
        "{% if x %}",
        "{% endif %}",
        "{{ }}",
        "{% nope %}",
        "{% assign = 1 %}",
        "{{ a | b: }",
    ],
)
def test_bad_syntax(template: str) -> None:
    """What is not Liquid is refused when the mapping is loaded."""
    with pytest.raises(MappingError, match="is not Liquid"):
        compile_mapping({"v": {"@liquid": template}})


GROW = "{% assign x = x | append: x %}"
KILLERS = [
    "{% assign x = s %}" + GROW * 30,
    "{% assign x = s %}" + GROW * 30 + "{{ x }}",
    "{% assign x = l %}" + "{% assign x = x | push: x %}" * 30 + "{{ x | json }}",
    "{{ (1..1000000000) | join: ',' }}",
    "{{ (1..1000000000) | size }}",
    "{% if (1..1000000000) contains 'x' %}{% endif %}",
    "{% assign r = (1..100000) %}" + "{{ r | join: s }}" * 40,
    "{{ s | replace: 'a', s | replace: 'a', s }}",
    "{{ s | replace: '', s }}",
    "{% capture x %}" + "{{ s }}" * 130 + "{% endcapture %}",
    "{{ s | split: '' | join: s | size }}",
]


@pytest.mark.parametrize("template", KILLERS)
def test_killers_are_stopped(template: str) -> None:
    """A template that would grow without end fails soon, with little memory."""
    mapping = compile_mapping({"v": {"@liquid": template}})
    with takes_at_most(5), pytest.raises(MappingError, match="more than|longer than"):
        mapping.resolve({"s": "a" * 2000, "l": [1, 2]})


def test_the_deadline() -> None:
    """Time is up after half a second, also where no single step is large."""
    template = "{% assign r = (1..400000) %}" + "{{ r | sum }}" * 70
    mapping = compile_mapping({"v": {"@liquid": template}})
    with takes_at_most(3), pytest.raises(MappingError, match="longer than 0.5 seconds"):
        mapping.resolve({})


def test_stopped_in_a_thread_and_in_an_event_loop() -> None:
    """The bounds hold where signals cannot be used."""
    mapping = compile_mapping({"v": {"@liquid": KILLERS[1]}})
    outcomes: list[str] = []

    def run() -> None:
        try:
            mapping.resolve({"s": "a" * 1000})
        except MappingError as error:
            outcomes.append(str(error))

    async def run_in_loop() -> None:
        run()
        await asyncio.to_thread(run)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    asyncio.run(run_in_loop())
    assert len(outcomes) == 3


def test_output_is_bounded() -> None:
    """100 KB of output pass, one byte more does not."""
    assert len(render("{{ s }}", {"s": "a" * 100_000})) == 100_000
    for text in ("a" * 100_001, "é" * 50_001):
        with pytest.raises(MappingError, match="100,000 bytes"):
            render("{{ s }}", {"s": text})


def test_markup_in_great_numbers_takes_one_pass() -> None:
    """Tags that are never closed do not make `strip_html` slow."""
    text = "<script" * 20_000 + "<!--" * 20_000 + "<style" * 20_000
    with takes_at_most(2):
        assert render("{{ s | strip_html | size }}", {"s": text}) == str(len(text))


def test_without_the_extra_a_template_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the library of Liquid is not installed, a mapping with a template says so when it is loaded."""
    for name in [name for name in sys.modules if name.startswith(("liquid", "actions_core.mapping.liquid"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "liquid", None)
    with pytest.raises(MappingError) as raised:
        compile_mapping({"name": {"@liquid": "{{ event }}"}})
    assert str(raised.value.problems[0]) == (
        "$.name.@liquid: needs the extra for Liquid: pip install 'actions-core[liquid]'"
    )
