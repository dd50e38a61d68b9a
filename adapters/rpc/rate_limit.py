"""What a "too many requests" looks like, and for how long a node wants to be left alone."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from bus.clock import NS_PER_S

RETRY_AFTER_S_MAX = 3_600.0  #: a longer wish is cut: an endpoint must not be able to switch itself off for ever
#: -32005 EIP-1474 (Infura and others; on Solana it means "node is behind"), -32029 and -32097 generic gateways,
#: -32007 QuickNode, -32016 and -32090 public gateways, -32605 and -32607 BlockVision, 429 where the HTTP status is
#: repeated inside (Alchemy). Solana's own -32016 is "minimum context slot not reached". Checked 2026-11.
CODES_EVM = frozenset({429, -32005, -32007, -32016, -32029, -32090, -32097, -32605, -32607})
CODES_OTHER = frozenset({429, -32029, -32090, -32097, -32429})
WORDS = ("rate limit", "ratelimit", "too many requests", "compute units per second", "request limit", "throttled")


def is_rate_limit(family: str, code: int, message: str) -> bool:
    """Whether a JSON-RPC error means that we asked too often."""
    if code in (CODES_EVM if family == "evm" else CODES_OTHER):
        return True
    lowered = message[:400].lower()
    return code < 0 and any(word in lowered for word in WORDS)


def retry_after_s(header: str | None, now_ns: int) -> float | None:
    """Seconds of a Retry-After header (a number, or an HTTP date), 0 to one hour; None = absent or unreadable."""
    if header is None:
        return None
    text = header.strip()[:64]
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return min(float(text), RETRY_AFTER_S_MAX)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        wait_s = moment.timestamp() - now_ns / NS_PER_S
    except (OverflowError, ValueError):
        return None
    return min(max(wait_s, 0.0), RETRY_AFTER_S_MAX)
