"""The hops of a request: where it goes first, and where a redirect sends it from there.

A redirect is followed where that sends the same request, and nothing of it to whom it was not meant for.
All else fails and names the new address, which belongs into the settings: a POST that arrives as a GET, or
without its body, would look as if it had been delivered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
from aiohttp import InvalidURL
from yarl import URL

from actions_core.errors import RequestError
from actions_core.http.addresses import check_url
from actions_core.http.wire import host_fault, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.http.requests import Request, Response

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

#: The code of a redirect that is not followed.
NOT_FOLLOWED: Final = "REDIRECT_NOT_FOLLOWED"

_SEE_OTHER: Final = 303
_LIKE_SEE_OTHER: Final = frozenset({301, 302})
_HTTP: Final = frozenset({"http", "https"})
_SAFE: Final = frozenset({"GET", "HEAD"})
#: Headers that say nothing of the sender's rights, nor of the body: all that another origin gets to see.
_HARMLESS: Final = frozenset({"accept", "accept-charset", "accept-encoding", "accept-language", "user-agent"})


@attrs.frozen(repr=False)
class Hop:
    """A request to one server, and how many redirects may follow."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    redirects: int

    def redirected(self, response: Response, *, public_only: bool = False) -> Hop | None:
        """Return the hop that the redirect asks for, None where it names no location.

        The method is kept (Fetch, HTTP-redirect fetch, says when it would change: after a 303, and for a POST
        after a 301 or 302); another origin gets harmless headers only. Raises `RequestError` where the
        method would change, a body would go to another origin, https would become http, or there were too
        many, or with `public_only` where the address says that it is not public; `InvalidURL` for an invalid
        URL.
        """
        location = response.headers.get("location")
        if location is None:
            return None
        try:
            url = self.url.join(URL(location)).with_fragment(None)
        except ValueError:
            raise InvalidURL(location) from None
        invalid = url.scheme in _HTTP and host_fault(url.raw_authority)
        if invalid:
            raise refused(f"the redirect ({response.status}) leads to a URL that {invalid}")
        if url.scheme not in _HTTP:
            raise RequestError("a redirect leads away from HTTP", code="REQUEST_INVALID")
        if public_only:
            check_url(str(url))
        elsewhere = not _same_origin(self.url, url)
        fault = self._fault(response.status, url, elsewhere=elsewhere)
        if fault:
            raise RequestError(
                f"the redirect ({response.status}) to {_shown(url)} {fault}; if that is the right address, "
                "send there in the first place",
                code=NOT_FOLLOWED,
            )
        if self.redirects <= 0:
            raise RequestError(f"more than {MAX_REDIRECTS} redirects", code="REQUEST_INVALID")
        headers = self.headers
        if elsewhere:
            url = url.with_user(None)
            headers = {name: text for name, text in headers.items() if name.lower() in _HARMLESS}
        return Hop(self.method, url, headers, self.body, self.redirects - 1)

    def _fault(self, status: int, url: URL, *, elsewhere: bool) -> str:
        changes = status == _SEE_OTHER or (status in _LIKE_SEE_OTHER and self.method.upper() == "POST")
        if changes and self.method.upper() not in _SAFE:
            return f"would make the {self.method} a GET and leave its body out"
        if self.url.scheme == "https" and url.scheme == "http":
            return "is not encrypted"
        if elsewhere and self.body is not None:
            return "leads to another origin, which may not get the body"
        return ""


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


def _shown(url: URL) -> str:
    """Return an address without what may be a key: the query, and a name in front of the host."""
    return str(url.with_user(None).with_query(None))
