"""One-time codes of an authenticator app: RFC 6238 with SHA-1, 30 s, six digits, as every app makes them."""

import base64
import binascii
import hashlib
import hmac

from bus.clock import NS_PER_S
from kernel.errors import ConfigError
from kernel.secrets.secret import Secret

STEP_S = 30
DIGITS = 6
STEPS_ASIDE = 1  #: clocks differ; RFC 6238 section 5.2 recommends one step
KEY_BYTES_MIN = 10  #: 80 bits, what the apps' own keys have at least (RFC 4226 asks for 128)


class Totp:
    """Checks codes; each step's code works once, also after a restart if `used_step` is kept."""

    def __init__(self, secret: Secret, used_step: int = 0) -> None:
        """`secret` in base32, with or without spaces and padding. Raises `ConfigError`, which does not quote it."""
        text = secret.reveal().replace(" ", "").replace("-", "").rstrip("=").upper()
        try:
            self._key = base64.b32decode(text + "=" * (-len(text) % 8))
        except (binascii.Error, ValueError):
            raise ConfigError("TELEGRAM_TOTP_SECRET: expected base32 (A-Z, 2-7), found other characters") from None
        if len(self._key) < KEY_BYTES_MIN:
            raise ConfigError(f"TELEGRAM_TOTP_SECRET: expected at least {KEY_BYTES_MIN} bytes, found {len(self._key)}")
        self.used_step = used_step

    def code_at(self, step: int) -> str:
        """The code of a step (RFC 4226 section 5.3)."""
        digest = hmac.new(self._key, step.to_bytes(8, "big"), hashlib.sha1).digest()
        offset = digest[-1] & 0x0F
        number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
        return f"{number % 10**DIGITS:0{DIGITS}d}"

    def accept(self, code: str, now_ns: int) -> bool:
        """Whether the code is of now or the neighbouring steps, and newer than any that was accepted."""
        now_step = now_ns // (STEP_S * NS_PER_S)
        found = 0
        for step in range(max(0, now_step - STEPS_ASIDE), now_step + STEPS_ASIDE + 1):
            is_equal = hmac.compare_digest(self.code_at(step).encode(), code.encode())
            if is_equal and step > self.used_step:
                found = step
        if found:
            self.used_step = found
        return bool(found)
