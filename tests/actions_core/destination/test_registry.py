"""The registry: destinations by slug and alias, loaded when asked for, faults of packages kept apart."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from actions_core.destination import Destination, load_destination
from actions_core.destination.overview import Overview
from actions_core.destination.registry import ENTRY_POINTS, Registry
from actions_core.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Install = Callable[..., None]

GOOD = """
from actions_core.destination import load_destination
destination = load_destination({{"slug": "{slug}", "name": "Sample", "actions": {{}}, "aliases": {aliases}}})
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
    "faulty": (GOOD.format(slug="a b", aliases=[]), "'a b' does not have the form"),
    "named": (
        GOOD.format(slug="otherwise", aliases=[]),
        "its destination has the slug 'otherwise', and the name of an entry point is the slug",
    ),
    "unfit": (UNFIT, "track() has no parameter 'user_id' for the required field 'userId'"),
}


def sample(slug: str = "sample", *aliases: str) -> Destination:
    """A destination without actions."""
    return load_destination({"slug": slug, "name": "Sample", "actions": {}, "aliases": list(aliases)})


def good(slug: str, *aliases: str) -> str:
    """The module of a sound destination."""
    return GOOD.format(slug=slug, aliases=list(aliases))


def loaded() -> set[str]:
    """The packages of a test that have been imported."""
    return {name.removeprefix("plugin_") for name in sys.modules if name.startswith("plugin_")}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Makes an installed package with one entry point, and takes its modules away in the end."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def make(name: str, source: str, slug: str = "") -> None:
        (tmp_path / f"plugin_{name}.py").write_text(source, "utf-8")
        info = tmp_path / f"plugin_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: plugin-{name}\nVersion: 1.0\n", "utf-8")
        line = f"[{ENTRY_POINTS}]\n{slug or name} = plugin_{name}:destination\n"
        (info / "entry_points.txt").write_text(line, "utf-8")

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("plugin_"):
            del sys.modules[name]


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
        (None, "a destination is named by a str, not by 'None'"),
        ([], r"a destination is named by a str, not by '\[\]'"),
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


def test_discovery_loads_nothing(install: Install) -> None:
    """Installed destinations are listed by slug; a package is imported when its destination is asked for."""
    install("one", good("one"))
    install("two", good("two"))
    registry = Registry().discover().discover()
    assert {"one", "two"} <= set(registry.slugs)
    assert "one" in registry
    assert "three" not in registry
    assert "one" in repr(registry)
    assert loaded() == set()
    assert registry.get("two") is registry.get("two")
    assert loaded() == {"two"}
    assert {"one", "two"} <= {destination.slug for destination in registry}
    assert len(registry) == len(list(registry)) == len(registry.slugs)
    assert registry.problems == ()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_hides_nothing(install: Install, name: str) -> None:
    """Whoever asks for a package that cannot be loaded gets the reason, and the others are there."""
    source, reason = BROKEN[name]
    install(name, source)
    install("good", good("good"))
    registry = Registry().discover()
    assert registry.get("good").slug == "good"
    assert registry.problems == ()
    for _ in range(2):
        with pytest.raises(DefinitionError) as caught:
            registry.get(name)
        origin = f"the entry point '{name}' of plugin-{name} (plugin_{name}:destination)"
        assert str(caught.value).startswith(f"the destination of {origin} cannot be used: ")
        assert reason in str(caught.value)
    assert name not in registry
    assert name not in {destination.slug for destination in registry}
    assert [problem.path for problem in registry.problems] == [f"$.{name}"]
    assert registry.discover().problems[0].message == str(caught.value)


def test_broken_plugins_are_listed_to_whoever_asks_for_another(install: Install) -> None:
    """A name that is not there may be an alias of a destination that cannot be loaded."""
    install("raises", BROKEN["raises"][0])
    with pytest.raises(DefinitionError, match="no destination is called 'short'") as caught:
        Registry().discover().get("short")
    assert [problem.path for problem in caught.value.problems] == ["$.raises"]


def test_entry_points_of_one_name_are_both_refused(install: Install) -> None:
    """Which one came first would be chance: none is loaded, and whoever asks is told of all."""
    for name in ("a", "b", "c"):
        install(name, good("same"), "same")
    registry = Registry().discover().discover()
    assert "same" not in registry
    assert [problem.path for problem in registry.problems] == ["$.same"]
    with pytest.raises(DefinitionError, match=r"of plugin-a \(.*of plugin-b \(.*of plugin-c \("):
        registry.get("same")
    assert loaded() == set()


def test_what_the_host_registers_wins_over_a_plugin(install: Install) -> None:
    """The host has said what it wants: the package of that slug is never loaded, whichever came first."""
    install("same", good("same"))
    registry = Registry().discover()
    mine = registry.register(sample("same"))
    assert registry.discover().get("same") is mine
    assert len([destination for destination in registry if destination.slug == "same"]) == 1
    assert loaded() == set()


