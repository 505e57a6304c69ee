"""Who may send events: the sources of a workspace, found by their write keys.

A write key is public where it stands in a web page. It is no secret, and allows nothing but to send events.
"""

from __future__ import annotations

import base64
import binascii
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.server.hosts import is_loopback
from actions_core.engine.environment import resolve_environment
from actions_core.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.engine.workspace import Workspace

ANY_ORIGIN: Final = "*"


@attrs.frozen
class Source:
    """An application that may send events, and the origins of its web pages."""

    name: str
    origins: frozenset[str] = frozenset()

    def allows(self, origin: str) -> bool:
        """Return whether pages of an origin may send events for this source."""
        return origin in self.origins or ANY_ORIGIN in self.origins


#: Whoever is on this machine, where a workspace names no sources.
LOCAL: Final = Source("local")


@attrs.frozen
class Sources:
    """The sources by their write keys. Without any, whoever is on this machine may send, with any key."""

    by_key: Mapping[str, Source] = attrs.field(factory=dict, repr=False)

    @property
    def is_open(self) -> bool:
        """True where no write key is asked for."""
        return not self.by_key

    def find(self, key: str) -> Source | None:
        """Return the source of a write key; None for an unknown one."""
        return LOCAL if not self.by_key else self.by_key.get(key)

    def any_allows(self, origin: str) -> bool:
        """Return whether pages of an origin may send events for some source: a preflight has no key."""
        return any(source.allows(origin) for source in self.by_key.values())


def resolve_sources(
    workspace: Workspace, host: str, environ: Mapping[str, str] = os.environ
) -> tuple[Sources, list[Problem]]:
    """Read the write keys of a workspace's sources, some from the environment, and find every problem.

    Without sources, `host` must be an address that only this machine can reach.
    """
    problems: list[Problem] = []
    if not workspace.sources and not is_loopback(host):
        message = (
            f"is needed to listen at {host}: without it, a server listens at addresses of this machine only, "
            "such as 127.0.0.1"
        )
        problems.append(Problem("$.sources", message))
    by_key: dict[str, Source] = {}
    for index, spec in enumerate(workspace.sources):
        path = f"$.sources[{index}]"
        resolved, _, found = resolve_environment({"writeKey": spec.write_key}, path, environ)
        problems += found
        key = resolved["writeKey"]
        if found:
            continue
        if key in by_key:
            message = f"is the write key of {by_key[key].name!r} too; give each source its own"
            problems.append(Problem(f"{path}.writeKey", message))
        by_key[key] = Source(spec.name, frozenset(origin.rstrip("/") for origin in spec.origins))
    return Sources(by_key), problems


@lru_cache(maxsize=1024)
def key_of_header(header: str) -> str:
    """Return the write key in an `Authorization` header: the user of Basic; empty where there is none.

    Bearer has a token, with which clients send the write key in the body.
    """
    scheme, _, credentials = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        # Some clients leave the padding out.
        text = credentials.strip()
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[0]
