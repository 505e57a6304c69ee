"""Names of this machine: where a server may listen without asking who is there, and whom it answers to."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache


def is_loopback(host: str) -> bool:
    """Return whether everything that a host's name stands for is this machine's loopback interface."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


@lru_cache(maxsize=64)
def is_local_name(host: str) -> bool:
    """Return whether a `Host` header is a name of this machine that nobody else can have.

    A page of a foreign name that was made to lead here has that name in its requests.
    """
    name, colon, port = host.rpartition(":")
    name = (name if colon and port.isdecimal() else host).lower().removeprefix("[").removesuffix("]")
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
