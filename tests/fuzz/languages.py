"""Random texts in the languages that users write: paths, templates, FQL, JMESPath, Liquid.

Each comes in two ways: by the grammar, so that it runs, and as a soup of tokens, so that the parser is
tried. Texts by the grammar get a few characters changed now and then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.fuzz.words import ALPHABET, KEYS, chance, number, pick, scalar, text

if TYPE_CHECKING:
    from random import Random

PATHS: Final = (
    "$.properties.a", "$.traits.email", "$.", "$", "properties.products[0].price", "$.event", "$.userId",
    "$.context.page.url", "$.properties['is.active']", '$.properties["a"]', "$.properties.products",
    "$.traits.*.a", "$.properties.products[-1]", "properties.products.0.price", "$.context.personas",
)  # fmt: skip
PATH_PARTS: Final = (
    "$", ".", "[", "]", "'", '"', "0", "-1", "99999999999999999999", "properties", "a", "*", "\\", " ", "ü",
    "..", "@", "\ud800", "['", "']", "[0]", '["', '"]', "__proto__", "length",
)  # fmt: skip


def mangle(rng: Random, source: str) -> str:
    """Change a few characters of a text, or repeat a part of it."""
    for _ in range(1 + int(rng.random() * 3)):
        at = int(rng.random() * (len(source) + 1))
        roll = rng.random()
        if roll < 0.4:
            source = source[:at] + pick(rng, ALPHABET) + source[at:]
        elif roll < 0.8:
            source = source[:at] + source[at + 1 :]
        elif len(source) < 2_000:
            end = at + int(rng.random() * 10)
            source = source[:at] + source[at:end] * (2 + int(rng.random() * 20)) + source[end:]
    return source


def path(rng: Random) -> str:
    """Make a path of an event."""
    if chance(rng, 0.75):
        return pick(rng, PATHS)
    return "".join(pick(rng, PATH_PARTS) for _ in range(int(rng.random() * 9)))


def template(rng: Random) -> str:
    """Make the text of a `@template`."""
    parts = []
    for _ in range(1 + int(rng.random() * 4)):
        braces = 2 + (rng.random() < 0.2)
        parts.append(pick(rng, ("", "Hello ", "{", "}", "{{", " - ", "{{{{", "\\")))
        parts.append("{" * braces + pick(rng, ("", " ")) + path(rng) + "}" * (braces - (rng.random() < 0.05)))
    return "".join(parts)


# -- FQL ---------------------------------------------------------------------------------------------

FQL_FIELDS: Final = (
    "type", "event", "name", "userId", "properties.a", "properties.total", "traits.email",
    "context.page.url", "properties.products.0.price", "context.personas.computation_class",
    "properties.is\\.active",
)  # fmt: skip
FQL_TOKENS: Final = (
    *FQL_FIELDS, "=", "!=", "==", "<", "<=", ">", ">=", "and", "or", "AND", "not", "!", "(", ")",
    "contains(", "match(", ",", '"track"', "'x*'", '"*x"', "5", "-1.5e3", "1e400", "9" * 400, "9" * 5000,
    "null", "true", "false", "\\", '"', "'", "\ud800", "foo", "properties", "properties.", "type.a", "in",
    "typeof", "lowercase(", "length(", "['a']", "\u00a0", "\0", "ü", 'type="track"', "track", "٣",
    "properties.a.", "properties..a", "\\ ",
)  # fmt: skip
RELATIONS: Final = ("=", "!=", "<", "<=", ">", ">=", "==")


def fql(rng: Random) -> str:
    """Make a condition."""
    roll = rng.random()
    if roll < 0.2:
        return " ".join(pick(rng, FQL_TOKENS) for _ in range(int(rng.random() * 14)))
    if roll < 0.22:
        depth = pick(rng, (10, 99, 100, 101, 300, 3_000))
        return pick(rng, ("(", "!(")) * depth + 'type = "track"' + ")" * depth
    if roll < 0.235:
        many = pick(rng, (50, 299, 301, 2_000))
        return pick(rng, (" or ", " and ")).join(_fql_single(rng, 0) for _ in range(many))
    made = _fql_either(rng, 3)
    return mangle(rng, made) if roll > 0.85 else made


def _fql_either(rng: Random, depth: int) -> str:
    count = 1 + int(rng.random() * 3)
    joined = [pick(rng, (" and ", " or ", " and ", "  or\t")) for _ in range(count)]
    parts = [_fql_single(rng, depth) + joined[at] for at in range(count - 1)]
    return "".join([*parts, _fql_single(rng, depth)])


def _fql_single(rng: Random, depth: int) -> str:
    roll = rng.random()
    if depth > 0 and roll < 0.3:
        return f"{'!' if chance(rng, 0.3) else ''}({_fql_either(rng, depth - 1)})"
    field = pick(rng, FQL_FIELDS) if chance(rng, 0.8) else f"properties.{_fql_key(rng)}"
    if roll < 0.5:
        sign = "!" if chance(rng, 0.3) else ""
        if chance(rng, 0.5):
            return f"{sign}contains({field}, {_fql_value(rng)})"
        return f"{sign}match({field}, {_fql_quoted(pick(rng, ('Order*', '*x', '*', 'a*b', '', '**', 'ü*')))})"
    return f"{field} {pick(rng, RELATIONS)} {_fql_value(rng)}"


def _fql_key(rng: Random) -> str:
    source = pick(rng, KEYS) if chance(rng, 0.7) else text(rng)[:40]
    return "".join(c if c.isalnum() or c == "_" else f"\\{c}" for c in source) or "a"


def _fql_value(rng: Random) -> str:
    made = scalar(rng)
    if made is None:
        return "null"
    if isinstance(made, bool):
        return "true" if made else "false"
    if isinstance(made, str):
        return _fql_quoted(made)
    return digits(made)


def _fql_quoted(source: str) -> str:
    return f'"{source}"' if '"' not in source else f"'{source}'"


def digits(made: float) -> str:
    """Write a number, also one that is longer than Python writes without being asked twice."""
    if isinstance(made, int) and abs(made) >= 10**4_000:
        return ("-" if made < 0 else "") + "1" + "0" * 4_400
    return repr(made)


# -- JMESPath ----------------------------------------------------------------------------------------

JMESPATH_FUNCTIONS: Final = (
    "abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "map", "max", "max_by",
    "merge", "min", "min_by", "not_null", "reverse", "sort", "sort_by", "starts_with", "sum", "to_array",
    "to_number", "to_string", "type", "values", "lenght",
)  # fmt: skip
JMESPATH_TOKENS: Final = (
    *JMESPATH_FUNCTIONS, "properties", "traits", "a", ".", "*", "[", "]", "[?", "[]", "|", "||", "&&", "!",
    "(", ")", "{", "}", ",", ":", "@", "&", "`", "'", '"', "==", "<", ">=", "0", "-1", "9" * 4301, "`1`",
    "`[1]`", "'x'", '"a"', '`"\\ud800"`', "`1e400`", "\ud800", "\\", " ", "`{`", "[1:2]", "[::0]", "[::-1]",
    '"\\ud800"', "`null`",
)  # fmt: skip
LITERALS: Final = (
    "`1`", "`0`", "`-1.5`", '`"a"`', "`null`", "`true`", '`[1, 2, "a", null]`', '`{"a": {"a": [1]}}`',
    "'raw'", "''", "`1e400`", "`NaN`", "`12345678901234567890`", "`foo`", '`"\\u0000"`', "`[]`", "`{}`",
    '`"20"`', "`[[1],[2,[3]]]`",
)  # fmt: skip


def jmespath(rng: Random) -> str:
    """Make an expression of JMESPath."""
    roll = rng.random()
    if roll < 0.15:
        return "".join(pick(rng, JMESPATH_TOKENS) for _ in range(int(rng.random() * 10)))
    if roll < 0.155:
        times = pick(rng, (10, 30, 100, 400, 2_000))
        return pick(rng, JMESPATH_GROWING)(times)
    made = _expression(rng, 4)
    return mangle(rng, made) if roll > 0.9 else made


JMESPATH_GROWING: Final = (
    lambda n: "a" + "[0]" * n,
    lambda n: "a" + ".a" * n,
    lambda n: "[@, @]" + " | [@, @]" * n,
    lambda n: "{a: @, b: @}" + " | {a: @, b: @}" * n,
    lambda n: "(" * n + "a" + ")" * n,
    lambda n: "!" * n + "a",
    lambda n: "to_string(" * n + "@" + ")" * n,
    lambda n: "properties.products[*]" + "[*]" * n,
    lambda n: "[" * n + "a" + "]" * n,
    lambda n: " || ".join(["a"] * n),
    lambda n: "map(&[@, @], " * n + "`[1,2,3]`" + ")" * n,
    lambda n: "to_string([@, @])" + " | to_string([@, @])" * n,
    lambda n: "join(to_string(@), ['a', 'b', 'c'])" + " | join(@, ['a', 'b', 'c'])" * n,
    lambda n: "merge(" + ", ".join(["@"] * n) + ")",
    lambda n: "[" + ", ".join(["@"] * n) + "] | [*]" * 5,
    lambda n: f"a[{'9' * n}]",
    lambda n: f"a[{'9' * n}:{'9' * n}:{'9' * n}]",
    lambda n: f"`{'9' * n}`",
    lambda n: f"`{'[' * n}{']' * n}`",
    lambda n: "to_number('" + "9" * n + "x')",
)


def _expression(rng: Random, depth: int) -> str:  # noqa: C901, PLR0911, PLR0912 - one for each form
    if depth <= 0:
        return pick(rng, ("a", "@", "properties", "traits.email", "*", "[]", *LITERALS))
    inner = depth - 1
    roll = int(rng.random() * 14)
    if roll < 2:
        return ".".join(_field(rng) for _ in range(1 + int(rng.random() * 3)))
    if roll == 2:
        steps = ("[0]", "[-1]", "[]", "[*]", ".*", "[1:]", "[::-1]", "[:5:2]")
        return f"{_expression(rng, inner)}{pick(rng, steps)}"
    if roll == 3:
        return f"{_expression(rng, inner)} | {_expression(rng, inner)}"
    if roll == 4:
        sign = pick(rng, ("==", "!=", "<", "<=", ">", ">="))
        return f"{_expression(rng, inner)}[?{_expression(rng, inner)} {sign} {_expression(rng, inner)}]"
    if roll == 5:
        return f"{_expression(rng, inner)} {pick(rng, ('||', '&&'))} {_expression(rng, inner)}"
    if roll == 6:
        return f"!{_expression(rng, inner)}"
    if roll == 7:
        return f"[{', '.join(_expression(rng, inner) for _ in range(1 + int(rng.random() * 3)))}]"
    if roll == 8:
        pairs = (f"{_field(rng)}: {_expression(rng, inner)}" for _ in range(1 + int(rng.random() * 2)))
        return "{" + ", ".join(pairs) + "}"
    if roll == 9:
        return pick(rng, LITERALS)
    if roll == 10:
        return f"({_expression(rng, inner)})"
    name = pick(rng, JMESPATH_FUNCTIONS)
    arguments = [_expression(rng, inner) for _ in range(int(rng.random() * 3.4))]
    if name in ("map", "sort_by", "max_by", "min_by") and chance(rng, 0.9):
        arguments = [_expression(rng, inner), f"&{_expression(rng, inner)}"]
        if name == "map":
            arguments.reverse()
    return f"{name}({', '.join(arguments)})"


def _field(rng: Random) -> str:
    name = pick(rng, ("a", "b", "email", "price", "products", "properties", "traits", "context", "event"))
    if chance(rng, 0.9):
        return name
    return pick(rng, ('"is.active"', '"first-name"', '"\\ud800"', '"__proto__"', '""', '"\\n"', '"ü"'))


# -- Liquid ------------------------------------------------------------------------------------------

LIQUID_FILTERS: Final = (
    "abs", "append", "at_least", "at_most", "base64_decode", "base64_encode", "capitalize", "ceil",
    "cgi_escape", "compact", "date", "date_to_long_string", "date_to_rfc822", "date_to_string",
    "date_to_xmlschema", "default", "divided_by", "downcase", "escape", "escape_once", "first", "floor",
    "inspect", "join", "json", "jsonify", "last", "lstrip", "minus", "modulo", "normalize_whitespace",
    "number_of_words", "plus", "pop", "prepend", "push", "raw", "remove", "remove_first", "remove_last",
    "replace", "replace_first", "replace_last", "round", "rstrip", "shift", "size", "slice", "slugify",
    "split", "squish", "strip", "strip_html", "strip_newlines", "sum", "times", "to_integer", "truncate",
    "truncatewords", "unshift", "upcase", "uri_escape", "url_decode", "url_encode", "where", "xml_escape",
    "concat", "map", "reverse", "sort", "sort_natural", "uniq", "sha256", "md5", "hmac_sha256", "nope",
    "sample", "newline_to_br", "sum", "find", "group_by", "array_to_sentence_string",
)  # fmt: skip
LIQUID_VALUES: Final = (
    "properties.a", "traits.email", "event", "properties.products", "properties.products[0].price", "x", "l",
    "nil", "true", "false", "empty", "blank", "1", "-1", "0", "2.5", "1.005", "'a'", '"b,c"', "' '",
    "(1..5)", "(5..1)", "(1..99)", "(-1..x)", "(a..b)", "99999999999999999999", "1e5", "'%Y-%m-%d'", "'now'",
    "'%'", "timestamp", "properties['is.active']", "context", "properties.products.size",
    "properties.products.first", "forloop", "'%5000d'", "'%-0^#:100Y'", "''", "'[['", "properties[event]",
    "properties[x][l]", "-0", "'%s'", "'<b>x'",
)  # fmt: skip
LIQUID_TOKENS: Final = (
    "{{", "}}", "{%", "%}", "{%-", "-%}", "{{-", "-}}", "if", "endif", "else", "elsif", "unless",
    "endunless", "assign", "capture", "endcapture", "case", "when", "endcase", "for", "in", "endfor", "raw",
    "endraw", "comment", "endcomment", "cycle", "increment", "decrement", "echo", "liquid", "include",
    "render", "tablerow", "#", "break", "continue", "|", ":", ",", "=", "==", "!=", "<>", "<", ">=",
    "contains", "and", "or", "not", "(", ")", "[", "]", ".", "..", "'", '"', "\n", " ", "\ud800", "\0",
    "limit", "offset", "reversed", "ü", *LIQUID_VALUES, "upcase", "append",
)  # fmt: skip


def liquid(rng: Random) -> str:
    """Make a template of Liquid, mostly no longer than the 1,000 characters that are allowed."""
    roll = rng.random()
    if roll < 0.15:
        return "".join(pick(rng, LIQUID_TOKENS) + " " for _ in range(int(rng.random() * 25)))
    if roll < 0.154:
        return pick(rng, LIQUID_GROWING)(pick(rng, (3, 10, 20, 60)))
    made = "".join(_liquid_part(rng, 3) for _ in range(1 + int(rng.random() * 4)))
    return mangle(rng, made) if roll > 0.9 else made


LIQUID_GROWING: Final = (
    lambda n: "{% assign x = 'ab' %}" + "{% assign x = x | append: x %}" * n + "{{ x }}",
    lambda n: "{% assign l = (1..99999) %}" + "{% if l contains 'x' %}{% endif %}" * n,
    lambda n: "{% assign l = (1..99999) %}" + "{% if l == l %}{% endif %}" * n,
    lambda n: "{% assign l = (1..99999) %}" + "{{ l }}" * n,
    lambda n: "{% assign l = (1..99999) %}" + "{{ l | size }}" * n,
    lambda n: "{% assign l = (1..99999) %}" + "{% cycle l, l %}" * n,
    lambda n: "{% assign l = (1..99999) | join: ',' %}" + "{% assign l = l | replace: '1', '22' %}" * n,
    lambda n: "{% assign l = (1..9999) | join: ' ' | split: ' ' %}" + "{{ l | where: 'a', 'b' }}" * n,
    lambda n: (
        "{% capture x %}{{ properties.long }}{% endcapture %}"
        + "{% capture x %}{{ x }}{{ x }}{% endcapture %}" * n
    ),
    lambda n: "{% if true %}" * n + "x" + "{% endif %}" * n,
    lambda n: "{{ properties.long" + " | replace: 'a', 'aa'" * n + " }}",
    lambda n: "{{ properties.long" + " | split: ''" + " | join: ', '" * n + " }}",
    lambda n: "{{ properties.long | json" + " | json" * n + " }}",
    lambda n: "{{ properties.long" + " | url_encode" * n + " }}",
    lambda n: "{{ properties.long" + pick_filters(n) + " }}",
    lambda n: "{{ " + "properties[" * n + "a" + "]" * n + " }}",
    lambda n: "{% if " + "(" * n + "a" + ")" * n + " %}x{% endif %}",
    lambda n: "{% if " + " and ".join(["properties.products contains 'x'"] * n) + " %}x{% endif %}",
    lambda n: "{% assign x = (1..99999) %}{% assign y = x" + " | push: x" * n + " %}{{ y | json }}",
    lambda n: "{% liquid\n" + "assign x = (1..99999)\nif x contains 'b'\nendif\n" * n + "%}",
    lambda n: "{% increment x %}" * n,
    lambda n: "{{ properties.long" + " | plus: 1" * n + " | times: properties.long }}",
)


def pick_filters(count: int) -> str:
    """Chain filters that read texts by a pattern."""
    names = ("strip_html", "squish", "slugify", "escape_once", "url_decode", "date: '%Y'", "round: 2", "abs")
    return "".join(f" | {names[at % len(names)]}" for at in range(count))


def _liquid_part(rng: Random, depth: int) -> str:  # noqa: PLR0911 - one for each tag
    roll = int(rng.random() * 16)
    dash = "-" if chance(rng, 0.05) else ""
    if depth <= 0 or roll < 6:
        return pick(rng, ("Hello ", "", "\n")) + f"{{{{{dash} {_filtered(rng)} {dash}}}}}"
    inner = _liquid_part(rng, depth - 1)
    if roll < 9:
        name = pick(rng, ("x", "l", "properties", "y.z", "x-y"))
        return f"{{% assign {name} = {_filtered(rng)} {dash}%}}{inner}"
    if roll == 9:
        return f"{{% capture x %}}{inner}{{% endcapture %}}"
    if roll == 10:
        return (
            f"{{% unless {_test(rng)} %}}{inner}{{% else %}}{_liquid_part(rng, depth - 1)}{{% endunless %}}"
        )
    if roll == 11:
        return pick(
            rng, ("{% raw %}{{ x }}{% endraw %}", "{% comment %}{{ x %}{% endcomment %}", "{% # note %}")
        )
    if roll == 12:
        values = ", ".join(pick(rng, LIQUID_VALUES) for _ in range(int(rng.random() * 4)))
        group = f"{pick(rng, LIQUID_VALUES)}: " if chance(rng, 0.2) else ""
        return f"{{% cycle {group}{values} %}}"
    if roll == 13:
        return pick(rng, ("{% increment x %}", "{% decrement l %}", f"{{% echo {_filtered(rng)} %}}"))
    if roll == 14:
        return pick(
            rng,
            (
                f"{{% for i in {pick(rng, LIQUID_VALUES)} %}}{inner}{{% endfor %}}",
                f"{{% case {pick(rng, LIQUID_VALUES)} %}}{{% when 1 %}}{inner}{{% endcase %}}",
                f"{{% liquid\nassign x = {_filtered(rng)}\necho x\n%}}",
                "{% render 'x' %}",
            ),
        )
    other = f"{{% elsif {_test(rng)} %}}{inner}" if chance(rng, 0.3) else ""
    return f"{{% if {_test(rng)} %}}{inner}{other}{{% else %}}no{{% endif %}}"


def _test(rng: Random) -> str:
    made = pick(rng, LIQUID_VALUES)
    if chance(rng, 0.8):
        sign = pick(rng, ("==", "!=", "<", "<=", ">", ">=", "contains", "<>"))
        made = f"{made} {sign} {pick(rng, LIQUID_VALUES)}"
    if chance(rng, 0.2):
        made = f"not {made}"
    return f"{made} {pick(rng, ('and', 'or'))} {_test(rng)}" if chance(rng, 0.3) else made


def _filtered(rng: Random) -> str:
    made = pick(rng, LIQUID_VALUES)
    for _ in range(int(rng.random() * 4)):
        name = pick(rng, LIQUID_FILTERS)
        arguments = [_liquid_argument(rng) for _ in range(int(rng.random() * 2.6))]
        made += f" | {name}" + (f": {', '.join(arguments)}" if arguments else "")
    return made


def _liquid_argument(rng: Random) -> str:
    roll = rng.random()
    if roll < 0.75:
        return pick(rng, LIQUID_VALUES)
    if roll < 0.85:
        return digits(number(rng))
    if roll < 0.9:
        return f"allow_false: {pick(rng, LIQUID_VALUES)}"
    return "'" + text(rng).replace("'", "")[:200] + "'"
