"""Our side of a trial: an engine whose network responds as that of the published destination did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs

from actions_core.authoring.port.comparison import Failure, Run, is_retryable_status
from actions_core.authoring.port.requests import our_request, recorded_request
from actions_core.destination.registry import Registry
from actions_core.destination.state import MemoryState
from actions_core.engine import Engine
from actions_core.engine.results import Status
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError
from actions_core.http.errors import TransportError
from actions_core.http.requests import Response

if TYPE_CHECKING:
    from actions_core.authoring.port.requests import PlainRequest
    from actions_core.authoring.port.trials import Trial
    from actions_core.destination import Destination
    from actions_core.engine.results import BatchResult, Result
    from actions_core.http.requests import Request
    from actions_core.values.types import Json, JsonObject

_INSTANCE = "port"
_SUBSCRIPTION = 'type != ""'
_UNAUTHORIZED = 401
_FIRST_FAILURE = 400


@attrs.define
class _Exchange:
    request: PlainRequest
    response: JsonObject
    used: bool = False


class ReplayTransport:
    """A network that responds to an equal request as it did before.

    A request that there was not gets the response to the first one to the same address that nobody has asked
    for, else 200 and `{}`.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        #: whether a response has opened the breaker, made the instance wait, or ended its credentials
        self.is_spoiled = False
        self._exchanges: list[_Exchange] = []

    def load(self, recorded: list[JsonObject]) -> None:
        """Take the requests of the published destination, with their responses, for the next run."""
        self.requests = []
        self._exchanges = [_Exchange(recorded_request(one), one["response"]) for one in recorded]

    async def send(self, request: Request) -> Response:
        """Record the request and return its response."""
        plain = our_request(request)
        self.requests.append(request)
        free = [one for one in self._exchanges if not one.used]
        found = next((one for one in free if one.request == plain), None)
        address = (plain.method, plain.url)
        found = found or next((one for one in free if (one.request.method, one.request.url) == address), None)
        found = found or next(iter(free), None)
        if found is None:
            return Response(200, {"content-type": "application/json"}, b"{}")
        found.used = True
        status = found.response.get("status", 200)
        self.is_spoiled |= bool(
            found.response.get("failure") or status == _UNAUTHORIZED or is_retryable_status(status)
        )
        return _response(found.response)

    async def close(self) -> None:
        """Close nothing: there is no network."""

    def public_only(self) -> ReplayTransport:
        """Return itself: no request goes anywhere."""
        return self


def _response(data: JsonObject) -> Response:
    if data.get("failure"):
        raise TransportError(str(data["failure"]))
    headers = {str(name).lower(): str(text) for name, text in (data.get("headers") or {}).items()}
    body = str(data.get("body", "")).encode()
    if "json" in data:
        headers.setdefault("content-type", "application/json")
        body = json.dumps(data["json"]).encode()
    return Response(data.get("status", 200), headers, body)


class TrialState:
    """What handlers remember; each trial begins with nothing, as on the published side."""

    def __init__(self) -> None:
        self._state = MemoryState()

    def forget(self) -> None:
        """Forget everything."""
        self._state = MemoryState()

    def get(self, key: str) -> Json:
        """Return the value of a key."""
        return self._state.get(key)

    def set(self, key: str, value: Json, ttl: float) -> None:
        """Keep a value under a key."""
        self._state.set(key, value, ttl)

    def delete(self, key: str) -> None:
        """Forget a key."""
        self._state.delete(key)


class Ours:
    """The destination that is checked. Engines are kept for trials of equal settings and mapping."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self._registry = Registry()
        self._registry.register(destination)
        self._engines: dict[str, tuple[Engine, ReplayTransport]] = {}
        self._state = TrialState()

    async def close(self) -> None:
        """Close the engines."""
        for engine, _ in self._engines.values():
            await engine.close()
        self._engines.clear()

    async def run(self, trial: Trial, recorded: list[JsonObject]) -> Run:
        """Run a trial, with the responses that the published destination had."""
        key = f"{trial.action} {trial.variant} {json.dumps(trial.extra, sort_keys=True)}"
        try:
            engine, transport = self._engines.get(key) or self._engine(trial)
        except ActionsError as error:
            return Run(failure=Failure(str(error), retryable=False))
        self._engines[key] = engine, transport
        transport.load(recorded)
        self._state.forget()
        failure, failures = None, None
        if trial.is_batch:
            batch = (await engine.send_batch(list(trial.events))).results[0]
            failures = tuple(_item_failure(batch, place) for place in range(len(batch.nodes)))
        else:
            report = await engine.send(trial.events[0])
            failure = (
                Failure(str(report.error), retryable=False)
                if report.error is not None
                else _failure(report.results[0])
            )
        requests = tuple(map(our_request, transport.requests))
        if transport.is_spoiled:
            del self._engines[key]
            await engine.close()
        return Run(requests, failure, failures)

    def _engine(self, trial: Trial) -> tuple[Engine, ReplayTransport]:
        spec = self.destination.spec.actions[trial.action]
        instance = {
            "id": _INSTANCE,
            "destination": self.destination.slug,
            "settings": trial.settings,
            "subscriptions": [
                {"partnerAction": trial.action, "subscribe": _SUBSCRIPTION, "mapping": trial.mapping_of(spec)}
            ],
            # After a 429 an instance waits, whatever the number of tries: not here.
            "delivery": {"retry": {"tries": 1, "within": 0.001}},
        }
        transport = ReplayTransport()
        workspace = Workspace.from_dict({"destinations": [instance]}, lenient=True)
        engine = Engine(workspace, registry=self._registry, transport=transport, state=self._state)
        return engine, transport


def _failure(result: Result) -> Failure | None:
    if result.status is Status.SENT or result.status is Status.SKIPPED:
        return None
    if result.error is None:
        return Failure(result.reason, retryable=False)
    return Failure(str(result.error) or result.error.code, retryable=result.error.retryable)


def _item_failure(batch: BatchResult, place: int) -> Failure | None:
    status = batch.status_of(place)
    if status is Status.SENT or status is Status.SKIPPED:
        return None
    node = batch.nodes[place]
    return Failure(node.errormessage or node.errortype or "", retryable=is_retryable_status(node.status))


def published_run(reply: JsonObject, *, items: int) -> Run:
    """Return what the published destination did, as its process tells of it."""
    requests = tuple(map(recorded_request, reply["requests"]))
    note = f"the published one calls {', '.join(reply['calls'])}" if reply.get("calls") else ""
    error, nodes = reply["error"], reply["nodes"]
    failure = None if error is None else _published_failure(error)
    if not items:
        return Run(requests, failure, note=note)
    if failure is not None:
        # A batch that fails as a whole is a failure of each of its items.
        return Run(requests, None, (failure,) * items, note)
    return Run(requests, None, tuple(map(_published_item, nodes)), note)


def _published_failure(error: JsonObject) -> Failure:
    message = f"{error['name']}: {error['message']}" if error["message"] else error["name"]
    retryable = error["name"] == "RetryableError" or is_retryable_status(error["status"])
    if error["name"] in ("FetchError", "TimeoutError", "RequestTimeoutError"):
        retryable = True
    return Failure(message, retryable=retryable)


def _published_item(node: JsonObject | None) -> Failure | None:
    if node is None:
        return Failure("the published one has no outcome for it", retryable=False)
    status = node.get("status", 200)
    if not isinstance(status, int) or (status < _FIRST_FAILURE and not node.get("errortype")):
        return None
    return Failure(str(node.get("errormessage") or status), retryable=is_retryable_status(status))
