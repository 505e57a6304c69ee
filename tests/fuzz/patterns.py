"""The regular expressions of the code, found by reading it, and the worst texts for each.

A pattern counts with the methods by which the code uses it: what is quick in `fullmatch` may be slow in
`search`. The worst texts come from the pattern itself: whatever leads to one of its repetitions, then what
that repeats for 32 KB, then something that does not fit.
"""

from __future__ import annotations

import ast
import gc
import importlib
import re
import signal
import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import attrs

from tests.fuzz.adapter import PACKAGES, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE: Final = 32 * 1024
LIMIT: Final = 0.1
_METHODS: Final = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
#: What a file has to say to be read at all, and what it says where it has a pattern.
_USING: Final = re.compile(rf"\.(?:compile|{'|'.join(_METHODS)})\b")
_MAKING: Final = re.compile(rf"\bre\.(?:compile|{'|'.join(_METHODS)})\b")
#: What does not fit behind a repetition, in one pattern or another.
_TAILS: Final = ("", "\0", "x", "!", "\n", "é")
#: What is repeated for any pattern, beside what the pattern itself says.
UNITS: Final = (
    "9", "a", "A", "aA", " ", "\t ", ".", "-", "_", "a-", "a.", "0.", "9.9e", "\\", "\\.", "'", '"', "[",
    "[0]", "['a']", "{{", "{", "(", "`", "``a", "<", "<a", "<!--", "%", "%-", "%41", "=", "a=b&", "a@", "@",
    "/", "a/", ":", "://", "#", "$", "$&", "+", "a,", "&amp;", "&", "*", "é", "٣", "\u00a0", "\n", "2026-",
    "T00:00", "{a}", "[[", "1,", "!(",
)  # fmt: skip


@attrs.frozen
class Pattern:
    """One regular expression: where it stands, what it is, and the methods by which it is used."""

    place: str
    source: str
    flags: int
    methods: frozenset[str]

    @property
    def module(self) -> str:
        """The module in which it stands."""
        return self.place.rpartition(".")[0]


@attrs.frozen
class _Call:
    """A call of `re` as it stands in the code."""

    module: str
    function: str
    name: str | None
    method: str
    literal: str | None
    flags: int


# -- finding -----------------------------------------------------------------------------------------


@cache
def found() -> tuple[tuple[Pattern, ...], tuple[str, ...]]:
    """Find every pattern, and the places of those that are made of something while the program runs."""
    trees = {_module(path): ast.parse(text) for path, text in _sources() if _USING.search(text)}
    uses = _uses(trees)
    patterns: list[Pattern] = []
    made: list[str] = []
    for module, tree in trees.items():
        for call in _calls(module, tree):
            place = f"{call.module}.{call.name or call.function}"
            if call.name is not None and call.method == "compile":
                compiled = getattr(importlib.import_module(call.module), call.name)
                methods = uses.get((call.module, call.name)) or _handed_on(call.module, uses, tree)
                methods = methods or frozenset(("search",))
                patterns.append(Pattern(place, compiled.pattern, compiled.flags, methods))
            elif call.literal is not None:
                method = "search" if call.method == "compile" else call.method
                patterns.append(Pattern(place, call.literal, call.flags, frozenset((method,))))
            else:
                made.append(place)
    return tuple(patterns), tuple(made)


def modules() -> list[str]:
    """List the modules that may have a pattern, without reading them closely."""
    return [_module(path) for path, text in _sources() if _MAKING.search(text)]


def _sources() -> Iterator[tuple[Path, str]]:
    for folder in PACKAGES:
        for path in sorted(folder.rglob("*.py")):
            yield path, path.read_text("utf-8")


def _module(path: Path) -> str:
    base = ROOT if path.is_relative_to(ROOT / "actions_core") else ROOT / "destinations"
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def _uses(trees: dict[str, ast.Module]) -> dict[tuple[str, str], frozenset[str]]:
    """The methods that are asked of a module's names, there or where they are imported."""
    uses: dict[tuple[str, str], set[str]] = {}
    for module, tree in trees.items():
        imported: dict[str, tuple[str, str]] = {}
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                imported |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        for node in nodes:
            if isinstance(node, ast.Attribute) and node.attr in _METHODS and isinstance(node.value, ast.Name):
                home = imported.get(node.value.id, (module, node.value.id))
                uses.setdefault(home, set()).add(node.attr)
    return {home: frozenset(methods) for home, methods in uses.items()}


def _handed_on(module: str, uses: dict[tuple[str, str], frozenset[str]], tree: ast.Module) -> frozenset[str]:
    """The methods of what is no name of the module itself: a parameter, to which a pattern may be given."""
    named = {target.id for target in ast.walk(tree) if isinstance(target, ast.Name) and target.id.isupper()}
    found = [methods for (home, name), methods in uses.items() if home == module and name not in named]
    return frozenset().union(*found)


def _calls(module: str, tree: ast.Module) -> Iterator[_Call]:
    names = {
        id(statement.value): target.id
        for statement in tree.body
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        if isinstance(target, ast.Name)
    }
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, function = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            function = node.name
        method = _method(node)
        if method is not None and isinstance(node, ast.Call):
            first = node.args[0] if node.args else None
            literal = (
                first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
            )
            flags = 0
            for part in (*node.args[1:], *(keyword.value for keyword in node.keywords)):
                for inner in ast.walk(part):
                    if isinstance(inner, ast.Attribute) and isinstance(
                        getattr(re, inner.attr, None), re.RegexFlag
                    ):
                        flags |= getattr(re, inner.attr)
            yield _Call(module, function, names.get(id(node)), method, literal, flags)
        stack.extend((child, function) for child in ast.iter_child_nodes(node))


