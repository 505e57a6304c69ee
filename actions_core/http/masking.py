"""Keep secrets out of whatever people or files get to see.

A mask is made once for each instance from its secret settings. It knows each secret as it stands
and as it looks in a URL, in JSON and in Base64, because that is how a request or an echoed body shows it.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import attrs

from actions_core.http.requests import Request, Response
from actions_core.values.types import MISSING, Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actions_core.errors import ActionsError, Problem

MASKED = "***"
_SECRET_HEADER = re.compile(
    r"authorization|cookie|token|secret|password|api-?key|access-?key|signature", re.IGNORECASE
)
#: From how many bytes on a secret is looked for inside the Base64 of more: what is left of less is anyone's.
_SHORTEST_INSIDE = 6
#: A shorter secret is looked for as a word of its own: letters inside of other words are no secret, and
#: without them nobody could read a message.
_SHORTEST_PART = 4
#: Name and password in a URL, which anyone's URL may have.
_USER_INFO = re.compile(r"^(\w+://)[^/?#]*@")


def _forms(secret: str) -> set[str]:
    forms = {
        secret,
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    data = secret.encode("utf-8", "replace")
    encoded = base64.b64encode(data).decode()
    forms |= {encoded, encoded.rstrip("=")}
    if len(data) >= _SHORTEST_INSIDE:
        forms |= {_inside(data, before) for before in range(3)}
    return {form for form in forms if form}


def _pattern(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= _SHORTEST_PART else rf"(?<![^\W_]){escaped}(?![^\W_])"


def _inside(data: bytes, before: int) -> str:
    """Return data as it looks inside longer Base64 (`user:password`), `before` bytes after a group of 3.

    Without the characters that it shares with what stands around it.
    """
    encoded = base64.b64encode(bytes(before) + data).decode()
    return encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


class Mask:
    """Replaces the secrets of one instance by `***`."""

    __slots__ = ("_pattern", "_secrets")

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.learn(*secrets)

    def learn(self, *secrets: str | None) -> None:
        """Mask these too from now on: tokens are renewed while the engine runs."""
        self._secrets |= {secret for secret in secrets if secret}
        forms = {form for secret in self._secrets for form in _forms(secret)}
        # Longest first, so that a secret which begins with another one is masked whole.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_pattern, ordered))) if ordered else None

    def __repr__(self) -> str:
        return "<Mask>"

    def text(self, text: str) -> str:
        """`text` without the secrets."""
        return text if self._pattern is None else self._pattern.sub(MASKED, text)

    def value(self, value: Json) -> Json:
        """Return a JSON value without the secrets, keys included; what contains none is not copied."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self._pattern.sub(MASKED, value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

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
        """Problems without the secrets: a handler may quote whatever it was given."""
        return tuple(attrs.evolve(problem, message=self.text(problem.message)) for problem in problems)

    def error(self, error: ActionsError) -> ActionsError:
        """Return the error itself, its wording without the secrets."""
        error.message = self.text(error.message)
        error.args = (error.message,)
        if error.problems:
            error.problems = self.problems(error.problems)
        return error

    def request(self, request: Request) -> Request:
        """Return the request as it may be shown."""
        return attrs.evolve(
            request,
            url=self.text(_USER_INFO.sub(rf"\1{MASKED}@", request.url)),
            headers=self.headers(request.headers),
            params=None if request.params is None else self.value(dict(request.params)),
            json=MISSING if request.json is MISSING else self.value(request.json),
            form=None if request.form is None else self.value(dict(request.form)),
            body=self._body(request.body),
        )

    def _body(self, body: bytes | str | None) -> bytes | str | None:
        if isinstance(body, bytes):
            # Bytes that are no UTF-8 come through this unharmed, and a body stays of the kind it is.
            return self.text(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return None if body is None else self.text(body)

    def response(self, response: Response) -> Response:
        """Return the response as it may be shown: destinations do echo what they were sent."""
        if self._pattern is None:
            return response
        body = self.text(response.text).encode("utf-8", "replace")
        return Response(response.status, self.headers(response.headers), body)