def test_a_destination_that_was_loaded_is_not_replaced(install: Install) -> None:
    """Others may use it already: a second one of its slug is the error."""
    install("same", good("same"))
    registry = Registry().discover()
    registry.get("same")
    with pytest.raises(DefinitionError, match=r"one from the entry point 'same' of plugin-same"):
        registry.register(sample("same"))


def test_an_alias_is_as_good_as_the_slug(install: Install) -> None:
    """Of registered and of installed destinations; a misspelt one is suggested."""
    install("plain", good("long-name", "short"), "long-name")
    registry = Registry().discover()
    mine = registry.register(sample("mine", "own", "also"))
    assert registry.get("short") is registry.get("long-name")
    assert registry.get("own") is registry.get("also") is mine
    with pytest.raises(DefinitionError, match="did you mean 'short'"):
        registry.get("shrot")


PACKAGE = """
from actions_core.destination import Destination
destination = Destination.from_package(__package__)
"""


def install_package(install: Install, folder: Path, name: str, definition: str) -> None:
    """Install a package that takes its destination from the definition in it."""
    install(name, PACKAGE)
    (folder / f"plugin_{name}.py").unlink()
    (folder / f"plugin_{name}").mkdir()
    (folder / f"plugin_{name}" / "__init__.py").write_text(PACKAGE, "utf-8")
    (folder / f"plugin_{name}" / "destination.json").write_text(definition, "utf-8")


def test_an_alias_in_a_definition_loads_that_package_alone(install: Install, tmp_path: Path) -> None:
    """Definitions are read without importing; only what has none, or a faulty one, is loaded besides."""
    for name, text in {
        "wanted": '{"slug": "wanted", "name": "W", "actions": {}, "aliases": ["short", "both"]}',
        "other": '{"slug": "other", "name": "O", "actions": {}, "aliases": ["both"]}',
        "bare": '{"slug": "bare", "name": "B", "actions": {}}',
        "cut": '{"slug": "cut", "aliases": [',
        "renamed": '{"slug": "named-so", "name": "R", "actions": {}, "aliases": ["short"]}',
    }.items():
        install_package(install, tmp_path, name, text)
    install("coded", good("coded", "other-short"))
    registry = Registry().discover()
    assert registry.get("short").slug == "wanted"
    assert loaded() == {"wanted", "renamed", "coded"}
    assert {problem.path for problem in registry.problems} == {"$.cut", "$.renamed"}
    assert registry.get("other-short").slug == "coded"
    with pytest.raises(DefinitionError, match="'both' is an alias of several"):
        registry.get("both")
    assert loaded() == {"wanted", "renamed", "coded", "other"}


def test_what_lists_show_is_read_without_loading(install: Install, tmp_path: Path) -> None:
    """What a definition says of itself needs no code; only what has none that can be read is loaded."""
    actions = '{"a": {"title": "Send"}, "b": {"title": "Old", "hidden": true}}'
    for name, text in {
        "stated": f'{{"slug": "stated", "name": "S", "aliases": ["st"], "actions": {actions}}}',
        "odd": '{"slug": "odd", "name": "O", "actions": []}',
        "numbers": '{"slug": "numbers", "name": 7, "actions": {}}',
        "cut": '{"slug": "cut", "na',
    }.items():
        install_package(install, tmp_path, name, text)
    install("coded", good("coded", "short"))
    registry = Registry().discover()
    found = {each.slug: each for each in registry.overviews() if each.slug in ("stated", "coded")}
    assert found["stated"] == Overview("stated", "S", "", 1, ("stated", "S", "st", "Send"))
    assert found["coded"] == Overview("coded", "Sample", "", 0, ("coded", "Sample", "short"))
    assert loaded() == {"coded"}
    assert {problem.path for problem in registry.problems} >= {"$.odd", "$.numbers", "$.cut"}


def test_what_lists_show_is_the_same_once_it_is_loaded() -> None:
    """Of each shipped destination the definition says what its spec says."""
    registry = Registry().discover()
    before = {each.slug: each for each in registry.overviews()}
    assert len(registry) == len(before)
    assert {each.slug: each for each in registry.overviews()} == before


def test_aliases_of_shipped_destinations_load_one_package() -> None:
    """`fullstory` imports no other destination."""
    program = (
        "import sys; from actions_core import Registry; "
        "print(Registry().discover().get('fullstory').slug); "
        "print(sorted(name for name in sys.modules if name.startswith('actions_') and '.' not in name))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    assert ran.stdout.splitlines() == ["actions-fullstory-cloud", "['actions_core', 'actions_fullstory']"]


def test_a_shared_alias_is_an_error_that_names_both(install: Install) -> None:
    """Neither is taken, and each can still be had by its slug, which wins over an alias."""
    install("one", good("one", "shop", "two"))
    install("two", good("two", "shop"))
    registry = Registry().discover()
    with pytest.raises(DefinitionError, match=r"'shop' is an alias of several .*'one' from .*'two' from "):
        registry.get("shop")
    assert registry.get("two").slug == "two"
