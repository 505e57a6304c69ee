"""The CRM's API, as far as the example needs it: a real server on loopback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from actions_core import Request, Response
from actions_core.testing import LoopbackServer

if TYPE_CHECKING:
    from types import TracebackType


def answer(body: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())


class CrmServer:
    """Serves while its context is entered. `expire()` makes the current access token worthless."""

    def __init__(self) -> None:
        self._server = LoopbackServer(self._answer)
        self._token = "token-0"  # noqa: S105 - a sample that opens nothing
        self.refreshes = 0
        self.contacts: list[Any] = []
        self.lists: list[str] = ["First", "Second", "Third"]
        self.members: set[str] = set()
        self.polls = 0
        self.imported: list[str] = []

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    @property
    def requests(self) -> list[Request]:
        """What came in."""
        return list(self._server.requests)

    @property
    def oauth(self) -> dict[str, str]:
        """The tokens that an instance starts with."""
        return {
            "access_token": self._token,
            "refresh_token": "refresh",
            "refresh_token_url": f"{self.url}/oauth/token",
        }

    def expire(self) -> None:
        """Take back the access token."""
        self._token = f"token-{self.refreshes + 1}"

    async def _answer(self, request: Request) -> Response:
        path = request.url.removeprefix(self.url).partition("?")[0]
        if path == "/oauth/token":
            self.refreshes += 1
            return answer({"access_token": self._token})
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return answer({"message": "the token has expired"}, 401)
        place = path.strip("/").split("/")
        handler = getattr(self, f"_{place[0]}", None)
        return answer({"message": "no such page"}, 404) if handler is None else handler(request, place[1:])

    def _me(self, _request: Request, _place: list[str]) -> Response:
        return answer({"user": "someone"})

    def _contacts(self, request: Request, place: list[str]) -> Response:
        if place == ["batch"]:
            return answer([self._contact(item) for item in request.json])
        self.contacts.append(request.json)
        return answer({"ok": True})

    def _contact(self, item: dict[str, Any]) -> dict[str, Any]:
        kind = item["properties"].get("kind")
        if kind == "bad":
            return {"status": 422, "message": "the contact is not valid"}
        if kind == "busy":
            return {"status": 429, "message": "too many contacts"}
        self.contacts.append(item)
        return {"status": 201}

    def _lists(self, request: Request, _place: list[str]) -> Response:
        if request.method == "POST":
            self.lists.append(request.json["name"])
            return answer({"id": f"list-{len(self.lists)}"})
        first = 2 if "page=2" in request.url else 0
        shown = [{"name": name, "id": name.lower()} for name in self.lists[first : first + 2]]
        return answer({"lists": shown, **({"next": "2"} if first == 0 else {})})

    def _properties(self, _request: Request, place: list[str]) -> Response:
        return answer(["red", "green"] if place else ["color", "size"])

    def _imports(self, request: Request, _place: list[str]) -> Response:
        if request.method == "POST":
            self.imported = request.json
            return answer({"job": "job-1"}, 202)
        self.polls += 1
        if self.polls < 3:  # noqa: PLR2004 - the third time it is done
            return answer({"state": "running"})
        refused = {str(n): "no email" for n, email in enumerate(self.imported) if "@" not in email}
        return answer({"state": "done", "refused": refused})

    def _audiences(self, request: Request, place: list[str]) -> Response:
        if place[1:] == ["members"]:
            users = set(request.json)
            self.members = self.members - users if request.method == "DELETE" else self.members | users
            return answer({"ok": True})
        if request.method == "POST":
            return answer({"id": f"{request.json['folder']}-{request.json['name']}"})
        if place == ["gone"]:
            return answer({"message": "no such audience"}, 404)
        return answer({"id": place[0]})
