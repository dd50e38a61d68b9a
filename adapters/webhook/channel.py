"""One URL as a channel of alerts: POST, signed, no redirects, nothing read of the answer but its status.

    X-Kernel-Timestamp: 1700000000
    X-Kernel-Signature: v1=<hex of HMAC-SHA256(key, timestamp "." body)>

A receiver compares the signature in constant time and refuses a timestamp that is minutes off.
"""

import hashlib
import hmac
import secrets

import aiohttp

from adapters.rpc.address_guard import AddressGuard
from adapters.rpc.session import RedirectRefused, guarded_session
from adapters.webhook.bodies import STYLES, bodies_of
from adapters.webhook.targets import check_url
from bus.clock import NS_PER_S, Clock
from kernel.alerts.channel import SendLater
from kernel.alerts.message import Message
from kernel.errors import ConfigError, FeedError, VenueRefused
from kernel.rpc.rpc_errors import AddressRefused
from kernel.secrets.secret import Secret

TIMEOUT_S = 10.0
PAUSE_S_DEFAULT = 30.0  #: for a 429 that does not say how long
PAUSE_DIGITS_MAX = 6
LATER = (408, 425, 429)
KEY_BYTES_MIN = 16


class WebhookChannel:
    """Implements `kernel.alerts.channel.Channel` over a guarded session of its own."""

    def __init__(
        self,
        url: Secret,
        clock: Clock,
        *,
        number: int,
        style: str = "json",
        signing_key: Secret | None = None,
        is_private_allowed: bool = False,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """`number` tells channels of one host apart. Raises `ConfigError` for a URL, style or key that may not be."""
        host = check_url(url.reveal(), is_private_allowed=is_private_allowed)
        if style not in STYLES:
            raise ConfigError(f"webhook_style: expected one of {', '.join(STYLES)}, found {style!r}")
        if signing_key is not None and len(signing_key.reveal().encode()) < KEY_BYTES_MIN:
            raise ConfigError(f"WEBHOOK_SIGNING_KEY: expected at least {KEY_BYTES_MIN} bytes, found fewer")
        self._url = url
        self._name = f"webhook:{number}:{host}"
        self._clock = clock
        self._style = style
        self._key = signing_key
        self._timeout_s = timeout_s
        self._guard = AddressGuard(are_private_allowed=is_private_allowed)
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        return self._name

    def parts(self, message: Message) -> tuple[str, ...]:
        """Bodies; a delivery keeps its id over all tries."""
        return bodies_of(message, self._style, secrets.token_hex(16))

    async def send(self, part: str) -> None:
        """POST one body. Raises `FeedError`, `SendLater`, `VenueRefused` or `ConfigError`."""
        if self._session is None or self._session.closed:
            self._session = guarded_session(self._guard)
        try:
            async with self._session.post(
                self._url.reveal(),
                data=part.encode(),
                headers=self._headers(part),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                allow_redirects=False,
            ) as response:
                status, after = response.status, response.headers.get("retry-after", "")
        except TimeoutError:
            raise FeedError(f"{self._name}: no answer within {self._timeout_s:g} s") from None
        except RedirectRefused:
            raise VenueRefused(f"{self._name}: redirects are not followed; give the final URL") from None
        except AddressRefused as error:
            raise ConfigError(f"{self._name}: {error}") from None
        except aiohttp.ClientConnectorError:
            raise FeedError(f"{self._name}: cannot connect") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FeedError(f"{self._name}: {type(error).__name__}") from None
        self._judge(status, after)

    def _headers(self, body: str) -> dict[str, str]:
        timestamp = str(self._clock.now_ns() // NS_PER_S)
        headers = {
            "content-type": "application/json",
            "user-agent": "trading-kernel",
            "x-kernel-timestamp": timestamp,
        }
        if self._key is not None:
            headers["x-kernel-signature"] = sign(self._key, timestamp, body)
        return headers

    def _judge(self, status: int, after: str) -> None:
        if 200 <= status < 300:
            return
        told = f"{self._name}: HTTP {status}"
        if status in LATER:
            is_number = after.isascii() and after.isdigit() and len(after) <= PAUSE_DIGITS_MAX
            raise SendLater(told, float(after) if is_number else PAUSE_S_DEFAULT)
        if 400 <= status < 500:
            raise VenueRefused(told)
        raise FeedError(told)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def sign(key: Secret, timestamp: str, body: str) -> str:
    """The signature header of a body that is sent at `timestamp` (seconds, text)."""
    digest = hmac.new(key.reveal().encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"v1={digest}"
