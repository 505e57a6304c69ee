"""The registry: destinations by slug, plugins found and faults of plugins kept apart."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from actions_core.destination import Destination, load_destination
from actions_core.destination.registry import ENTRY_POINTS, Registry
from actions_core.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Install = Callable[..., None]

GOOD = """
from actions_core.destination import load_destination
destination = load_destination({{"slug": "{slug}", "name": "Sample", "actions": {{}}}})
"""
UNFIT = """
from actions_core.destination import load_destination
action = {"title": "Track", "fields": {"userId": {"type": "string", "required": True}}}
destination = load_destination({"slug": "unfit", "name": "Unfit", "actions": {"track": action}})
@destination.action("track")
def track(user): ...
"""
BROKEN = {
    "raises": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "exits": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "misspelt": ("destinaton = 1", "AttributeError: "),
    "needs": ("import no_such_module", "ModuleNotFoundError: "),
    "other": ("destination = {'slug': 'other'}", "it names something of type dict, not a Destination"),
    "faulty": (GOOD.format(slug="a b"), "'a b' does not have the form"),
    "unfit": (UNFIT, "track() has no parameter 'user_id' for the required field 'userId'"),
}


def sample(slug: str = "sample") -> Destination:
    """A destination without actions."""
    return load_destination({"slug": slug, "name": "Sample", "actions": {}})


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Makes an installed package with one entry point, and takes its modules away in the end."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def make(name: str, source: str) -> None:
        (tmp_path / f"plugin_{name}.py").write_text(source, "utf-8")
        info = tmp_path / f"plugin_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: plugin-{name}\nVersion: 1.0\n", "utf-8")
        line = f"[{ENTRY_POINTS}]\n{name} = plugin_{name}:destination\n"
        (info / "entry_points.txt").write_text(line, "utf-8")

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("plugin_"):
            del sys.modules[name]


def of_tests(registry: Registry) -> list[str]:
    """The problems of the plugins that a test has installed, without those of the machine."""
    return [problem.message for problem in registry.problems if "plugin_" in problem.message]


def test_a_registered_destination_is_found_by_its_slug() -> None:
    """Registering is explicit, and doing it twice with one object changes nothing."""
    registry, destination = Registry(), sample()
    assert registry.register(destination) is destination
    registry.register(destination)
    assert registry.get("sample") is destination
    assert (list(registry), len(registry)) == ([destination], 1)
    assert "sample" in registry
    assert "other" not in registry
    assert repr(registry) == "<Registry sample>"


def test_two_destinations_of_one_slug_are_an_error() -> None:
    """The first one stays; the error names both."""
    registry = Registry()
    first = registry.register(sample())
    with pytest.raises(DefinitionError, match=r"two destinations are called 'sample': one from .*, one from"):
        registry.register(sample())
    assert registry.get("sample") is first


def test_a_faulty_destination_is_refused_with_all_its_problems() -> None:
    """What `check` finds wrong comes with the error; warnings do not refuse."""
    registry, destination = Registry(), sample()
    destination.action("one")(print)
    destination.action("two")(print)
    with pytest.raises(DefinitionError) as caught:
        registry.register(destination)
    assert len(caught.value.problems) == 2
    assert len(registry) == 0


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        ("smaple", "no destination is called 'smaple'; did you mean 'sample'?"),
        ("zzz", "no destination is called 'zzz'; there are another, sample"),
        (None, "no destination is called 'None'"),
        ([], r"no destination is called '\[\]'"),
    ],
)
def test_a_slug_that_is_not_there_is_named(slug: str, said: str) -> None:
    """The error is one of ours and suggests what may have been meant."""
    registry = Registry()
    registry.register(sample())
    registry.register(sample("another"))
    with pytest.raises(DefinitionError, match=said):
        registry.get(slug)


def test_only_destinations_can_be_registered() -> None:
    """A definition, or the module of a plugin, is refused as such."""
    with pytest.raises(DefinitionError, match="'dict' is not a Destination"):
        Registry().register({"slug": "sample"})  # type: ignore[arg-type]  # wrong on purpose


def test_an_empty_registry_says_so() -> None:
    """Nothing is registered by importing the library."""
    with pytest.raises(DefinitionError, match="none is registered"):
        Registry().get("sample")


def test_installed_destinations_are_discovered(install: Install) -> None:
    """Each entry point gives one destination; discovering twice changes nothing."""
    install("one", GOOD.format(slug="plugin-one"))
    install("two", GOOD.format(slug="plugin-two"))
    registry = Registry().discover().discover()
    assert of_tests(registry) == []
    assert {"plugin-one", "plugin-two"} <= {destination.slug for destination in registry}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_hides_nothing(install: Install, name: str) -> None:
    """Whatever a plugin does when it is loaded, it is named with the reason, and the others are there."""
    source, reason = BROKEN[name]
    install(name, source)
    install("good", GOOD.format(slug="plugin-good"))
    registry = Registry().discover()
    assert "plugin-good" in registry
    problems = [problem for problem in registry.problems if problem.path == f"$.{name}"]
    assert len(problems) == 1
    assert problems[0].message.startswith(
        f"the entry point '{name}' (plugin_{name}:destination) cannot be used: "
    )
    assert reason in problems[0].message
    with pytest.raises(DefinitionError, match=f"plugin_{name}"):
        registry.get("what-it-would-have-been")


def test_plugins_of_one_slug_are_both_refused(install: Install) -> None:
    """Which one came first would be chance: neither is taken, and whoever asks is told of both."""
    for name in ("a", "b", "c"):
        install(name, GOOD.format(slug="plugin-same"))
    registry = Registry().discover().discover()
    assert "plugin-same" not in registry
    assert {problem.path for problem in registry.problems} >= {"$.a", "$.b", "$.c"}
    with pytest.raises(DefinitionError, match=r"'a' \(plugin_a:destination\).*'b' \(plugin_b:destination\)"):
        registry.get("plugin-same")


def test_what_the_host_registers_wins_over_a_plugin(install: Install) -> None:
    """The host has said what it wants; the plugin of that slug is a problem."""
    install("same", GOOD.format(slug="plugin-same"))
    registry = Registry()
    mine = registry.register(sample("plugin-same"))
    registry.discover()
    assert registry.get("plugin-same") is mine
    assert len(of_tests(registry)) == 1
