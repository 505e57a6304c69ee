"""What directives make is bounded, and no template runs past its time, whatever it is made of."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core import compile_mapping, validate_mapping
from actions_core.errors import MappingError
from tests.timing import takes_at_most

RANGE = "{% assign l = (1..999999) %}"
MODERATE = "{% assign l = (1..99999) %}"
SLOW = [
    RANGE + "{% if l contains 'x' %}{% endif %}" * 20,
    MODERATE + "{% if l contains 'x' %}{% endif %}" * 27,
    MODERATE + "{% if l == l %}{% endif %}" * 37,
    MODERATE + "{% if l != l %}{% endif %}" * 37,
    MODERATE + "{% if l < l %}{% endif %}" * 37,
    MODERATE + "{% unless l contains 'x' %}{% endunless %}" * 22,
    MODERATE + "{% liquid if l contains 'x'\nendif %}" * 26,
    MODERATE + "{% cycle l, l, l %}" * 50,
    MODERATE + "{% cycle " + "l, " * 300 + "l %}",
    MODERATE + "{% capture c %}{{ l }}{% endcapture %}" * 25,
    MODERATE + "{% assign x = l | where: 'a' %}" * 30,
    MODERATE + "{% assign x = l | sum %}" * 39,
    MODERATE + "{% assign x = l | json: 2 %}" * 34,
    MODERATE + "{% assign x = l[5] %}" * 46,
    RANGE + "{{ l[5] }}",
    "{% if (1..999999) contains big %}{% endif %}",
    "{% if lists == lists %}{% endif %}{% if lists contains lists %}{% endif %}" * 13,
    "{% assign x = s %}"
    + "{% assign x = x | append: x %}" * 9
    + "{% assign x = x | escape | url_encode %}" * 17,
]


@pytest.mark.parametrize("template", SLOW, ids=range(len(SLOW)))
def test_no_template_runs_past_its_time(template: str) -> None:
    """A template ends within its half second, with its text or with an error that says why."""
    mapping = compile_mapping({"v": {"@liquid": template}})
    event = {"s": "<" * 900, "big": "x" * 10_000, "lists": [[index, [True]] for index in range(20_000)]}
    message = ""
    with takes_at_most(0.8):
        try:
            mapping.resolve(event)
        except MappingError as error:
            message = str(error)
    assert not message or "longer than 0.5 seconds" in message or "more than" in message


def nested(times: int, value: Any) -> Any:
    """A value encoded as JSON again and again."""
    for _ in range(times):
        value = {"@json": {"mode": "encode", "value": value}}
    return value


LONG = {"@path": "long"}
GROWING = [
    nested(30, {"@path": "quotes"}),
    nested(1, {"@transform": {"apply": {"a": [LONG] * 60}, "mapping": {"b": [{"@path": "a"}] * 60}}}),
    {"@flatten": {"value": {"@path": "wide"}, "separator": "."}},
    {"@flatten": {"value": {"@path": "items"}, "separator": "-" * 60_000}},
    {"@template": "{{lists}}{{lists}}"},
    {"@transform": {"apply": {"a": [LONG] * 90}, "mapping": {"@template": "{{a}}"}}},
    {"@transform": {"apply": {"a": [LONG] * 90}, "mapping": {"@template": {"@template": "{{a}}"}}}},
    {"@arrayPath": ["items", {"v": {"@literal": list(range(30_000))}}]},
    {"@jmespath": "join(long, items[*].name)"},
    {"@jmespath": "to_string([" + "long, " * 12 + "long])"},
]


@pytest.mark.parametrize("value", GROWING, ids=range(len(GROWING)))
def test_what_directives_make_is_bounded(value: Any) -> None:
    """A directive that would make too much says so before it does, with its place."""
    event = {
        "quotes": '"' * 10,
        "long": "a" * 90_000,
        "wide": {"k" * 30_000: {str(index): index for index in range(100)}},
        "items": [{"name": "n", "x": {"y": 1}} for _ in range(100)],
        "lists": ["a" * 30_000] * 40,
    }
    mapping = compile_mapping({"v": value})
    with takes_at_most(2), pytest.raises(MappingError, match=r"\$\.v.*makes"):
        mapping.resolve(event)


def test_what_is_usual_is_not_bounded() -> None:
    """A large event passes through every directive that has a bound."""
    event = {"items": [{"sku": f"sku-{index}", "price": index} for index in range(3_000)]}
    resolved = compile_mapping(
        {
            "j": {"@json": {"mode": "encode", "value": {"@path": "items"}}},
            "f": {"@flatten": {"value": {"@path": "items"}, "separator": "."}},
            "t": {"@template": "{{items}}"},
            "a": {"@arrayPath": ["items", {"id": {"@path": "sku"}, "currency": "EUR"}]},
            "m": {"@jmespath": "items[-9:].sku | join(',', @) | length(@)"},
        }
    ).resolve(event)
    assert isinstance(resolved, dict)
    assert len(resolved["a"]) == 3_000
    assert len(resolved["f"]) == 6_000
    assert resolved["m"] == 9 * len("sku-2999") + 8


def test_unknown_filters_are_warned_of() -> None:
    """A filter that nobody has changes nothing, and is warned of wherever it stands, with a suggestion."""
    template = "{{ a | dowcase }}{% assign x = b | sha265 %}{% if true %}{{ c | nosuch | upcase }}{% endif %}"
    problems = validate_mapping({"v": {"@liquid": template}})
    assert [problem.severity for problem in problems] == ["warning"] * 3
    assert [problem.path for problem in problems] == ["$.v.@liquid"] * 3
    messages = " ".join(problem.message for problem in problems)
    for part in ("'dowcase'; did you mean 'downcase'?", "'sha265'; did you mean 'sha256'?", "'nosuch'"):
        assert part in messages
    assert compile_mapping({"v": {"@liquid": template}}).resolve({"a": "A", "c": "c"}) == {"v": "AC"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ 'Polyjuice' | sha256 }}", "44ac1d7a2936e30a5de07082fd65d6fe9b1fb658a1a98bfe65bc5959beac5dd0"),
        (
            "{{ 'Polyjuice' | hmac_sha256: 'Polina' }}",
            "8e0d5d65cff1242a4af66c8f4a32854fd5fb80edcc8aabe9b302b29c7c71dc20",
        ),
        ("{{ o | json: 2 }}", '{\n  "b": [\n    1,\n    {}\n  ]\n}'),
        ("{{ 'Hé llo_w!' | slugify: 'latin' }} {{ 'A b~c' | slugify: 'pretty', true }}", "he-llo-w A-b~c"),
        (
            "{{ 'a  b_c' | slugify: 'raw' }} {{ 'A é' | slugify: 'ascii' }} {{ 'A b' | slugify: 'none' }}",
            "a-b_c a a b",
        ),
        ("{{ '你好 hello' | number_of_words }} {{ '你好 hello' | number_of_words: 'cjk' }}", "2 3"),
        ("{{ '你好 hello' | number_of_words: 'auto' }} {{ 'a b' | number_of_words: 'auto' }}", "3 2"),
        ("{{ one | sample }} {{ one | sample: 2 | size }} {{ nope | sample | size }}", "x 1 0"),
        (
            "{{ 1.005 | round: 2 }} {{ 2.675 | round: 2 }} {{ -1.005 | round: 2 }} {{ 0.5 | round }}",
            "1.01 2.68 -1.01 1",
        ),
        ("{{ 1250 | round: -2 }} {{ 12.5 | round: 400 }} {{ 8.345 | round: 2 }}", "1300 12.5 8.35"),
        (
            "{{ 'Jan 2, 2026' | date: '%F' }} {{ '1/2/2026 3:04 PM' | date: '%F %T' }}",
            "2026-01-02 2026-01-02 15:04:00",
        ),
        ("{{ '2024-03-31T24:00:00Z' | date: '%F' }} {{ 'room 5' | date: '%F' }}", "2024-04-01 room 5"),
        ("{{ 'Fri, 02 Jan 2026 03:04:05 -0130' | date: '%T' }}", "04:34:05"),
    ],
)
def test_filters_of_liquidjs(template: str, text: str) -> None:
    """What LiquidJS 10 has gives what it gives there."""
    event = {"o": {"b": [1, {}]}, "one": ["x"]}
    assert validate_mapping({"v": {"@liquid": template}}) == []
    assert compile_mapping({"v": {"@liquid": template}}).resolve(event) == {"v": text}
