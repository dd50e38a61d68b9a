"""Asks Binance what an API key may do, and refuses one that may move money out.

`GET /sapi/v1/account/apiRestrictions` (signed, weight 1; Wallet API, checked 2026). A kernel that trades needs no right
to withdraw or transfer, and a stolen key without them cannot simply empty the account.
"""

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from adapters.binance.request_signing import RequestSigning
from bus.clock import NS_PER_MS, Clock
from kernel.errors import BadWire, FeedError, VenueRefused
from kernel.secrets.redaction import redact

PATH = "/sapi/v1/account/apiRestrictions"
RECEIVE_WINDOW_MS = 5_000
TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 65_536  #: the real one has 600
SHOWN_CHARS_MAX = 120

_FORBIDDEN = {
    "enable_withdrawals": "Enable Withdrawals",
    "enable_internal_transfer": "Permits Internal Transfer",
    "permits_universal_transfer": "Permits Universal Transfer",
}


class KeyPermissions(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer. Rights that move money out must be said to be off; a key that leaves one unsaid is refused."""

    ip_restrict: bool = False
    enable_withdrawals: bool | None = None
    enable_internal_transfer: bool | None = None
    permits_universal_transfer: bool | None = None
    enable_reading: bool = False
    enable_spot_and_margin_trading: bool = False
    enable_futures: bool = False


class _Refusal(Struct, frozen=True):
    code: int = 0
    msg: str = ""


async def ask_permissions(
    session: aiohttp.ClientSession, base_url: str, signing: RequestSigning, clock: Clock
) -> KeyPermissions:
    """What the key may do. Raises VenueRefused, FeedError (try again) or BadWire."""
    query = signing.signed_query({"recvWindow": str(RECEIVE_WINDOW_MS), "timestamp": str(clock.now_ns() // NS_PER_MS)})
    url = URL(f"{base_url.rstrip('/')}{PATH}?{query}", encoded=True)  # exactly what was signed
    try:
        async with session.get(
            url, headers=signing.headers(), allow_redirects=False, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
        ) as answer:
            body = await answer.content.read(ANSWER_BYTES_MAX + 1)
            while len(body) <= ANSWER_BYTES_MAX and (more := await answer.content.read(ANSWER_BYTES_MAX)):
                body += more
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise FeedError(f"binance did not answer {PATH}: {redact(str(error)) or type(error).__name__}") from None
    if len(body) > ANSWER_BYTES_MAX:
        raise BadWire(f"binance {PATH}: expected at most {ANSWER_BYTES_MAX} bytes")
    if status != 200:
        raise _refused(status, body)
    try:
        return msgspec.json.decode(body, type=KeyPermissions)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadWire(f"binance {PATH}: {error}") from error


def judge_permissions(permissions: KeyPermissions) -> list[str]:
    """Warnings for people. Raises VenueRefused for a key that may move money out, or may not say so."""
    found = []
    for field, label in _FORBIDDEN.items():
        value = getattr(permissions, field)
        if value is None:
            found.append(f"whether {label!r} is on is not told")
        elif value:
            found.append(f"{label!r} is on")
    if found:
        raise VenueRefused(
            f"this Binance key is refused: {', '.join(found)}. Make a key without these rights: trading needs none of "
            "them, and whoever steals the key could empty the account"
        )
    warnings = []
    if not permissions.ip_restrict:
        warnings.append("this Binance key works from any address; restrict it to the kernel's own")
    if not permissions.enable_reading:
        warnings.append("this Binance key may not read the account")
    return warnings


def _refused(status: int, body: bytes) -> VenueRefused | FeedError:
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        refusal = _Refusal()
    shown = redact(refusal.msg)[:SHOWN_CHARS_MAX]
    if status in (418, 429) or status >= 500:
        return FeedError(f"binance {PATH}: status {status}, code {refusal.code} {shown!r}; try again later")
    return VenueRefused(
        f"binance {PATH}: status {status}, code {refusal.code} {shown!r}; check the key, its secret, the allowed "
        "addresses and the clock"
    )
