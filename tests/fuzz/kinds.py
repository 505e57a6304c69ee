"""The kinds of cases: how each is made of a `Random`, and what is done with it.

A case is data that JSON could nearly hold, so that it can be printed and cut down. Running it either
ends well, `ActionsError` included, or raises: then the project has a fault.
"""

from __future__ import annotations

import asyncio
import json
import marshal
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core import (
    ActionsError,
    BatchReport,
    Engine,
    PayloadValidator,
    Registry,
    Report,
    Request,
    Response,
    TransportError,
    Workspace,
    compile_mapping,
    fields_to_json_schema,
    generate_fql,
    load_destination,
    parse_fql,
    validate_mapping,
)
from actions_core.testing import RecordingTransport
from tests.fuzz import documents, languages, responses
from tests.fuzz.adapter import OUR_FAULT, analyse, is_missing
from tests.fuzz.destination import make_registry
from tests.fuzz.limits import renew_limit
from tests.fuzz.words import chance
from tests.fuzz.workspaces import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


class Fault(AssertionError):  # noqa: N818 - what a case finds is a fault
    """Something came out that must not, though nothing was raised."""


@attrs.frozen
class Kind:
    """One kind of case; `share` is its part of a run."""

    name: str
    share: float
    make: Callable[[Random], Any]
    run: Callable[[Any], None]


# -- mappings, and the languages in them -------------------------------------------------------------


def _make_mapping(rng: Random) -> Any:
    return {"mapping": documents.mapping(rng), "event": documents.event(rng)}


def _make_language(name: str, write: Callable[[Random], str], rng: Random) -> Any:
    return {"mapping": {"v": {name: write(rng)}}, "event": documents.event(rng)}


def run_mapping(case: Any) -> None:
    """Compile, resolve and trace; the event and the mapping stay as they are."""
    before = _written(case)
    mapping, event = case["mapping"], case["event"]
    problems = validate_mapping(mapping)
    for problem in problems:
        str(problem)
    try:
        compiled = compile_mapping(mapping)
    except ActionsError as error:
        _look_at(error)
        if not any(problem.is_error for problem in problems):
            raise Fault("validate_mapping finds nothing wrong, compile_mapping does") from error
        return
    if any(problem.is_error for problem in problems):
        raise Fault("validate_mapping finds something wrong, compile_mapping does not")
    compiled.keys()
    if not isinstance(event, dict):
        return
    try:
        check_plain(compiled.resolve(event))
    except ActionsError as error:
        _look_at(error)
    renew_limit()  # the limits of languages hold for one call
    for trace in compiled.trace(event):
        if trace.error is not None:
            _look_at(trace.error)
    if _written(case) != before:
        raise Fault("the event or the mapping was changed")


def _written(case: Any) -> bytes:
    try:
        return marshal.dumps(case, 2)
    except ValueError:  # nested too deeply for it
        return b""


def _look_at(error: ActionsError) -> None:
    """Have everything written that an error says."""
    str(error)
    repr(error)
    error.code  # noqa: B018 - a property that may raise
    for problem in error.problems:
        str(problem)


_PLAIN: Final = (str, int, float, bool, type(None), dict, list)


def check_plain(found: Any) -> None:
    """Refuse a result in which something stands that is not JSON."""
    if is_missing(found):
        return
    stack = [found]
    left = 20_000
    while stack and left:
        left -= 1
        item = stack.pop()
        if type(item) not in _PLAIN:
            raise Fault(f"a {type(item).__name__} came out: {str(item)[:80]}")
        if isinstance(item, dict):
            if not all(type(key) is str for key in item):
                raise Fault("a key that is not a str came out")
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


# -- conditions --------------------------------------------------------------------------------------


def _make_fql(rng: Random) -> Any:
    return {"text": languages.fql(rng), "event": documents.event(rng)}


def run_fql(case: Any) -> None:
    """Parse, match, trace, analyse, write and parse again."""
    try:
        condition = parse_fql(case["text"])
    except ActionsError as error:
        _look_at(error)
        return
    condition.keys()
    written = generate_fql(condition)
    again = parse_fql(written)
    if generate_fql(again) != written:
        raise Fault(f"written once more it is {generate_fql(again)[:200]}")
    analyse(condition)
    event = case["event"]
    if isinstance(event, dict):
        matched = condition.matches(event)
        if condition.trace(event).matched is not matched:
            raise Fault("the trace does not say what the condition says")
        if again.matches(event) is not matched:
            raise Fault("what was written does not mean the same")


