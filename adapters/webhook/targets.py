"""Which addresses a webhook may reach: a URL in the settings must not become a way into the machine's own network.

Checked twice: the URL's own text here, and by the session the address that is connected to, so that a name which
changes its mind in between gains nothing.
"""

import ipaddress
from urllib.parse import urlsplit

from adapters.rpc.address_guard import AddressGuard
from kernel.errors import ConfigError
from kernel.rpc.rpc_errors import AddressRefused
from kernel.secrets.redaction import redact_url

URL_CHARS_MAX = 2_000
SCHEMES = ("https", "http")


def check_url(url: str, *, is_private_allowed: bool) -> str:
    """The URL's host. Raises `ConfigError` for a URL that may not be used, which quotes no secret."""
    shown = redact_url(url)[:200]
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError(f"webhook_urls: expected a URL, found {shown!r}") from None
    if parts.scheme not in SCHEMES or not host or len(url) > URL_CHARS_MAX:
        raise ConfigError(f"webhook_urls: expected an https:// or http:// URL with a host, found {shown!r}")
    if "@" in parts.netloc:
        raise ConfigError(f"webhook_urls: {shown!r} holds a user or password; use secret:NAME for a whole secret URL")
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:  # a name: judged when it is connected to
        return host
    try:
        AddressGuard(are_private_allowed=is_private_allowed).check(host)
    except AddressRefused as error:
        hint = "" if is_private_allowed else "; webhook_private_enabled allows this machine and the local network"
        raise ConfigError(f"webhook_urls: {error}{hint}") from None
    return host
