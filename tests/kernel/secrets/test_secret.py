"""A secret does not get out by any of the usual ways."""

import copy
import json
import pickle
from collections import OrderedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.secrets.redaction import redact, redact_url
from kernel.secrets.secret import Secret


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests made a secret would be masked here too."""
    monkeypatch.setattr("kernel.secrets.redaction._remembered", OrderedDict())


VALUE = "correct-horse-battery-staple-42"


def test_a_secret_prints_as_stars_everywhere() -> None:
    secret = Secret(VALUE)
    shown = f"{secret} {secret!r} {secret!s} {secret:>10} {[secret]} { ({'a': secret}) } " + "{0} {0!r}".format(secret)  # noqa: UP032
    assert VALUE not in shown and "***" in shown


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps, hash, vars])
def test_a_secret_cannot_be_encoded_pickled_or_hashed(encode: object) -> None:
    with pytest.raises(TypeError) as found:
        encode(Secret(VALUE))  # type: ignore[operator]
    assert VALUE not in str(found.value)


def test_copies_are_the_same_object_and_equality_needs_a_secret() -> None:
    secret = Secret(VALUE)
    assert copy.deepcopy(secret) is secret and copy.copy(secret) is secret
    assert secret == Secret(VALUE) and secret != Secret("other-value") and secret != VALUE


def test_a_value_that_was_a_secret_is_scrubbed_from_any_text() -> None:
    Secret(VALUE)
    assert redact(f"failed with {VALUE}!") == "failed with ***!"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://eth.example.com/v2/abcDEF123456789012345", "https://eth.example.com/v2/***"),
        ("wss://user:pass@host.example:8443/ws", "wss://***@host.example:8443/ws"),
        ("https://h.example/rpc?api-key=abc&x=1", "https://h.example/rpc?api-key=***&x=***"),
        ("http://127.0.0.1:8545/", "http://127.0.0.1:8545/"),
        ("http://[::1]:8545/x", "http://[::1]:8545/x"),
        ("http://h.example:99999/x", "***"),
    ],
)
def test_a_url_is_shown_without_what_may_be_a_key(url: str, shown: str) -> None:
    assert redact_url(url) == shown
    assert redact(f"call to {url} failed") == f"call to {shown} failed"


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----",
        "4" * 88,
        "123456789:AAFakeTokenFakeTokenFakeTokenFake_x-",
        "private_key=0x" + "ab" * 32,
        "ab" * 64,
    ],
)
def test_shapes_of_keys_are_masked(text: str) -> None:
    assert "***" in redact(f"x {text} y")
    assert text not in redact(f"x {text} y")


def test_a_transaction_hash_stays_readable() -> None:
    text = "receipt of 0x" + "ab" * 32
    assert redact(text) == text


@given(st.text())
def test_redaction_takes_any_text(text: str) -> None:
    assert isinstance(redact(text), str) and isinstance(redact_url(text), str)
