import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from webui.origin import client_address, host_name, is_foreign_read, is_same_origin, rate_key


def address(headers: list[tuple[str, str]], is_behind_proxy: bool, peer: str = "10.0.0.1") -> str:
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
    return client_address({"client": (peer, 1), "headers": raw}, Headers(raw=raw), is_behind_proxy)


def test_forwarded_addresses_count_only_behind_our_proxy_and_only_its_own_hop() -> None:
    forged = [("x-forwarded-for", "1.1.1.1, 2.2.2.2"), ("x-forwarded-for", "3.3.3.3,4.4.4.4")]
    assert address(forged, is_behind_proxy=False) == "10.0.0.1"
    assert address(forged, is_behind_proxy=True) == "4.4.4.4"
    for wrong in ("", "1.1.1.1, evil", "1.1.1.1,", "4.4.4.4:80", "<script>"):
        assert address([("x-forwarded-for", wrong)], is_behind_proxy=True) == "10.0.0.1"


def test_an_ipv6_customer_is_one_key() -> None:
    assert rate_key("2001:db8:1:2:aaaa::1") == rate_key("2001:db8:1:2:bbbb::2") != rate_key("2001:db8:1:3::1")
    assert rate_key("1.2.3.4") == "1.2.3.4"
    assert rate_key("unknown") == "unknown"


@pytest.mark.parametrize(
    "origin", ["null", "", "http://[", "https://evil.example", "https://h.example.evil", "file://"]
)
def test_another_origin_is_another_site(origin: str) -> None:
    assert not is_same_origin(Headers({"origin": origin}), "h.example", is_tls=False)


def test_behind_tls_a_page_without_tls_is_another_site() -> None:
    assert is_same_origin(Headers({"origin": "http://h.example"}), "h.example", is_tls=False)
    assert not is_same_origin(Headers({"origin": "http://h.example"}), "h.example", is_tls=True)
    assert is_same_origin(Headers({"origin": "https://H.example"}), "h.EXAMPLE", is_tls=True)


@pytest.mark.parametrize(
    ("path", "site", "mode", "is_foreign"),
    [
        ("/", "cross-site", "navigate", False),
        ("/", "cross-site", "no-cors", True),
        ("/", "none", "navigate", False),
        ("/data/equity", "cross-site", "navigate", True),
        ("/api/v1/x", "same-site", "cors", True),
        ("/data/equity", "same-origin", "cors", False),
        ("/x/trades.csv", "cross-site", "navigate", True),
        ("/stream", "same-site", "cors", True),
        ("/metrics", "cross-site", "navigate", True),
    ],
)
def test_what_another_site_may_read(path: str, site: str, mode: str, is_foreign: bool) -> None:
    assert is_foreign_read(Headers({"sec-fetch-site": site, "sec-fetch-mode": mode}), path) is is_foreign


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_breaks_it(one: str, other: str) -> None:
    host_name(one)
    rate_key(one)
    is_same_origin(Headers({"origin": "x"}), one, is_tls=True)
    address([("x-forwarded-for", one)], is_behind_proxy=True, peer=other)
