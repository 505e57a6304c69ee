"""Runs the examples of README.md and docs/ in the order in which they stand, as a reader would.

A code block is what its language says: `json` has to parse; `python` is run, and a `text` block behind it
is what it prints; in `console` the lines after `$` are run, and what stands below them is what they print.
There, `…` stands for any text, and alone in a line for any lines. A command may fail only where the next one
is `echo $?`, which prints its exit code. What ends in `&` runs in the background (`docs/jobs.py`). After
`sleep`, a command is run again until it prints what stands below it: no page depends on a quick machine.
A block after a line that names a file in backticks ("Save this as `shop.py`:") is saved under that name.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from actions_core import compile_mapping
from tests.docs.jobs import Jobs
from tests.forks import DEVNULL, FORKS, NEEDED, PIPE, Fork

if TYPE_CHECKING:
    from sybil import Example

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: The address of the stand-in in the examples; the tests put the one of a real stand-in in its place.
ADDRESS = "127.0.0.1:8811"
#: Commands that a reader runs and this test does not: the first two would run this test, the next two wait,
#: one needs npm, and what the last two do is done for it.
NOT_RUN = (
    *("make ", "pip install ", "actions sandbox", "actions worker"),
    "actions port ",
    *("export ", "cp examples/"),
)
#: Servers: `test_in_your_application.py` runs them, and stops them.
SERVERS = ("gunicorn ", "uvicorn ", "celery ", "python aiohttp_shop.py")
#: Servers that run until the end of their page, at ports of their own in place of those that they say.
SERVE = ("actions serve ", "actions console ")
#: Waits for what runs in the background.
WAITS = "sleep "
#: How many seconds a command behind it has to print what the page shows.
PATIENCE = 60
#: Asks for the exit code of the command before it.
ASKS_CODE = "echo $?"
#: What stands for any text of a line or, alone, for any lines.
ANYTHING = "…"
ANY_LINES = r"(?:[^\n]*\n)*?"
#: A command that needs no shell: its program, what it is given, and the file into which it prints.
PLAIN = re.compile(r"(?:cd (\S+) && )?(actions|pytest|python) ([^|&;<>$`*]*?)(?: > (\S+))?")
#: A logged failure: the instance, the subscription, the event, the code.
LOGGED = re.compile(
    r"[\w-]+, .*: (?:the event '.*'|an event|\d+ events?) (?:failed|is to be tried again): [A-Z_]+: "
)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


class Page:
    """The state of one page while its examples run."""

    def __init__(self, folder: Path, stand_in: Any) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "FULLSTORY_API_KEY": stand_in.api_key,
            # Those of the export that a page imports.
            "FULLSTORY_CLOUD_API_KEY": stand_in.api_key,
            "BRAZE_CLOUD_API_KEY": "key",
            "NO_COLOR": "1",
            "COLUMNS": "120",  # as wide as what the pages show
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # a reader has no plugins
            "PYTHONWARNINGS": "error",
        }
        self.printed = ""
        #: The addresses that the page has, and those that are there in truth.
        self.addresses = {ADDRESS: stand_in.url.removeprefix("http://")}
        self.jobs = Jobs(folder, self.environment, self.addresses)
        self._servers: list[Fork] = []

    def close(self) -> None:
        """Stop the servers of the page."""
        self.jobs.close()
        for server in self._servers:
            server.terminate()
            server.communicate(timeout=30)

    def evaluate(self, language: str, example: Example) -> str | None:
        """Run a block of a language; the text of what is wrong, or None."""
        source = str(example.parsed)
        if language != "console":  # which starts servers, so that the next line has one more address
            source = self._at_real_addresses(source)
        before = example.document.text[: example.region.start].rstrip().rpartition("\n")[2]
        named = re.search(r"`([\w./-]+\.\w+)`:$", before)
        if named:
            file = self.folder / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source, encoding="utf-8")
        return getattr(self, f"_{language}")(source, saved=named is not None)

    def _at_real_addresses(self, source: str) -> str:
        for address, real in self.addresses.items():
            source = source.replace(address, real)
        return source

    def _json(self, source: str, *, saved: bool) -> str | None:
        del saved
        value = json.loads(source)
        for item in value if isinstance(value, list) else []:
            if "mapping" in item:
                compile_mapping(item["mapping"])
        return None

    def _python(self, source: str, *, saved: bool) -> str | None:
        if saved:
            return None
        run = FORKS.run("-c", source, cwd=self.folder, env=self.environment)
        self.printed = run.stdout
        # Failures of events are logged; some examples show one on purpose.
        return "\n".join(line for line in run.stderr.splitlines() if not LOGGED.match(line)) or None

    def _text(self, source: str, *, saved: bool) -> str | None:
        return None if saved else _difference(source, self.printed)

    def _toml(self, source: str, *, saved: bool) -> str | None:
        del source
        return None if saved else "a toml block that is not saved is not tested"

    def _console(self, source: str, *, saved: bool) -> str | None:
        del saved
        parts = re.split(r"^\$ ", source, flags=re.MULTILINE)[1:]
        code = 0
        waits = False
        for part, following in zip_longest(parts, parts[1:], fillvalue=""):
            command, _, expected = self._at_real_addresses(part).partition("\n")
            if command == ASKS_CODE:
                if wrong := _difference(expected, f"{code}\n"):
                    return wrong
                continue
            if command.startswith(WAITS):
                waits = True
                continue
            if command.startswith(SERVE):
                if wrong := self._serve(command, expected):
                    return wrong
                continue
            if _is_run_elsewhere(command) or self.jobs.start(command) or self.jobs.end(command):
                continue
            run = self._run_until(command, expected) if waits else self._run(command)
            waits = False
            code = run.returncode
            if code and not following.startswith(ASKS_CODE):
                return f"{command} ended with {run.returncode}:\n{run.stdout}{run.stderr}"
            if expected and (wrong := _difference(expected, run.stdout)):
                return wrong
        return None

    def _run_until(self, command: str, expected: str) -> subprocess.CompletedProcess[str]:
        """Run a command until it prints what is expected, or for too long."""
        until = time.monotonic() + PATIENCE
        while True:
            run = self._run(command)
            if not _difference(expected, run.stdout) or time.monotonic() > until:
                return run
            time.sleep(1.0)

    def _serve(self, command: str, expected: str) -> str | None:
        """Start a server, and compare what it announces: its address is another one than in the page."""
        server = FORKS.start(
            *(*shlex.split(command), "--port", "0"),
            cwd=self.folder,
            env=self.environment,
            stdout=PIPE,
            stderr=DEVNULL,
            imported=NEEDED[shlex.split(command)[1]],
        )
        self._servers.append(server)
        assert server.stdout is not None
        lines = [server.stdout.readline() for _ in expected.strip().splitlines()]
        said = re.search(r"127[^\s/]+", lines[0])
        shown = re.search(r"127[^\s/]+", expected)
        assert said is not None
        assert shown is not None
        self.addresses[shown[0]] = said[0]
        return _difference(expected, "".join(lines).replace(said[0], shown[0]))

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        plain = PLAIN.fullmatch(command)
        if plain is not None:
            folder, program, given, file = plain.groups()
            arguments = shlex.split(given) if program == "python" else [program, *shlex.split(given)]
            run = FORKS.run(
                *arguments,
                cwd=self.folder / (folder or "."),
                env=self.environment,
                imported=NEEDED.get(program, ()),
            )
            if file is not None:
                (self.folder / file).write_text(run.stdout, encoding="utf-8")
                run.stdout = ""
            return run
        return subprocess.run(  # noqa: S603  # the examples of our own pages
            ["bash", "-c", command],  # noqa: S607 - as above
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def _is_run_elsewhere(command: str) -> bool:
    if command.startswith("make "):
        assert f"\n{command.split()[1]}:" in MAKEFILE
    return command.startswith((*NOT_RUN, *SERVERS)) and not command.endswith("&")


def _difference(expected: str, printed: str) -> str | None:
    want = [line.rstrip() for line in expected.rstrip().splitlines()]
    have = [line.rstrip() for line in printed.rstrip().splitlines()]
    form = "".join(ANY_LINES if line == ANYTHING else f"{_form(line)}\n" for line in want)
    same = re.fullmatch(form, "".join(f"{line}\n" for line in have))
    return None if same else "\n".join(["expected:", *want, "printed:", *have])


def _form(line: str) -> str:
    return "[^\n]*".join(map(re.escape, line.split(ANYTHING)))


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb", "a \nb\n", True),
        ("a\nb", "a\nc", False),
        ("a.c", "abc", False),
        ("took … s", "took 0.1 s", True),
        ("took … s", "took 0.1 m", False),
        ("took … s", "took 0.1\n s", False),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nd", True),
        ("a\n…\nd", "a\nb", False),
    ],
)
def test_what_varies_may_be_left_out_of_a_page(expected: str, printed: str, *, same: bool) -> None:
    """`…` in what a page shows stands for any text or any lines, and everything else for itself."""
    assert (_difference(expected, printed) is None) is same


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_example_runs(path: Path, tmp_path: Path, stand_in: Any) -> None:
    """What a page shows works as it stands, in the order in which it stands."""
    page = Page(tmp_path, stand_in)
    event = {"type": "track", "event": "Order Completed", "userId": "u-1", "properties": {"total": 42}}
    (tmp_path / "events.ndjson").write_text(json.dumps(event) + "\n", encoding="utf-8")
    languages = ("json", "python", "text", "toml", "console")
    parsers = [CodeBlockParser(language, partial(page.evaluate, language)) for language in languages]
    examples = list(Sybil(parsers=parsers).parse(path).examples())
    assert examples or path.name != "README.md"
    try:
        for example in examples:
            example.evaluate()
    finally:
        page.close()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_block_has_a_language_that_is_tested(path: Path) -> None:
    """No block stays untested because its language is missing or misspelt, or because it is only indented."""
    page = path.read_text(encoding="utf-8")
    fences = re.findall(r"^```(.*)$", page, flags=re.MULTILINE)
    # The contents of the site are a list of pages, and stand in one page alone.
    contents = {"{toctree}"} if path == ROOT / "docs" / "index.md" else set()
    assert set(fences[::2]) <= {"json", "python", "text", "toml", "console"} | contents
    assert set(fences[1::2]) <= {""}
    outside = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^ {4,}(?:\$|actions|pip|python) .*", outside, flags=re.MULTILINE) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_there(path: Path) -> None:
    """A relative link names a file that exists."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
