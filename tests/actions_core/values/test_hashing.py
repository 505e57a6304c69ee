"""Personal data is hashed once, and never where there is none."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.errors import DefinitionError, PayloadError
from actions_core.values.hashing import (
    hash_personal,
    is_hashed,
    normalize_e164,
    normalize_email,
    normalize_phone,
)
from actions_core.values.wording import kind
from tests.trials import examples

ALGORITHMS: list[Any] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
ENCODINGS: list[Any] = ["hex", "base64"]


def expected(text: str, algorithm: str, encoding: str) -> str:
    """The hash by the standard library alone."""
    digest = hashlib.new(algorithm, text.encode()).digest()
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_value_is_hashed_once(algorithm: Any, encoding: Any) -> None:
    """Text becomes its hash; the hash, in either encoding and either case, stays as it is."""
    hashed = hash_personal("jane@example.com", algorithm, encoding)
    assert hashed == expected("jane@example.com", algorithm, encoding)
    for other in ENCODINGS:
        assert hash_personal(hashed, algorithm, other, normalize=normalize_email) == hashed
        assert hash_personal(f" {hashed}\n", algorithm, other) == hashed
    upper = expected("jane@example.com", algorithm, "hex").upper()
    assert hash_personal(upper, algorithm, encoding) == upper


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.text(st.characters(codec="utf-8"), max_size=100))
@settings(deadline=None, max_examples=examples(30))
def test_hashing_twice_is_hashing_once(algorithm: Any, encoding: Any, text: str) -> None:
    """Whatever the text, the hash of what came out is what came out."""
    once = hash_personal(text, algorithm, encoding)
    assert hash_personal(once, algorithm, encoding) == once
    assert once is None or is_hashed(once, algorithm)


@pytest.mark.parametrize(
    ("value", "algorithm"),
    [
        ("a" * 63, "sha256"),
        ("g" * 64, "sha256"),
        ("a" * 64, "sha512"),
        (expected("a", "md5", "hex"), "sha256"),
        (expected("a", "sha256", "base64")[:-1], "sha256"),
        (expected("a", "sha256", "base64").replace("=", "-"), "sha256"),
        ("=" * 44, "sha256"),
        ("ü" * 44, "sha256"),
    ],
)
def test_what_only_looks_like_a_hash_is_hashed(value: str, algorithm: Any) -> None:
    """A value of another length, of other characters, or of another algorithm is hashed."""
    assert not is_hashed(value, algorithm)
    assert hash_personal(value, algorithm) == expected(value, algorithm, "hex")


@pytest.mark.parametrize("value", [None, "", "  ", "\n\t"])
def test_nothing_has_no_hash(value: str | None) -> None:
    """Where there is no value there is no hash: that of empty text would be the same for everybody."""
    assert hash_personal(value) is None


def test_what_is_nothing_when_normalized_has_no_hash() -> None:
    """A value of which nothing is left has no hash either."""
    assert hash_personal("n/a", normalize=normalize_phone) is None


@pytest.mark.parametrize(
    ("value", "normalize", "text"),
    [
        (" Jane@Example.COM ", normalize_email, "jane@example.com"),
        ("+1 (555) 010-9999", normalize_phone, "+15550109999"),
        ("0049 30 1234", normalize_phone, "+49301234"),
        ("030/1234", normalize_phone, "0301234"),
        ("jane", str.title, "Jane"),
        (" as it is ", None, " as it is "),
    ],
)
def test_a_value_is_normalized_before_it_is_hashed(value: str, normalize: Any, text: str) -> None:
    """The hash is that of the normalized value; without `normalize`, of the value as it is."""
    assert hash_personal(value, normalize=normalize) == expected(text, "sha256", "hex")


@pytest.mark.parametrize("value", [7, True, ["a"], {"a": 1}])
def test_only_text_is_hashed(value: Any) -> None:
    """Anything but text is an error of the payload."""
    with pytest.raises(PayloadError, match=kind(value)):
        hash_personal(value)


def test_an_unknown_way_to_hash_is_an_error() -> None:
    """An algorithm or an encoding that does not exist is said, with those that do."""
    with pytest.raises(DefinitionError, match="sha256"):
        hash_personal("a", "sha3")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(DefinitionError, match="base64"):
        hash_personal("a", "md5", "base32")  # type: ignore[arg-type]  # wrong on purpose


def test_a_lone_surrogate_is_hashed() -> None:
    """Text that UTF-8 cannot hold has a hash all the same."""
    assert hash_personal("\ud800") == expected("?", "sha256", "hex")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("email", " Jane@Example.COM ", "jane@example.com"),
        ("gmail", "Jane.Doe+news@Gmail.com", "janedoe@gmail.com"),
        ("gmail", "j.a.n.e@googlemail.com", "jane@gmail.com"),
        ("gmail", "Jane.Doe+news@example.com", "jane.doe+news@example.com"),
        ("gmail", "no address", "no address"),
        ("phone", "+1 (555) 010-9999", "+15550109999"),
        ("digits", "+1 (555) 010-9999", "15550109999"),
        ("e164", "+1 (202) 555-0143", "+12025550143"),
    ],
)
def test_a_normalisation_has_a_name(name: Any, value: str, text: str) -> None:
    """A value is spelled in one way before it is hashed; what is hashed already stays as it is."""
    hashed = hash_personal(value, normalize=name)
    assert hashed == expected(text, "sha256", "hex")
    assert hash_personal(hashed, normalize=name) == hashed
    assert hash_personal("  ", normalize=name) is None


def test_a_number_without_a_country_is_of_the_region() -> None:
    """`e164` reads national numbers by their region, and refuses the rest without showing it."""
    assert hash_personal("(202) 555-0143", normalize="e164", region="US") == hash_personal("+12025550143")
    assert normalize_e164("030 901820", "DE") == "+4930901820"
    for value, region in (("(202) 555-0143", None), ("+1 2", "US"), ("call me", "US")):
        with pytest.raises(PayloadError, match="this is not a phone number") as caught:
            hash_personal(value, normalize="e164", region=region)
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"normalize": "emial"},
            "there is no normalisation 'emial'; did you mean 'email'?; there are email, gmail",
        ),
        ({"normalize": "e164", "region": "Utopia"}, "there is no region 'Utopia'"),
    ],
)
def test_a_normalisation_that_there_is_not(given: Any, message: str) -> None:
    """A name or a region that nobody knows is a fault of the definition."""
    with pytest.raises(DefinitionError) as caught:
        hash_personal("+12025550143", **given)
    assert message in str(caught.value)


def test_without_its_extra_e164_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that reads phone numbers is an extra."""
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    with pytest.raises(DefinitionError, match=re.escape("pip install 'actions-core[phone]'")):
        hash_personal("+12025550143", normalize="e164")
