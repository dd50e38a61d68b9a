"""Addresses, derived from keys whenever they are shown and stored nowhere. The libraries load when first used."""

from adapters.signing.eth_account_library import eth_account
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret
from kernel.secrets.secret_names import base58_bytes, kind_of


def derive_address(name: str, secret: Secret) -> str:
    """Checksummed address (EVM) or base58 public key (Solana) of a wallet's key; "" where the secret is no wallet's.

    Raises BadSecret for a key that is none. Takes 30 ms the first time, as the libraries load.
    """
    kind = kind_of(name)
    wallet = kind.wallet if kind is not None else ""
    address: str | None = ""
    if wallet == "evm":
        address = _evm(secret)
    elif wallet == "solana":
        address = _solana(secret)
    if address is None:
        raise BadSecret(f"{name}: this is not a key pair: its public half does not belong to its private half")
    return address


def solana_pair(secret: Secret) -> bytes:
    """The 64 bytes of a Solana key, from base58 or a JSON array of the right form."""
    import msgspec

    text = secret.reveal()
    if text.startswith("["):
        return bytes(msgspec.json.decode(text, type=list[int]))
    return base58_bytes(text) or b""


def _evm(secret: Secret) -> str | None:
    account = eth_account()

    try:
        address: str = account.from_key(secret.reveal()).address
    except ValueError:
        return None
    return address


def _solana(secret: Secret) -> str | None:
    from solders.keypair import Keypair

    try:
        return str(Keypair.from_bytes(solana_pair(secret)).pubkey())
    except ValueError:
        return None
