"""Guarded HTTP sessions: the only way in which this program opens HTTP or WebSocket connections.

Every address is checked as it is connected to, redirects are refused, no proxy or password file of the environment is
read, cookies are not kept. Adapters that speak to services other than RPC nodes take such a session.
"""

import asyncio

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from adapters.rpc.address_guard import AddressGuard
from kernel.rpc.rpc_errors import AddressRefused

CONNECTIONS_MAX = 200  #: of a session; file descriptors are few
CONNECTIONS_PER_HOST_MAX = 50
CONNECT_TIMEOUT_S = 5.0
TOTAL_TIMEOUT_S = 30.0
DNS_CACHE_S = 30
REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})


class RedirectRefused(AddressRefused):
    """The server sent us elsewhere."""


async def _refuse_redirect(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    response = await handler(request)
    if response.status in REDIRECTS:
        response.close()
        raise RedirectRefused(f"answered with a redirect ({response.status}): set the final URL instead")
    return response


def guarded_session(
    guard: AddressGuard, *, connect_timeout_s: float = CONNECT_TIMEOUT_S, total_timeout_s: float = TOTAL_TIMEOUT_S
) -> aiohttp.ClientSession:
    """A session of its own; call it inside the running loop and close it. Single requests may set other timeouts."""
    asyncio.get_running_loop()
    connector = aiohttp.TCPConnector(
        limit=CONNECTIONS_MAX,
        limit_per_host=CONNECTIONS_PER_HOST_MAX,
        ttl_dns_cache=DNS_CACHE_S,
        socket_factory=guard.make_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=total_timeout_s, connect=connect_timeout_s, sock_connect=connect_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        middlewares=(_refuse_redirect,),
        headers={"User-Agent": "kernel"},
    )
