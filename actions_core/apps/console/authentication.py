"""Try the settings of an instance as they are in a form, before they are saved."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.engine import on_demand
from actions_core.engine.instances import Services, compile_instance
from actions_core.engine.results import Status
from actions_core.errors import ActionsError, DefinitionError, RequestError
from actions_core.http.transport import LazyTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.destination import Destination
    from actions_core.engine import Engine
    from actions_core.engine.instances import Instance
    from actions_core.engine.results import Result
    from actions_core.engine.workspace import InstanceSpec
    from actions_core.values.types import Json, JsonObject

LOGGER: Final = logging.getLogger("actions_core.console")


@attrs.frozen
class Verdict:
    """What became of a test: `ok` is None where the destination has no test.

    `account` is what the destination says of the account behind the settings, where it says anything.
    """

    ok: bool | None
    text: str
    account: Json = None


async def try_settings(
    spec: InstanceSpec, destination: Destination, settings: JsonObject, engine: Engine | None = None
) -> Verdict:
    """Ask the destination whether settings are valid, and what it says of the account.

    Settings that an engine has already go through it, so that tokens that are renewed meanwhile are kept.
    """
    LOGGER.info("the authentication of %s was tested by a person", spec.id)
    present = None if engine is None else engine.instances.get(spec.id)
    try:
        if engine is not None and present is not None and present.spec.settings == settings:
            return _verdict(*await _ask_engine(engine, present))
        tried = attrs.evolve(spec, settings=settings, subscriptions=(), filters=(), enabled=True)
        return _verdict(*await _ask(tried, destination))
    except ActionsError as error:
        return Verdict(ok=False, text=str(error))


async def _ask_engine(engine: Engine, present: Instance) -> tuple[Result | None, Json]:
    if present.authentication is None:
        return None, None
    result = await engine.test_authentication(present.id)
    return result, await _account(present, result)


async def _ask(spec: InstanceSpec, destination: Destination) -> tuple[Result | None, Json]:
    transport = LazyTransport()
    try:
        instance, problems = compile_instance(spec, destination, Services(transport), "$")
        if instance is None:
            raise DefinitionError(problems=[problem for problem in problems if problem.is_error])
        result = await on_demand.test_settings(instance)
        return result, None if result is None else await _account(instance, result)
    finally:
        await transport.close()


async def _account(instance: Instance, result: Result) -> Json:
    """Return what the destination says of the account; None where it does not, or the test has failed."""
    if result.status is not Status.SENT or instance.destination.account_handler is None:
        return None
    with contextlib.suppress(RequestError):  # the settings are what is tested: they may be good without it
        return await on_demand.read_account(instance)
    return None


def _verdict(result: Result | None, account: Json) -> Verdict:
    if result is None:
        return Verdict(
            ok=None, text="This destination has no test. Send a test event from a mapping instead."
        )
    if result.status is Status.SENT:
        return Verdict(ok=True, text="The destination accepts these settings.", account=account)
    told = result.to_dict()
    error = told["error"] or {}
    return Verdict(ok=False, text=told["reason"] or error.get("message") or "The settings were refused.")


def account_rows(account: Json) -> list[tuple[str, str]]:
    """Return what is said of an account as rows of a name and a text, whatever its shape."""
    return list(_rows("Account", account))


def _rows(name: str, value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _rows(name, item)
    elif isinstance(value, dict):
        plain = {key: item for key, item in value.items() if not isinstance(item, (dict, list))}
        title = next((key for key, item in plain.items() if isinstance(item, str)), None)
        if title is not None:
            name = _words(str(plain.pop(title)))
        if plain:
            yield name, ", ".join(f"{_words(key).lower()} {_text(item)}" for key, item in plain.items())
        for key, item in value.items():
            if isinstance(item, (dict, list)):
                yield from _rows(_words(key), item)
    elif value is not None:
        yield name, _text(value)


def _words(name: str) -> str:
    """Return a name as programs write it in words: `quotaUsed` and `QUOTA_USED` are `Quota used`."""
    if not name.isupper():
        name = "".join(f" {sign}" if sign.isupper() else sign for sign in name)
    return name.replace("_", " ").strip().capitalize()


def _text(value: Json) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
