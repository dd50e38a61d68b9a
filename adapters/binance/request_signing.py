"""Signs Binance REST requests with whatever kind of key the account has: HMAC, Ed25519 or RSA.

binance-spot-api-docs rest-api.md (2026-01-15): the query is percent-encoded first, and what is sent is what is signed.
HMAC gives hex; Ed25519 and RSA (PKCS #1 v1.5, SHA-256) give base64, percent-encoded in turn.
"""

import base64
import hashlib
import hmac
from urllib.parse import quote, urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret

KEY_HEADER = "X-MBX-APIKEY"


class RequestSigning:
    """Holds an API key with its secret; gives headers and signed queries."""

    __slots__ = ("_api_key", "_private", "_secret")

    def __init__(self, api_key: Secret, secret: Secret) -> None:
        """Raises BadSecret for a PEM that holds no Ed25519 or RSA key."""
        self._api_key = api_key
        self._secret = secret
        self._private = _private_key(secret) if secret.reveal().startswith("-----BEGIN") else None
        if isinstance(self._private, str):
            raise BadSecret(f"binance_api_secret: {self._private}")

    def __repr__(self) -> str:
        return "RequestSigning(***)"

    def headers(self) -> dict[str, str]:
        """What identifies the key. Never follow a redirect with it."""
        return {KEY_HEADER: self._api_key.reveal()}

    def signed_query(self, parameters: dict[str, str]) -> str:
        """The whole query string, its signature last; send it unchanged."""
        query = urlencode(parameters, quote_via=quote)
        payload = query.encode("ascii")
        if isinstance(self._private, Ed25519PrivateKey):
            signature = base64.b64encode(self._private.sign(payload)).decode()
        elif isinstance(self._private, RSAPrivateKey):
            signature = base64.b64encode(self._private.sign(payload, PKCS1v15(), hashes.SHA256())).decode()
        else:
            signature = hmac.new(self._secret.reveal().encode(), payload, hashlib.sha256).hexdigest()
        return f"{query}&signature={quote(signature, safe='')}"


def _private_key(secret: Secret) -> Ed25519PrivateKey | RSAPrivateKey | str:
    """The key, or what is wrong with it: raising here would leave the text in a traceback's frame."""
    try:
        key = load_pem_private_key(secret.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "expected an unencrypted private key in PEM, found something else"
    if isinstance(key, Ed25519PrivateKey | RSAPrivateKey):
        return key
    return "expected an Ed25519 or RSA key, found another kind"
