"""A key that may move money out is refused; the question is signed so that a real server accepts it."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import aiohttp
import msgspec
import pytest
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from adapters.binance.permissions import ANSWER_BYTES_MAX, PATH, KeyPermissions, ask_permissions, judge_permissions
from adapters.binance.request_signing import RequestSigning
from bus.clock import NS_PER_MS, ManualClock
from kernel.errors import BadWire, FeedError, VenueRefused
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret

API_KEY, HMAC_SECRET = "A" * 64, "b" * 64
ED25519, RSA = ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)
NOW_MS = 1_700_000_000_123
SAFE = {
    "ipRestrict": True, "createTime": 1, "enableReading": True, "enableWithdrawals": False,
    "enableInternalTransfer": False, "permitsUniversalTransfer": False, "enableSpotAndMarginTrading": True,
}  # fmt: skip


def pem(key: Any, encryption: Any = None) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode())


class Exchange:
    """Answers like the venue: the signature first, then the two-sided rule about time."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] | bytes = SAFE
        self.status = 200
        self.verify = self.verify_hmac
        self.asked = 0
        self.url = ""

    @staticmethod
    def verify_hmac(payload: bytes, signature: str) -> bool:
        return hmac.compare_digest(hmac.new(HMAC_SECRET.encode(), payload, hashlib.sha256).hexdigest(), signature)

    @staticmethod
    def verify_ed25519(payload: bytes, signature: str) -> bool:
        try:
            ED25519.public_key().verify(base64.b64decode(signature), payload)
        except InvalidSignature:
            return False
        return True

    @staticmethod
    def verify_rsa(payload: bytes, signature: str) -> bool:
        try:
            RSA.public_key().verify(base64.b64decode(signature), payload, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        if request.headers.get("X-MBX-APIKEY") != API_KEY:
            return web.json_response({"code": -2014, "msg": "API-key format invalid."}, status=401)
        payload, _, signature = request.raw_path.partition("?")[2].rpartition("&signature=")
        if not self.verify(payload.encode(), unquote(signature)):
            return web.json_response({"code": -1022, "msg": "Signature for this request is not valid."}, status=400)
        behind_ms = NOW_MS - int(request.query["timestamp"])
        if not -1_000 < behind_ms <= int(request.query["recvWindow"]):
            return web.json_response({"code": -1021, "msg": "Timestamp outside of the recvWindow."}, status=400)
        if isinstance(self.answer, bytes):
            return web.Response(body=self.answer, status=self.status, headers={"Location": "/elsewhere"})
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    made = Exchange()
    application = web.Application()
    application.router.add_get(PATH, made.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    yield made
    await runner.cleanup()


async def ask(exchange: Exchange, secret: str = HMAC_SECRET, *, key: str = API_KEY, now_ms: int = NOW_MS) -> Any:
    signing = RequestSigning(Secret(key), Secret(secret))
    async with aiohttp.ClientSession() as session:
        return await ask_permissions(session, exchange.url + "/", signing, ManualClock(now_ms * NS_PER_MS))


async def test_every_kind_of_key_signs_what_the_server_verifies(exchange: Exchange) -> None:
    for secret, verify in (
        (HMAC_SECRET, exchange.verify_hmac),
        (pem(ED25519), exchange.verify_ed25519),
        (pem(RSA), exchange.verify_rsa),
    ):
        exchange.verify = verify
        assert judge_permissions(await ask(exchange, secret)) == []
        with pytest.raises(VenueRefused, match="code -1022"):
            await ask(exchange, "c" * 64)


def test_the_signature_is_that_of_the_documentation() -> None:
    """Example of binance-spot-api-docs: SIGNED endpoint, HMAC, all in the query string."""
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    parameters = {
        "symbol": "LTCBTC", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "0.1",
        "recvWindow": "5000", "timestamp": "1499827319559",
    }  # fmt: skip
    query = RequestSigning(Secret(API_KEY), Secret(secret)).signed_query(parameters)
    assert query.endswith("&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71")


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("enableWithdrawals", "Enable Withdrawals"),
        ("enableInternalTransfer", "Permits Internal Transfer"),
        ("permitsUniversalTransfer", "Permits Universal Transfer"),
    ],
)
async def test_a_key_that_may_move_money_out_or_does_not_say_is_refused(
    exchange: Exchange, field: str, label: str
) -> None:
    exchange.answer = SAFE | {field: True}
    with pytest.raises(VenueRefused, match=f"this Binance key is refused: '{label}' is on. Make a key without"):
        judge_permissions(await ask(exchange))
    exchange.answer = {key: value for key, value in SAFE.items() if key != field}
    with pytest.raises(VenueRefused, match=f"whether '{label}' is on is not told"):
        judge_permissions(await ask(exchange))


