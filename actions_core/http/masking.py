"""Keep secrets out of whatever people or files get to see.

A mask is made once for each instance from its secret settings; `spellings` finds those in a text. It works
when somebody looks: what nobody opens is not masked, and costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import Problem
from actions_core.http.requests import Request, Response
from actions_core.http.spellings import MASKED, Finder
from actions_core.values.javascript import number_text, to_number
from actions_core.values.plain import as_json
from actions_core.values.types import MISSING, Json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.errors import ActionsError

#: What says nothing of its own, wherever it comes from.
_NO_SECRETS: Final = frozenset({"true", "false", "null"})
_SECRET_HEADER = re.compile(
    r"authorization|cookie|token|secret|password|api-?key|access-?key|signature", re.IGNORECASE
)
#: Name and password in a URL, which anyone's URL may have.
_USER_INFO = re.compile(r"^(\w+://)[^/?#]*@")


def texts(value: Json) -> list[str]:
    """Return every str and number in a JSON value, as text, keys excepted: all that may be secret in it."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, int | float) and not isinstance(one, bool):
            found.append(number_text(one))
    return found


class Mask:
    """Replaces the secrets of one instance by `***`."""

    __slots__ = ("_finder", "_secrets")

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: set[str] = set()
        self._finder = Finder(())
        self.learn(*secrets)

    def learn(self, *secrets: str | None) -> None:
        """Mask these too from now on: tokens are renewed while the engine runs."""
        known = len(self._secrets)
        for secret in secrets:
            if secret and secret not in _NO_SECRETS:
                self._secrets.add(secret)
                number = to_number(secret)
                if number is not None:
                    # A field may read it as a number, which is then written in its own way.
                    self._secrets.add(number_text(number))
        if len(self._secrets) > known:  # a finder is dear to make
            self._finder = Finder(self._secrets)

    def __repr__(self) -> str:
        return "<Mask>"

    def text(self, text: str) -> str:
        """Return the text without the secrets."""
        return self._finder.masked(text) if self._secrets else text

    def value(self, value: Json) -> Json:
        """Return a copy of a JSON value without the secrets, keys included, however deep it is."""
        if not self._secrets:
            return value
        whole: list[Json] = [value]
        copies: dict[int, Json] = {}
        waiting: list[dict[str, Json] | list[Json]] = [whole]
        while waiting:
            box = waiting.pop()
            places: Iterable[tuple[Any, Json]] = box.items() if isinstance(box, dict) else enumerate(box)
            for place, item in list(places):
                box[place] = self._leaf(item) if not isinstance(item, dict | list) else copies.get(id(item))
                if box[place] is None and isinstance(item, dict | list):
                    # Remembered, so that a value which contains itself comes to an end.
                    copy: Any = (
                        {self._key(key): one for key, one in item.items()}
                        if isinstance(item, dict)
                        else list(item)
                    )
                    box[place] = copies[id(item)] = copy
                    waiting.append(copy)
        return whole[0]

    def _key(self, key: Any) -> Any:
        if isinstance(key, str):
            return self.text(key)
        leaf = self._leaf(key)
        return MASKED if isinstance(leaf, list | dict) else leaf

    def _leaf(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.text(value)
        if value is None or value is MISSING or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return MASKED if number_text(value) in self._secrets else value
        # One of Python's own (a tuple, a set, bytes, an Enum) stays as it is, unless a secret is in it.
        plain = as_json(value)
        masked = self.value(plain)
        return value if masked == plain else masked

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers without the secrets; those that exist to carry one lose their value, but for the scheme."""
        return {name: self._header(name, value) for name, value in headers.items()}

    def _header(self, name: str, value: str) -> str:
        if not _SECRET_HEADER.search(name):
            return self.text(value)
        scheme, blank, _ = value.partition(" ")
        # Only a registered scheme's word may stand: anything else before a blank may be the secret.
        return f"{scheme} {MASKED}" if blank and scheme in {"Basic", "Bearer", "Digest", "Token"} else MASKED

    def problems(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Return problems without the secrets: a handler may quote whatever it was given, in a path too."""
        return tuple(
            attrs.evolve(problem, path=self.text(problem.path), message=self.text(problem.message))
            for problem in problems
        )

    def error(self, error: ActionsError) -> ActionsError:
        """Return the error itself, as it may leave the engine.

        Its wording, code and attributes have no secrets, and it brings no other errors and no traceback
        along: the frames of those have the settings among their variables.
        """
        for name, value in list(vars(error).items()):
            vars(error)[name] = self._part(value)
        error.args = tuple(self._part(part) for part in error.args)
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)

    def _part(self, value: Any) -> Any:
        """Return a part of an error without the secrets."""
        if isinstance(value, Request):
            return self.request(value)
        if isinstance(value, Response):
            return self.response(value)
        if isinstance(value, Problem):
            return self.problems([value])[0]
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, tuple):
            return tuple(self._part(part) for part in value)
        return value if isinstance(value, bool) else self.value(value)

    def request(self, request: Request) -> Request:
        """Return the request as it may be shown."""
        return attrs.evolve(
            request,
            url=self.text(_USER_INFO.sub(rf"\1{MASKED}@", request.url)),
            headers=self.headers(request.headers),
            params=self._parameters(request.params),
            json=MISSING if request.json is MISSING else self.value(request.json),
            form=self._parameters(request.form),
            body=self._body(request.body),
        )

    def _parameters(self, given: Mapping[str, Any] | None) -> Any:
        # What is no object stays what it is: a request with it cannot be sent, but is shown.
        return self.value(dict(given) if isinstance(given, Mapping) else given)

    def _body(self, body: bytes | str | None) -> bytes | str | None:
        if isinstance(body, bytes):
            return self._bytes(body)
        return self.text(body) if isinstance(body, str) else body

    def _bytes(self, body: bytes) -> bytes:
        # Bytes that are no UTF-8 come through this unharmed.
        return self.text(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def response(self, response: Response) -> Response:
        """Return the response as it may be shown: destinations do echo what they were sent."""
        return Response(
            response.status,
            self.headers(response.headers),
            self._bytes(response.body),
            self.text(response.unreadable),
        )
