"""Which addresses may be connected to. Asked with the address itself at the moment of connecting, so that a name which
resolves differently a second time (DNS rebinding) gains nothing.

Always refused: link-local with the clouds' metadata services, multicast, unspecified, reserved. Loopback and private
networks (a node of one's own) only where the run allows them.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from kernel.rpc.rpc_errors import AddressRefused

Address = IPv4Address | IPv6Address

METADATA = frozenset({
    ip_address("169.254.169.254"), ip_address("169.254.170.2"), ip_address("fd00:ec2::254"),
    ip_address("fd20:ce::254"), ip_address("100.100.100.200"), ip_address("192.0.0.192"), ip_address("168.63.129.16"),
})  # fmt: skip
#: A node of one's own stands here: loopback, private networks, carrier networks (also used by overlay VPNs).
PRIVATE = tuple(
    ip_network(each)
    for each in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")
_LOW_32 = 0xFFFF_FFFF


class AddressGuard:
    """`are_private_allowed`: loopback, private and carrier networks too; metadata services never."""

    def __init__(self, *, are_private_allowed: bool) -> None:
        self.are_private_allowed = are_private_allowed

    def check(self, text: str) -> None:
        """Raises `AddressRefused` unless this IP address may be connected to."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            raise AddressRefused(f"expected an IP address to connect to, found {text[:60]!r}") from None
        for each in _meant(address):
            self._check(each)

    def _check(self, address: Address) -> None:
        if address in METADATA or address.is_link_local:
            raise AddressRefused(f"address {address} is link-local or a metadata service: never connected to")
        if address.is_multicast or address.is_unspecified:
            raise AddressRefused(f"address {address} is no address of a host: never connected to")
        if address.is_global:
            return
        if not any(address in each for each in PRIVATE):
            raise AddressRefused(f"address {address} is reserved for special use: never connected to")
        if not self.are_private_allowed:
            raise AddressRefused(
                f"address {address} is loopback or private: this profile connects to public addresses alone"
            )

    def make_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """For aiohttp: the socket of an address that was looked up, or typed as a number."""
        family, kind, protocol, _, place = info
        self.check(place[0])
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def _meant(address: Address) -> list[Address]:
    """The address, and the IPv4 address that an IPv6 one stands for."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    inner: IPv4Address | None = address.sixtofour
    if inner is None and address.teredo is not None:
        inner = address.teredo[1]
    is_translated = any(address in each for each in _NAT64)
    if is_translated or (address in _COMPATIBLE and int(address) > 1):
        inner = IPv4Address(int(address) & _LOW_32)
    return [inner] if is_translated and inner is not None else [address, *([inner] if inner is not None else [])]
