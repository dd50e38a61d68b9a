"""The provider types: what kinds of endpoint there are, how each is spoken to, and how it proves who it is.

Chain ids and Solana's genesis hash were checked 2026-11 (chain lists; Monad: docs.monad.xyz). Block times are nominal
and serve the head lag alone.
"""

from typing import Literal

from msgspec import Struct

Family = Literal["evm", "solana", "http"]
Transport = Literal["http", "ws"]

SOLANA_GENESIS = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"


class ProviderType(Struct, frozen=True, kw_only=True):
    """One kind of endpoint. `http` in `family` means: no chain behind it that could be asked for its name."""

    name: str
    title: str
    family: Family
    transport: Transport
    chain: str = ""
    identity: str = ""  #: chain id in decimal, or genesis hash; "" = cannot be verified
    block_s: float = 0.0  #: nominal time between blocks or slots; 0 = has no head
    environment: tuple[str, ...] = ()  #: variables that name URLs, comma separated, while the database has none
    defaults: tuple[str, ...] = ()  #: public URLs for when nothing else names one; chains have none on purpose


def _evm(chain: str, title: str, chain_id: int, block_s: float) -> tuple[ProviderType, ProviderType]:
    """Both ends of a chain. They share a variable; the URL's scheme says for which of them it is."""
    upper = chain.upper()
    variables = (f"{upper}_RPC_URLS",)
    return (
        ProviderType(
            name=f"{upper}_RPC", title=f"{title} RPC", family="evm", transport="http", chain=chain,
            identity=str(chain_id), block_s=block_s, environment=variables,
        ),
        ProviderType(
            name=f"{upper}_WS", title=f"{title} WebSocket", family="evm", transport="ws", chain=chain,
            identity=str(chain_id), block_s=block_s, environment=variables,
        ),
    )  # fmt: skip


_ALL = (
    *_evm("ethereum", "Ethereum", 1, 12.0),
    *_evm("bsc", "BNB Smart Chain", 56, 0.75),
    *_evm("polygon", "Polygon", 137, 2.0),
    *_evm("arbitrum", "Arbitrum One", 42161, 0.25),
    *_evm("base", "Base", 8453, 2.0),
    *_evm("monad", "Monad", 143, 0.4),
    *_evm("pulsechain", "PulseChain", 369, 10.0),
    *_evm("fantom", "Fantom Opera", 250, 1.0),
    *_evm("cronos", "Cronos", 25, 0.5),
    *_evm("avalanche", "Avalanche C-Chain", 43114, 1.5),
    ProviderType(
        name="SOLANA_RPC", title="Solana RPC", family="solana", transport="http", chain="solana",
        identity=SOLANA_GENESIS, block_s=0.4, environment=("SOLANA_RPC_URL", "SOLANA_RPC_URLS"),
    ),
    # The subscription port answers no question about the chain, so it cannot be verified there.
    ProviderType(
        name="SOLANA_WS", title="Solana WebSocket", family="solana", transport="ws", chain="solana", block_s=0.4,
        environment=("SOLANA_WS_URL",),
    ),
    ProviderType(
        name="FLASHBOTS", title="Flashbots relay", family="http", transport="http", chain="ethereum",
        environment=("FLASHBOTS_RPC",), defaults=("https://relay.flashbots.net",),
    ),
    ProviderType(
        name="JITO_BLOCK_ENGINE", title="Jito block engine", family="http", transport="http", chain="solana",
        environment=("JITO_BLOCK_ENGINE_URL",), defaults=("https://mainnet.block-engine.jito.wtf",),
    ),
    # What others tip is served by a host of its own.
    ProviderType(
        name="JITO_TIPS", title="Jito tip floor", family="http", transport="http", chain="solana",
        environment=("JITO_TIPS_URL",), defaults=("https://bundles.jito.wtf",),
    ),
    ProviderType(
        name="JITO_TIPS_WS", title="Jito tip stream", family="http", transport="ws", chain="solana",
        environment=("JITO_TIPS_WS_URL",), defaults=("wss://bundles.jito.wtf",),
    ),
    ProviderType(
        name="JUPITER_API", title="Jupiter API", family="http", transport="http", chain="solana",
        environment=("JUPITER_API_URL",), defaults=("https://api.jup.ag",),
    ),
    ProviderType(
        name="BINANCE_API", title="Binance spot API", family="http", transport="http",
        defaults=("https://api.binance.com",),
    ),
    ProviderType(
        name="BINANCE_WS", title="Binance spot streams", family="http", transport="ws",
        defaults=("wss://stream.binance.com:9443",),
    ),
    ProviderType(
        name="BINANCE_FUTURES_API", title="Binance USD-M API", family="http", transport="http",
        defaults=("https://fapi.binance.com",),
    ),
    ProviderType(
        name="BINANCE_FUTURES_WS", title="Binance USD-M streams", family="http", transport="ws",
        defaults=("wss://fstream.binance.com",),
    ),
)  # fmt: skip

PROVIDER_TYPES: dict[str, ProviderType] = {each.name: each for each in _ALL}
VARIABLES: tuple[str, ...] = tuple(dict.fromkeys(name for each in _ALL for name in each.environment))
