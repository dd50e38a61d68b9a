"""Which addresses a webhook may reach: a URL in the settings must not become a way into the machine's own network.

Checked twice: the URL's own text, and every address that its name resolves to, at the moment of connecting, so that a
name which changes its mind in between gains nothing.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from kernel.errors import ConfigError
from kernel.redaction import redact_url

URL_CHARS_MAX = 2_000
SCHEMES = ("https", "http")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_SHARED = ipaddress.ip_network("100.64.0.0/10")
#: Where clouds keep credentials for whoever asks; never reached, whatever the settings say. The third, 169.254.169.254,
#: is link-local.
_METADATA = (ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class TargetRefused(OSError):
    """An address that a webhook may not reach."""


def is_allowed(text: str, *, is_private_allowed: bool) -> bool:
    """Whether this address (text of an IP) may be reached."""
    address = _inner(ipaddress.ip_address(text.partition("%")[0]))
    if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address.is_loopback or address.is_private or (address.version == 4 and address in _SHARED):
        return is_private_allowed
    return address.is_global and not address.is_reserved


def _inner(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


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
        allowed = is_allowed(host, is_private_allowed=is_private_allowed)
    except ValueError:  # a name: judged when it is resolved
        return host
    if not allowed:
        raise ConfigError(f"webhook_urls: {host} is {_why(is_private_allowed)}")
    return host


def _why(is_private_allowed: bool) -> str:
    if is_private_allowed:
        return "an address that is never allowed (link-local, metadata, multicast)"
    return "not a public address; webhook_private_enabled allows this machine and the local network"


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses those of which any address may not be reached."""

    def __init__(self, *, is_private_allowed: bool, inner: AbstractResolver | None = None) -> None:
        self._is_private_allowed = is_private_allowed
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises `TargetRefused`."""
        if self._inner is None:
            self._inner = ThreadedResolver()
        found = await self._inner.resolve(host, port, family)
        if not all(is_allowed(each["host"], is_private_allowed=self._is_private_allowed) for each in found):
            raise TargetRefused(f"{host} is {_why(self._is_private_allowed)}")
        return found

    async def close(self) -> None:
        """Close the resolver inside."""
        if self._inner is not None:
            await self._inner.close()