def _method(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    owner, name = node.func.value, node.func.attr
    if isinstance(owner, ast.Name) and owner.id == "re" and name in (*_METHODS, "compile"):
        return name
    return None


# -- worst texts -------------------------------------------------------------------------------------


def worst_texts(pattern: Pattern) -> Iterator[str]:
    """Give the worst texts for a pattern, of 32 KB each."""
    seen: set[tuple[str, str]] = set()
    parser: Any = re._parser  # type: ignore[attr-defined]  # the stubs leave it out
    tree = parser.parse(pattern.source, pattern.flags & ~re.DEBUG)
    derived = [(prefix, unit, _TAILS) for prefix, unit in _repetitions(list(tree), "")]
    for prefix, unit, tails in (*derived, *(("", unit, _TAILS[1:2]) for unit in UNITS)):
        if unit and (prefix, unit) not in seen:
            seen.add((prefix, unit))
            body = prefix + (unit * (SIZE // len(unit) + 1))[: SIZE - len(prefix)]
            for tail in tails:
                yield body + tail


def _repetitions(items: list[Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Give what leads to each repetition of a parsed pattern, and what it repeats."""
    for item in items:
        name, argument = str(item[0]), item[1]
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _, high, inner = argument
            if high > 20:
                for which in range(3):
                    yield prefix, _sample(list(inner), which)
            yield from _repetitions(list(inner), prefix)
        elif name == "SUBPATTERN":
            yield from _repetitions(list(argument[-1]), prefix)
        elif name == "ATOMIC_GROUP":
            yield from _repetitions(list(argument), prefix)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _repetitions(list(branch), prefix)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from _repetitions(list(argument[1]), prefix)
        prefix += _sample([item], 0)


def _sample(items: list[Any], which: int) -> str:
    """Make a short text that the items match; `which` chooses among what a class or a branch allows."""
    made = ""
    for name, argument in ((str(item[0]), item[1]) for item in items):
        if name == "LITERAL":
            made += chr(argument)
        elif name == "NOT_LITERAL":
            made += next(sign for sign in "a0 .-" if ord(sign) != argument)
        elif name == "ANY":
            made += "a0 "[which % 3]
        elif name == "IN":
            made += _member(argument, which)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            made += _sample(list(argument[2]), which) * max(argument[0], 1 if which else 0)
        elif name == "SUBPATTERN":
            made += _sample(list(argument[-1]), which)
        elif name == "ATOMIC_GROUP":
            made += _sample(list(argument), which)
        elif name == "BRANCH":
            made += _sample(list(argument[1][which % len(argument[1])]), which)
    return made


def _member(argument: list[Any], which: int) -> str:
    """Give a character of a class: its first, middle or last part."""
    if str(argument[0][0]) == "NEGATE":
        # Anything but these: a letter, a digit, a blank.
        return next((sign for sign in ("a0 "[which % 3], *"a0 .-_xé") if not _in(argument[1:], sign)), "é")
    name, value = argument[min(which * len(argument) // 2, len(argument) - 1)]
    if str(name) == "LITERAL":
        return chr(value)
    if str(name) == "RANGE":
        return chr(value[0])
    return {"CATEGORY_DIGIT": "9", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}.get(str(value), "!")


def _in(argument: list[Any], sign: str) -> bool:
    for name, value in argument:
        kind = str(name)
        if kind == "LITERAL" and chr(value) == sign:
            return True
        if kind == "RANGE" and value[0] <= ord(sign) <= value[1]:
            return True
        if kind == "CATEGORY" and re.match(
            {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}.get(str(value), r"\W"),
            sign,
        ):
            return True
    return False


# -- trying ------------------------------------------------------------------------------------------


class TooSlow(KeyboardInterrupt):
    """More than the limit has passed; not an `Exception`, so that nothing catches it."""


def _bell(*_: object) -> None:
    raise TooSlow


@contextmanager
def limited(seconds: float = LIMIT) -> Iterator[None]:
    """Interrupt the block after so many seconds of the processor, none of them for the rubbish of others."""
    before = signal.signal(signal.SIGPROF, _bell)
    gc.disable()
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        gc.enable()


def slowest(pattern: Pattern) -> tuple[float, str]:
    """Give the seconds that a pattern takes for the worst text, at most the limit, and the text."""
    compiled = re.compile(pattern.source, pattern.flags & ~re.DEBUG)
    worst = 0.0, ""
    for text in worst_texts(pattern):
        for method in pattern.methods:
            begun = time.process_time()
            try:
                with limited():
                    _apply(compiled, method, text.encode() if isinstance(pattern.source, bytes) else text)
            except TooSlow:
                return LIMIT, f"{method}: {text[:40]!a}…{text[-5:]!a}"
            worst = max(worst, (time.process_time() - begun, f"{method}: {text[:40]!a}…{text[-5:]!a}"))
    return worst


def _apply(compiled: re.Pattern[Any], method: str, text: str | bytes) -> None:
    match method:
        case "sub" | "subn":
            compiled.sub(text[:0], text)
        case "finditer":
            for _ in compiled.finditer(text):
                pass
        case _:
            getattr(compiled, method)(text)