# -- definitions -------------------------------------------------------------------------------------


def _make_definition(rng: Random) -> Any:
    made = documents.definition(rng)
    case = {"definition": made, "payload": documents.event(rng)}
    if chance(rng, 0.15):
        case["text"] = documents.as_text(rng, made)
    return case


def run_definition(case: Any) -> None:
    """Load a definition, register it, and check a payload against each of its actions."""
    try:
        if "text" in case:
            destination = load_destination(_file(case["text"]))
        else:
            destination = load_destination(case["definition"])
        for problem in destination.check():
            str(problem)
        Registry().register(destination)
    except ActionsError as error:
        _look_at(error)
        return
    for action in destination.spec.actions.values():
        try:
            fields_to_json_schema(action.fields)
            check_plain(PayloadValidator(action.fields).check(case["payload"], "upsert"))
        except ActionsError as error:
            _look_at(error)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="random-", ignore_cleanup_errors=True)


def _file(source: str) -> Path:
    path = Path(_folder().name, "file.json")
    path.write_bytes(source.encode("utf-8", "surrogatepass"))
    return path


# -- workspaces --------------------------------------------------------------------------------------


@cache
def registry() -> Registry:
    """Give the destinations of every engine here."""
    return make_registry()


def _make_workspace(rng: Random) -> Any:
    made = documents.workspace(rng)
    case = {"workspace": made, "event": documents.event(rng)}
    if chance(rng, 0.15):
        case["text"] = documents.as_text(rng, made)
    return case


def run_workspace(case: Any) -> None:
    """Read a workspace, make an engine of it, and send one event."""
    try:
        if "text" in case:
            workspace = Workspace.from_file(_file(case["text"]))
        else:
            workspace = Workspace.from_dict(case["workspace"])
        repr(workspace)
        engine = Engine(workspace, registry=registry(), transport=RecordingTransport())
    except ActionsError as error:
        _look_at(error)
        return
    run_async(_send_everywhere(engine, [case["event"]], close=True))


# -- events and responses ----------------------------------------------------------------------------


class _Replies:
    """Responses that a case brings, given out one after the other."""

    def __init__(self) -> None:
        self.replies: list[dict[str, Any]] = []

    async def send(self, request: Request) -> Response:
        """Answer with the next one."""
        request.content()
        reply = self.replies.pop(0) if self.replies else {"status": 200, "headers": {}, "body": "{}"}
        match reply.get("error"):
            case None:
                body = reply["body"].encode("utf-8", "surrogatepass")
                return Response(reply["status"], reply["headers"], body)
            case "timeout":
                raise TransportError("no answer", code="SELF_TIMEOUT", status=408)
            case "value":
                raise TransportError("the body cannot be decoded", code="RESPONSE_INVALID")
        raise TransportError("the connection was reset")

    async def close(self) -> None:
        """Nothing is held open."""


@attrs.define
class _Made:
    engine: Engine
    transport: _Replies
    used: int = 0


_ENGINES: dict[int, _Made] = {}
#: An engine serves so many cases, so that one case can hardly hide what another did to it.
_CASES_OF_AN_ENGINE: Final = 300


def fresh_engines() -> None:
    """Have the next case make its engine anew."""
    _ENGINES.clear()


@cache
def _workspace(variant: int) -> Workspace:
    """Read the workspace of a variant, once for all of its engines."""
    return Workspace.from_dict({"destinations": list(VARIANTS[variant])})


def _engine(variant: int) -> _Made:
    made = _ENGINES.get(variant)
    if made is None or made.used >= _CASES_OF_AN_ENGINE:
        transport = _Replies()
        engine = Engine(_workspace(variant), registry=registry(), transport=transport)
        made = _ENGINES[variant] = _Made(engine, transport)
    made.used += 1
    return made


def _make_event(rng: Random) -> Any:
    return {"variant": int(rng.random() * len(VARIANTS)), "events": [documents.event(rng) for _ in range(2)]}


def _make_response(rng: Random) -> Any:
    return {
        "variant": int(rng.random() * len(VARIANTS)),
        "events": [{"type": kind, **SURE} for kind in ("track", "identify")] + [documents.event(rng)],
        "replies": [responses.response(rng) for _ in range(1 + int(rng.random() * 8))],
    }


