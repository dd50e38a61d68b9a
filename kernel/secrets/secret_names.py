"""The secrets that the kernel knows: what each is for and what it looks like. One table; nothing else lists them.

Checks are of form alone and answer in words that never hold the value.
"""

import re
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Struct

from kernel.secrets.redaction import remember
from kernel.secrets.secret import Secret

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,127}")
VALUE_CHARS_MAX = 16_384  #: a 4096-bit RSA key in PEM has 3,300
RPC_KEY_PREFIX = "RPC_KEY_"
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SOLANA_PAIR_BYTES = 64
MNEMONIC_WORDS = (12, 15, 18, 21, 24)

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_TEXT = re.compile(f"[{_BASE58}]{{64,88}}")
_HEX32 = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
_PEM = re.compile(r"-----BEGIN (?:RSA )?PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+\n-----END (?:RSA )?PRIVATE KEY-----\n?")


class SecretKind(Struct, frozen=True, kw_only=True):
    """One known secret."""

    name: str
    title: str
    shape: str  #: what it looks like, in words
    has_shape: Callable[[str], bool]
    wallet: Literal["", "evm", "solana"] = ""  #: whose address can be derived


def _is_evm_key(value: str) -> bool:
    return _HEX32.fullmatch(value) is not None and 0 < int(value.removeprefix("0x"), 16) < SECP256K1_ORDER


def base58_bytes(text: str) -> bytes | None:
    """What base58 text stands for; None where it is none."""
    number = 0
    for character in text:
        digit = _BASE58.find(character)
        if digit < 0:
            return None
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _is_solana_key(value: str) -> bool:
    if value.startswith("["):
        try:
            numbers = msgspec.json.decode(value, type=list[int])
        except msgspec.DecodeError:
            return False
        return len(numbers) == SOLANA_PAIR_BYTES and all(0 <= each <= 255 for each in numbers)
    return _BASE58_TEXT.fullmatch(value) is not None and len(base58_bytes(value) or b"") == SOLANA_PAIR_BYTES


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _is_hmac_or_pem(value: str) -> bool:
    return _PEM.fullmatch(value) is not None or re.fullmatch(r"[A-Za-z0-9]{32,128}", value) is not None


def _is_mnemonic(value: str) -> bool:
    words = value.split(" ")
    return len(words) in MNEMONIC_WORDS and all(re.fullmatch("[a-z]{3,8}", word) for word in words)


_HEX_SHAPE = "64 hexadecimal digits, with or without 0x, within the curve's order"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_TOKEN = r"[\x21-\x7e]{8,512}"
_TOKEN_SHAPE = "8 to 512 printable characters without spaces"

KNOWN: tuple[SecretKind, ...] = (
    SecretKind(
        name="PRIVATE_KEY", title="EVM wallet", shape=_HEX_SHAPE, has_shape=_is_evm_key, wallet="evm",
    ),
    SecretKind(
        name="SOLANA_PRIVATE_KEY", title="Solana wallet", has_shape=_is_solana_key, wallet="solana",
        shape="a key pair of 64 bytes, in base58 or as the JSON array of a key file",
    ),
    SecretKind(
        name="binance_api_key", title="Binance API key", shape="16 to 128 letters and digits",
        has_shape=_matches(r"[A-Za-z0-9]{16,128}"),
    ),
    SecretKind(
        name="binance_api_secret", title="Binance API secret", has_shape=_is_hmac_or_pem,
        shape="32 to 128 letters and digits (HMAC), or an unencrypted Ed25519 or RSA private key in PEM",
    ),
    SecretKind(
        name="FLASHBOTS_SIGNING_KEY", title="Flashbots reputation key", shape=_HEX_SHAPE, has_shape=_is_evm_key,
        wallet="evm",
    ),
    SecretKind(name="JITO_AUTH_UUID", title="Jito access", shape="a UUID with hyphens", has_shape=_matches(_UUID)),
    SecretKind(name="JUPITER_API_KEY", title="Jupiter API key", shape=_TOKEN_SHAPE, has_shape=_matches(_TOKEN)),
    SecretKind(
        name="HYPERLIQUID_AGENT_KEY", title="Hyperliquid agent wallet", shape=_HEX_SHAPE, has_shape=_is_evm_key,
        wallet="evm",
    ),
    SecretKind(
        name="DYDX_MNEMONIC", title="dYdX wallet", has_shape=_is_mnemonic,
        shape="12, 15, 18, 21 or 24 lower-case words, single spaces between",
    ),
    SecretKind(name="ACROSS_API_KEY", title="Across API key", shape=_TOKEN_SHAPE, has_shape=_matches(_TOKEN)),
    SecretKind(
        name="TELEGRAM_BOT_TOKEN", title="Telegram bot", shape="digits, a colon, 30 to 50 letters, digits, _ or -",
        has_shape=_matches(r"\d{6,12}:[A-Za-z0-9_-]{30,50}"),
    ),
    SecretKind(
        name="WEBHOOK_SIGNING_KEY", title="Webhook signing key", shape="32 to 512 printable characters without spaces",
        has_shape=_matches(r"[\x21-\x7e]{32,512}"),
    ),
)  # fmt: skip

_BY_NAME = {kind.name: kind for kind in KNOWN}
_BY_UPPER = {kind.name.upper(): kind.name for kind in KNOWN}


def kind_of(name: str) -> SecretKind | None:
    """The known secret of that name; any `RPC_KEY_…` is one. None = a name that the kernel knows nothing about."""
    if name.startswith(RPC_KEY_PREFIX) and name != RPC_KEY_PREFIX:
        return SecretKind(name=name, title="RPC key", shape=_TOKEN_SHAPE, has_shape=_matches(_TOKEN))
    return _BY_NAME.get(name)


def known_name(variable: str) -> str | None:
    """The secret that an environment variable of this name holds: its exact name or that in capitals."""
    if kind_of(variable) is not None:
        return variable
    return _BY_UPPER.get(variable)


def remember_forms(name: str, secret: Secret) -> None:
    """Have other spellings of the value scrubbed from logs too: a hex key without its 0x, in either case."""
    kind = kind_of(name)
    if kind is not None and kind.wallet == "evm":
        digits = secret.reveal().removeprefix("0x")
        for each in (digits.lower(), digits.upper()):
            remember(each)


def is_name(name: str) -> bool:
    """Whether a secret may be called so: a letter, then letters, digits and _ . : -, at most 128."""
    return NAME.fullmatch(name) is not None


def shape_problem(name: str, secret: Secret) -> str:
    """ "" if the value looks as it must, else what was expected. It never quotes the value.

    It returns text rather than raise, so that no frame of a traceback holds the value.
    """
    value = secret.reveal()
    if not value:
        return f"{name} is empty"
    if len(value) > VALUE_CHARS_MAX:
        return f"{name}: expected at most {VALUE_CHARS_MAX} characters, found {len(value)}"
    if any(ord(character) < 32 and character != "\n" for character in value):
        return f"{name}: expected text without control characters, found one"
    kind = kind_of(name)
    if kind is None or kind.has_shape(value):
        return ""
    return f"{name}: expected {kind.shape}; the {len(value)} characters found are not that"
