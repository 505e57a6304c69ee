"""The hops of a request: where it goes first, and where a redirect sends it from there.

A redirect of what went the direct way is taken here; those that follow are the session's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
from aiohttp import InvalidURL
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.http.requests import Request, Response

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_SEE_OTHER: Final = 303
_LIKE_SEE_OTHER: Final = frozenset({301, 302})
#: What is meant for the server that it was sent to, and for no other.
_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})


@attrs.frozen(repr=False)
class Hop:
    """A request to one server, and how many redirects may follow."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    redirects: int

    def redirected(self, response: Response) -> Hop | None:
        """Return the hop that the redirect asks for, None where it names no location.

        As browsers do it (Fetch, HTTP-redirect fetch): a 303, and a POST after a 301 or 302, becomes a GET
        without a body; credentials do not go to another origin. Raises `InvalidURL` for an invalid URL.
        """
        location = response.headers.get("location")
        if location is None:
            return None
        try:
            url = self.url.join(URL(location))
        except ValueError:
            raise InvalidURL(location) from None
        headers = dict(self.headers)
        method, body = self.method, self.body
        if response.status == _SEE_OTHER or (response.status in _LIKE_SEE_OTHER and method == "POST"):
            method, body = "GET", None
            headers = {name: text for name, text in headers.items() if name.lower() != "content-type"}
        if not _same_origin(self.url, url):
            headers = {name: text for name, text in headers.items() if name.lower() not in _CREDENTIALS}
        return Hop(method, url, headers, body, self.redirects - 1)


def first_hop(request: Request, body: bytes | None, content_type: str | None) -> Hop:
    """Return the first hop of a request; a content type of its own wins."""
    headers = request.headers
    if content_type is not None and not any(name.lower() == "content-type" for name in headers):
        headers = {**headers, "content-type": content_type}
    # encoded: yarl would otherwise decode what a handler encoded on purpose, such as %2F in an id.
    url = URL(request.url, encoded=True)
    return Hop(request.method, url, headers, body, MAX_REDIRECTS if request.follow_redirects else 0)


def _same_origin(one: URL, other: URL) -> bool:
    return (one.scheme, one.raw_host, one.port) == (other.scheme, other.raw_host, other.port)