SURE: Final = {
    "messageId": "m-1",
    "userId": "user-1",
    "event": "Order Completed",
    "timestamp": "2026-01-02T03:04:05.000Z",
    "properties": {"a": 1},
    "traits": {"email": "jane@example.com"},
}


def run_events(case: Any) -> None:
    """Send events one by one, together and in a stream, and explain them."""
    made = _engine(case["variant"])
    replies = case.get("replies", ())
    made.transport.replies = list(replies)
    try:
        run_async(_send_everywhere(made.engine, case["events"]))
    finally:
        # A 410 disables the instance, a 429 slows it, and what it is told to wait lasts.
        if any(
            reply.get("status") in {410, 429} or "retry-after" in reply.get("headers", ())
            for reply in replies
        ):
            _ENGINES.pop(case["variant"], None)


async def _send_everywhere(engine: Engine, events: list[Any], *, close: bool = False) -> None:
    for event in events:
        before = _written(event)
        try:
            renew_limit()
            look_at_report(await engine.send(event))
        except ActionsError as error:
            _look_at(error)
            continue
        renew_limit()
        repr(await engine.explain(event))
        if _written(event) != before:
            raise Fault("the caller's event was changed")
    renew_limit()
    look_at_batch(await engine.send_batch(events), len(events))
    renew_limit()
    seen = 0
    async for report in engine.send_many(events, concurrency=2):
        look_at_report(report)
        seen += 1
    if seen != len(events):
        raise Fault(f"{len(events)} events in send_many gave {seen} reports")
    if close:
        await engine.close()


def look_at_report(report: Report) -> None:
    """Write everything that a report says, and refuse what is a fault of the code."""
    _write(report)
    for result in report.results:
        _write(result)
        repr(result.request)
        if result.response is not None:
            repr(result.response)
        for problem in result.warnings:
            str(problem)
        if result.error is not None:
            _look_at(result.error)
            _check_code(result.error.code, str(result.error))


def look_at_batch(report: BatchReport, count: int) -> None:
    """Do the same for a batch, which has a node for each event."""
    _write(report)
    for result in report.results:
        _write(result)
        if len(result.nodes) != count:
            raise Fault(f"{count} events in a batch gave {len(result.nodes)} nodes")
        for place, node in enumerate(result.nodes):
            repr(node)
            result.status_of(place)
            _check_code(node.errortype, node.errormessage)


def _check_code(code: Any, said: Any) -> None:
    if code == OUR_FAULT and "has no handler" not in str(said):
        raise Fault(f"{OUR_FAULT}: {str(said)[:500]}")


def _write(told: Any) -> None:
    renew_limit()
    repr(told)
    to_dict = getattr(told, "to_dict", None)
    if to_dict is not None:
        json.dumps(to_dict())


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Give the event loop of all cases of this process."""
    return asyncio.new_event_loop()


def run_async(work: Any) -> None:
    """Run a case's coroutine, and see that it leaves no task behind."""
    loop().run_until_complete(work)
    left = asyncio.all_tasks(loop())
    if left:
        for task in left:
            task.cancel()
        loop().run_until_complete(asyncio.wait(left, timeout=1))
        raise Fault(f"{len(left)} tasks were left over: {next(iter(left))!r:.200}")


def close() -> None:
    """Give back what the cases of this process held open."""
    _ENGINES.clear()
    if loop.cache_info().currsize:
        loop().close()
        loop.cache_clear()
    if _folder.cache_info().currsize:
        _folder().cleanup()
        _folder.cache_clear()


_jmespath = partial(_make_language, "@jmespath", languages.jmespath)
_liquid = partial(_make_language, "@liquid", languages.liquid)
KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("mapping", 0.15, _make_mapping, run_mapping),
        Kind("fql", 0.30, _make_fql, run_fql),
        Kind("jmespath", 0.20, _jmespath, run_mapping),
        Kind("liquid", 0.17, _liquid, run_mapping),
        Kind("definition", 0.05, _make_definition, run_definition),
        Kind("workspace", 0.03, _make_workspace, run_workspace),
        Kind("event", 0.05, _make_event, run_events),
        Kind("response", 0.05, _make_response, run_events),
    )
}
