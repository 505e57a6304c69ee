"""What the framework would run or read as HTML is written in the source, and never comes from an event."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4] / "actions_core" / "apps" / "console"
SOURCES = sorted(ROOT.rglob("*.py"))
#: Functions whose text is taken apart, run, or put into a page as it is.
RAW = {
    "props",
    "html",
    "markdown",
    "restructured_text",
    "mermaid",
    "run_javascript",
    "add_head_html",
    "add_body_html",
    "add_css",
    "add_scss",
    "add_sass",
    "add_slot",
}
#: Elements that run what stands under certain keys of their data, or need a look of their own.
FORBIDDEN = {
    "json_editor",
    "aggrid",
    "plotly",
    "upload",
    "anywidget",
    "scene",
    "pyplot",
    "altair",
    "highchart",
}
#: Properties that are read as HTML.
HTML_PROPERTIES = {"innerHTML", "v-html", "srcdoc", "outerHTML"}


def constants_of(tree: ast.Module) -> set[str]:
    """Return the constants of a module: their values are there before any event is."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id.isupper()
    }


def is_literal(node: ast.expr, constants: set[str]) -> bool:
    """Return whether an expression can be nothing but what the source says."""
    if isinstance(node, ast.IfExp):
        return is_literal(node.body, constants) and is_literal(node.orelse, constants)
    if isinstance(node, ast.Subscript):
        return is_literal(node.value, constants)
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in constants)


def faults_of(source: str) -> list[str]:
    """Return what in a module could run or show as HTML something that the source does not say."""
    tree = ast.parse(source)
    constants = constants_of(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            given = [*node.args, *(keyword.value for keyword in node.keywords)] if name in RAW else []
            given += [keyword.value for keyword in node.keywords if keyword.arg == "js_handler"]
            if name == "element":
                given += node.args[:1]
            found += [f"{name} in line {node.lineno}" for each in given if not is_literal(each, constants)]
            found += [f"{name} in line {node.lineno}"] * (name in FORBIDDEN)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("props"):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            if not isinstance(key, str) or key.startswith((":", "on", "v-")) or key in HTML_PROPERTIES:
                found.append(f"a property in line {node.lineno}")
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found += [
                f"a key that is run in line {node.lineno}"
                for key, value in pairs
                if isinstance(key, ast.Constant)
                and str(key.value).startswith(":")
                and not is_literal(value, constants)
            ]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_source_is_run(path: Path) -> None:
    """Properties, HTML, styles and scripts are literals; an event reaches labels and items alone."""
    assert faults_of(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "x.props(f'aria-label={text}')",
        "x.props(text)",
        "x.props('label=' + text)",
        "ui.html(text, sanitize=False)",
        "ui.markdown(text)",
        "ui.run_javascript(f'alert({text})')",
        "x.add_slot('body', text)",
        "x.on('click', js_handler=text)",
        "x.props[name] = text",
        "x.props[':options'] = text",
        "x.props['onclick'] = text",
        "x.props['innerHTML'] = text",
        "ui.element(text)",
        "ui.json_editor({})",
        "ui.echart({':formatter': text})",
    ],
)
def test_what_is_a_fault(line: str) -> None:
    """The rule finds each way in which a text could be run."""
    assert faults_of(line)


@pytest.mark.parametrize(
    "line",
    [
        "x.props('flat dense')",
        "x.props['aria-label'] = text",
        "ui.label(text)",
        "_HEAD = '<b>'\nui.add_head_html(_HEAD, shared=True)",
        "x.props('outline' if a else 'flat')",
        "ui.echart({':formatter': 'x => x'})",
    ],
)
def test_what_is_none(line: str) -> None:
    """The rule lets through what a text cannot be run by."""
    assert faults_of(line) == []
