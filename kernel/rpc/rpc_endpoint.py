"""One endpoint as it is configured: by a row of `rpc_api_pool`, or by a URL of the environment."""

from typing import Literal

from msgspec import Struct

from kernel.errors import ConfigError
from kernel.rpc.rpc_providers import PROVIDER_TYPES
from kernel.rpc.rpc_url import LABEL, check_url
from kernel.secrets.secret import Secret

PRIORITY_MAX = 1_000
WEIGHT_MIN, WEIGHT_MAX = 0.01, 100.0
RATE_PER_S_MIN, RATE_PER_S_MAX = 0.01, 100_000.0
BURST_MAX = 100_000
RATE_PER_S = 10.0  #: below the free plans of the large providers (15 to 25 a second in 2026)
BURST = 20

Source = Literal["database", "environment", "default"]


class RpcEndpoint(Struct, frozen=True, kw_only=True):
    """Identity is (`provider_type`, `label`). The lower `priority` is asked first; `weight` divides a score.

    `url` may hold `{KEY}`. `rate_per_s` and `burst`: requests that we allow ourselves.
    """

    provider_type: str
    label: str
    url: Secret
    priority: int = 100
    weight: float = 1.0
    rate_per_s: float = RATE_PER_S
    burst: int = BURST
    is_enabled: bool = True
    source: Source = "database"

    @property
    def key(self) -> tuple[str, str]:
        """What names it."""
        return (self.provider_type, self.label)


def check_endpoint(endpoint: RpcEndpoint) -> None:
    """Raises `ConfigError` naming the field that is out of bounds; every endpoint from outside goes through here."""
    known = PROVIDER_TYPES.get(endpoint.provider_type)
    if known is None:
        raise ConfigError(
            f"provider_type: expected one of {', '.join(sorted(PROVIDER_TYPES))}, found {endpoint.provider_type[:40]!r}"
        )
    if not LABEL.fullmatch(endpoint.label):
        raise ConfigError(
            "label: expected 1 to 120 letters, digits or ._:/#-, beginning with a letter or digit, "
            f"found {endpoint.label[:40]!r}"
        )
    where = f"endpoint {endpoint.label} of {endpoint.provider_type}"
    check_url(endpoint.url.reveal(), known.transport, f"{where}: url")
    bounds: tuple[tuple[str, float, float, float], ...] = (
        ("priority", endpoint.priority, 0, PRIORITY_MAX),
        ("weight", endpoint.weight, WEIGHT_MIN, WEIGHT_MAX),
        ("rate_per_s", endpoint.rate_per_s, RATE_PER_S_MIN, RATE_PER_S_MAX),
        ("burst", endpoint.burst, 1, BURST_MAX),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            raise ConfigError(f"{where}: {name}: expected {least:g} to {most:g}, found {value!r}")
