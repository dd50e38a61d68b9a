"""Forbidden addresses are not connected to, by whatever name or notation they come."""

import asyncio
import socket

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rpc.address_guard import AddressGuard
from adapters.rpc.session import guarded_session
from kernel.rpc.rpc_errors import AddressRefused, RpcUnavailable
from kernel.secrets.secret import Secret
from tests.adapters.rpc.fleet import Fleet, Node

NEVER = [
    "169.254.169.254", "169.254.0.1", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1", "::169.254.169.254", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255", "240.0.0.1",
    "100.100.100.200", "fe80::1%eth0", "192.0.0.192", "168.63.129.16",
]  # fmt: skip
OWN = ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "fd00::1", "::ffff:10.0.0.1", "100.64.0.1"]
PUBLIC = ["1.1.1.1", "2606:4700::1111", "8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("are_private_allowed", [True, False])
@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_link_local_are_never_allowed(address: str, are_private_allowed: bool) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard(are_private_allowed=are_private_allowed).check(address)


@pytest.mark.parametrize("address", OWN)
def test_own_networks_are_allowed_where_the_profile_says_so(address: str) -> None:
    AddressGuard(are_private_allowed=True).check(address)
    with pytest.raises(AddressRefused, match="loopback or private"):
        AddressGuard(are_private_allowed=False).check(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    AddressGuard(are_private_allowed=False).check(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_ipv6_clothes(address: object) -> None:
    guard = AddressGuard(are_private_allowed=False)

    def verdict(text: str) -> bool:
        try:
            guard.check(text)
        except AddressRefused:
            return False
        return True

    assert verdict(str(address)) == verdict(f"::ffff:{address}")


class Rebinding(aiohttp.abc.AbstractResolver):
    """A name server that answers with an address of the caller's choice."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        return [
            aiohttp.abc.ResolveResult(
                hostname=host, host=self.address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        return None


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1"])
async def test_a_public_name_that_resolves_to_a_forbidden_address_is_not_connected_to(address: str) -> None:
    async with guarded_session(AddressGuard(are_private_allowed=False)) as session:
        connector = session.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        connector._resolver = Rebinding(address)
        with pytest.raises(AddressRefused):
            await session.get("http://rebind.example/")
        with pytest.raises(AddressRefused):
            await session.ws_connect("ws://rebind.example/")


async def test_a_typed_address_is_checked_too_and_a_redirect_is_not_followed() -> None:
    node = await Node(fault="redirect").start()
    async with guarded_session(AddressGuard(are_private_allowed=False)) as session:
        with pytest.raises(AddressRefused):
            await session.get(node.url)
        assert node.seen == []
    async with guarded_session(AddressGuard(are_private_allowed=True)) as session:
        with pytest.raises(AddressRefused, match="redirect"):
            await session.post(node.url, json={"id": 1, "method": "eth_chainId", "params": []})
    await node.stop()


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://[::ffff:a9fe:a9fe]/", "http://0x7f.1/"])
async def test_the_pool_says_that_an_address_is_refused(url: str) -> None:
    async with Fleet(Node(), runs_checks=False) as fleet:
        (spec,) = fleet.endpoints()
        fleet.pool.replace([type(spec)(provider_type=spec.provider_type, label="evil", url=Secret(url))])
        with pytest.raises(RpcUnavailable):
            await fleet.balance(timeout_s=0.4)
    await asyncio.sleep(0)
