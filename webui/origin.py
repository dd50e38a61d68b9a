"""Where a request comes from: the host it names, the site that sent it, the address behind a proxy."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

OURS = ("same-origin", "none")  #: values of Sec-Fetch-Site that are our own pages, or the user's typing
IPV6_RATE_PREFIX = 64  #: one customer usually has that many addresses


def host_name(host: str) -> str:
    """A Host header without its port, in lower case; brackets of IPv6 stay."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def is_same_origin(headers: Headers, host: str, is_tls: bool) -> bool:
    """Whether an unsafe request comes from our own page. Programs that send neither header pass; browsers send one."""
    if headers.get("sec-fetch-site", "same-origin") not in OURS:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.netloc.lower() == host.lower() and (not is_tls or parts.scheme == "https")


def is_foreign_read(headers: Headers, path: str) -> bool:
    """Whether another site makes the browser fetch something it has no business with: data, or a page as a resource.

    A link that is clicked elsewhere (a navigation to a page) is fine.
    """
    if headers.get("sec-fetch-site", "none") in OURS:
        return False
    is_data = path.startswith("/data/") or path.endswith((".csv", "/stream", "/signal"))
    return is_data or is_for_programs(path) or headers.get("sec-fetch-mode", "navigate") != "navigate"


def is_for_programs(path: str) -> bool:
    """Whether API tokens are good here, and errors are meant for programs."""
    return path == "/metrics" or path.startswith("/api/")


def client_address(scope: Scope, headers: Headers, is_behind_proxy: bool) -> str:
    """The peer's address; behind our proxy the right-most hop of X-Forwarded-For, the one that the proxy itself saw."""
    peer = scope["client"][0] if scope.get("client") else "unknown"
    if is_behind_proxy:
        hops = headers.getlist("x-forwarded-for")
        last = hops[-1].rpartition(",")[2].strip() if hops else ""
        try:
            return str(ipaddress.ip_address(last))
        except ValueError:
            return peer
    return peer


def rate_key(address: str) -> str:
    """What a rate is counted by: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, IPV6_RATE_PREFIX), strict=False))