async def test_a_key_for_every_address_is_warned_about(exchange: Exchange) -> None:
    exchange.answer = SAFE | {"ipRestrict": False}
    assert judge_permissions(await ask(exchange)) == [
        "this Binance key works from any address; restrict it to the kernel's own"
    ]


async def test_a_wrong_key_or_clock_is_told_in_words(exchange: Exchange) -> None:
    with pytest.raises(VenueRefused, match=r"status 401, code -2014 'API-key format invalid\.'; check the key"):
        await ask(exchange, key="Z" * 64)
    with pytest.raises(VenueRefused, match="code -1021"):
        await ask(exchange, now_ms=NOW_MS + 2_000)


@pytest.mark.parametrize("status", [418, 429, 500, 503])
async def test_what_may_pass_is_to_be_tried_again(exchange: Exchange, status: int) -> None:
    exchange.status = status
    exchange.answer = b"<html>"
    with pytest.raises(FeedError, match=f"status {status}"):
        await ask(exchange)


async def test_a_redirect_is_not_followed_with_the_key(exchange: Exchange) -> None:
    exchange.status, exchange.answer = 302, b""
    with pytest.raises(VenueRefused, match="status 302"):
        await ask(exchange)
    assert exchange.asked == 1


@pytest.mark.parametrize("answer", [b"", b"[]", b"{", b'{"enableWithdrawals": "no"}', b" " * (ANSWER_BYTES_MAX + 1)])
async def test_an_answer_that_is_none_is_refused(exchange: Exchange, answer: bytes) -> None:
    exchange.answer = answer
    with pytest.raises(BadWire):
        await ask(exchange)


async def test_a_message_that_quotes_the_secret_is_scrubbed(exchange: Exchange) -> None:
    exchange.status, exchange.answer = 400, {"code": -1, "msg": f"bad {HMAC_SECRET}"}
    with pytest.raises(VenueRefused) as found:
        await ask(exchange)
    assert HMAC_SECRET not in str(found.value)


async def test_a_server_that_is_away_is_to_be_tried_again_and_the_url_hides_the_signature() -> None:
    signing = RequestSigning(Secret(API_KEY), Secret(HMAC_SECRET))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(FeedError, match="did not answer") as found:
            await ask_permissions(session, "http://127.0.0.1:1", signing, ManualClock(1))
    assert "signature" not in str(found.value)


def test_another_kind_of_key_is_refused_without_leaving_it_in_a_traceback() -> None:
    for text in (
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(ED25519, BestAvailableEncryption(b"x")),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    ):
        with pytest.raises(BadSecret, match="binance_api_secret: expected") as found:
            RequestSigning(Secret(API_KEY), Secret(text))
        assert found.value.__context__ is None
    assert repr(RequestSigning(Secret(API_KEY), Secret(HMAC_SECRET))) == "RequestSigning(***)"


def test_fields_are_read_by_their_wire_names() -> None:
    assert msgspec.json.decode(msgspec.json.encode(SAFE), type=KeyPermissions).ip_restrict is True
