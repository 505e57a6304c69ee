"""Network addresses that users may choose: public ones.

Whoever chooses a URL could make us speak to machines that only we can reach. `ipaddress` alone does not
tell: its `is_global` takes in multicast and the forms that wrap another address (6to4, NAT64).
"""

from __future__ import annotations

import ipaddress
import socket
import unicodedata
from typing import Final
from urllib.parse import urlsplit

from actions_core.errors import RequestError

NOT_ALLOWED: Final = "ADDRESS_NOT_ALLOWED"

_CLOSED_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # public by its number only: the services of Azure's own machines
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
#: All of IPv6 that is in public use lies here; loopback, local, multicast, mapped and NAT64 addresses do not.
_OPEN_V6: Final = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocols, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: wraps an IPv4 address
        "3fff::/20",
    )
)


def is_public(address: str) -> bool:
    """Return whether this is a public address, in its plain notation."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in network for network in _CLOSED_V4)
    if found.scope_id is not None or found not in _OPEN_V6:
        return False
    return not any(found in network for network in _CLOSED_V6)


def check_url(url: str) -> None:
    """Refuse a URL whose host is an address that is not public, in whatever notation, or `localhost`.

    Any other name may still lead to such an address: that shows only where the connection is made.
    Raises `RequestError`.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError as error:
        raise RequestError(f"invalid URL: {error}", code="REQUEST_INVALID") from None
    # As resolvers read it: full-width digits and dots count as plain ones.
    name = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        raise not_allowed(host)
    literal = _literal(name)
    if literal is not None and not is_public(literal):
        raise not_allowed(host)


def not_allowed(host: str) -> RequestError:
    """Return the error for a host that may not be reached."""
    return RequestError(
        f"{host} is, or leads to, a private or reserved address; "
        'only an instance with "allowPrivateAddresses": true may reach those',
        code=NOT_ALLOWED,
        status=400,
    )


def _literal(name: str) -> str | None:
    """Return the address that `name` is; None where it is a name."""
    if ":" in name:
        return name
    try:
        # The forms of old count too: 127.1, 2130706433, 0x7f.1, 0177.0.0.1.
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, ValueError):
        return None
