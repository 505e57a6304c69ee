"""Addresses: which are public, in whatever notation a URL has them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.errors import RequestError
from actions_core.http.addresses import NOT_ALLOWED, check_url, is_public

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"]
CLOSED = [
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "2606:4700:4700::1111%lo",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_everyone_can_reach_is_public(address: str) -> None:
    """An address in public use is let through, in a URL too."""
    assert is_public(address)
    check_url(f"https://{f'[{address}]' if ':' in address else address}:8080/x?y#z")


@pytest.mark.parametrize("address", CLOSED)
def test_what_only_we_can_reach_is_not_public(address: str) -> None:
    """Private, loopback, link-local, multicast, reserved and wrapping addresses are refused."""
    assert not is_public(address)
    url = f"http://{f'[{address}]' if ':' in address else address}/"
    with pytest.raises(RequestError) as caught:
        check_url(url)
    assert (caught.value.code, caught.value.retryable) == (NOT_ALLOWED, False)


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7F.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "１２７.０.０.１",  # noqa: RUF001 - full-width digits
        "127。0。0。1",
        "①②⑦.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "db.localhost",
        "user:key@127.0.0.1",
        "example.com@127.0.0.1:80",
        "0",
        "0xa9fea9fe",
        "[::1",
    ],
)
def test_no_notation_hides_an_address(host: str) -> None:
    """Short, decimal, hex, octal, full-width and mapped forms are read as the look-up would read them."""
    with pytest.raises(RequestError) as caught:
        check_url(f"http://{host}/path")
    assert not caught.value.retryable


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", "localhost.example", "x", ""])
def test_names_are_left_to_the_connection(host: str) -> None:
    """A name says nothing about where it leads."""
    check_url(f"http://{host}/127.0.0.1?to=127.0.0.1")


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1) | st.integers(0, 2**128 - 1))
def test_nothing_is_public_that_the_standard_library_calls_otherwise(number: int) -> None:
    """Of all addresses none is let through that is private, local, reserved or multicast there."""
    address = ipaddress.ip_address(number)
    if is_public(str(address)):
        assert address.is_global
        closed = (address.is_multicast, address.is_reserved, address.is_loopback, address.is_link_local)
        assert not any(closed)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_text_has_an_outcome(text: str) -> None:
    """A text that is no address is not public, and a URL of it is taken or refused, never a crash."""
    is_public(text)
    try:
        check_url(f"http://{text}/")
    except RequestError as error:
        assert not error.retryable  # noqa: PT017 - either outcome is right, but not another error
