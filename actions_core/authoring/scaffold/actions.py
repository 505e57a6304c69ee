"""One more action in a destination that exists: in its definition, its functions and its cases.

Nothing is written here: the new texts are made and checked, and whoever asked for them writes them.
"""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Final

from actions_core.authoring.scaffold.editing import add_member
from actions_core.authoring.scaffold.packages import put_words, read_template
from actions_core.destination.loading import check_definition
from actions_core.errors import DefinitionError
from actions_core.values.json_files import read_json
from actions_core.values.naming import snake_case
from actions_core.values.types import MISSING
from actions_core.values.wording import shown

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.destination.specs import DestinationSpec
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,39}")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_DEFINITION: Final = "destination.json"
_BASE: Final = "https://api.example.com"


def add_action(folder: Path, key: str, *, cases: Path | None = None) -> dict[Path, str]:
    """Return the changed texts of a destination's files with one more action, and the action's case.

    `folder` is that of the definition, or one above it; `cases` is where the case goes. Raises
    `DefinitionError` where there is no destination, or where it has such an action already.
    """
    if not _KEY.fullmatch(key):
        raise DefinitionError(
            f"{shown(key)} cannot be the key of an action here: it is letters and digits, "
            "begins with a letter and has at most 40 characters, such as 'addOrder'"
        )
    definition = _find_definition(folder)
    spec = _read(definition)
    if key in spec.actions:
        raise DefinitionError(f"{definition}: there is an action {shown(key)} already")
    case = (cases or _cases_of(definition)) / f"{key}.json"
    if case.exists():
        raise DefinitionError(f"{case}: there is such a file already")
    template = read_template("action")
    words = {"key": key, "title": _title(key), "settings": json.dumps(_settings(spec), ensure_ascii=False)}
    action = json.loads(put_words(template["action.json"], words))
    files = {case: put_words(template["case.json"], words)}
    module = _module_of(definition.parent)
    if module is None:
        action["request"] = _request(spec, key)
    else:
        files[module] = _with_handler(module, template["handler.py"], words)
    files[definition] = _with_action(definition, key, action)
    return files


def _find_definition(folder: Path) -> Path:
    for pattern in (_DEFINITION, f"*/{_DEFINITION}", f"src/*/{_DEFINITION}"):
        found = sorted(folder.glob(pattern))
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(str(path.parent) for path in found)
            raise DefinitionError(f"{folder} holds several destinations; name the folder of one: {listed}")
    raise DefinitionError(f"{folder}: there is no {_DEFINITION} in it, nor in a package below it")


def _read(definition: Path) -> DestinationSpec:
    spec, problems = check_definition(definition)
    if spec is None:
        raise DefinitionError(f"{definition} is faulty:", problems=problems)
    return spec


def _cases_of(definition: Path) -> Path:
    """Find the folder of cases in the nearest project around a definition; the package's own one wins."""
    for parent in definition.resolve().parents:
        if (parent / "pyproject.toml").is_file():
            named = sorted((parent / "tests").glob(f"**/{definition.resolve().parent.name}/cases"))
            return named[0] if named else parent / "tests" / "cases"
    return definition.parent / "tests" / "cases"


def _title(key: str) -> str:
    """Return the key in words: `addHTTPOrder2` is `Add HTTP Order 2`."""
    words = _WORD.findall(key)
    return " ".join(word[0].upper() + word[1:] for word in words)


def _settings(spec: DestinationSpec) -> JsonObject:
    """Return the required settings with sample values, for the case of the new action."""
    needed = {
        key: field
        for key, field in spec.settings.items()
        if field.required is not False and field.default is MISSING
    }
    settings: JsonObject = {key: _sample(key, field) for key, field in needed.items()}
    if spec.authentication is not None and spec.authentication.scheme.startswith("oauth"):
        settings["oauth"] = {"access_token": "token-1"}
    return settings


def _sample(key: str, field: FieldSpec) -> Json:
    if field.values:
        value = field.values[0]
    elif field.type in ("number", "integer"):
        value = field.minimum or 1
    elif field.type in ("boolean", "object"):
        value = {} if field.type == "object" else True
    else:
        value = _BASE if field.format == "uri" or "url" in key.lower() else f"{key}-1"
    return [value] if field.multiple else value


def _request(spec: DestinationSpec, key: str) -> JsonObject:
    base = "" if spec.request is not None and "baseUrl" in spec.request else _BASE
    body = {"user": {"@path": "$.payload.userId"}, "name": {"@path": "$.payload.name"}}
    return {"method": "POST", "url": f"{base}/{key}", "json": body}


def _with_action(definition: Path, key: str, action: JsonObject) -> str:
    text = definition.read_bytes().decode("utf-8")
    changed = add_member(text, "actions", key, action)
    expected = read_json(definition)
    expected["actions"][key] = action
    if json.loads(changed) != expected:
        raise DefinitionError(f"{definition}: the action cannot be added to this text; add it by hand")
    return changed


def _module_of(package: Path) -> Path | None:
    """Return the module with the actions' functions; None where no action has one."""
    modules = {path: path.read_text(encoding="utf-8") for path in sorted(package.glob("*.py"))}
    for path, text in modules.items():
        if re.search(r"^@\w+\.action\(", text, re.MULTILINE):
            return path
    return None


def _with_handler(module: Path, template: str, words: dict[str, str]) -> str:
    text = module.read_bytes().decode("utf-8")
    newline = "\r\n" if "\r\n" in text else "\n"
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise DefinitionError(f"{module}:{error.lineno}: {error.msg}") from None
    function, taken = snake_case(words["key"]), _names(tree)
    while function in taken:
        function += "_"
    variable = re.findall(r"^@(\w+)\.action\(", text, re.MULTILINE)[-1]
    added = put_words(template, {**words, "function": function, "destination": variable})
    lines = [text.rstrip(), "", "", added]
    if "Request" not in taken:
        lines[0] = _with_import(lines[0], tree, newline)
    return newline.join(lines).replace("\r\n", "\n").replace("\n", newline)


def _names(tree: ast.Module) -> set[str]:
    """Return the names bound at the top level of a module."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _with_import(text: str, tree: ast.Module, newline: str) -> str:
    """Import `Request` below the imports at the head of the text."""
    lines = text.split(newline)
    imports = [node.end_lineno or 0 for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    lines.insert(max(imports, default=0), "from actions_core import Request")
    return newline.join(lines)
