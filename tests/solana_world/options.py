"""How a world is set up. Everything that a run depends on beside its requests."""

from dataclasses import dataclass, field

from kernel.rpc.rpc_providers import SOLANA_GENESIS
from tests.solana_world.faults import Fault

SLOT_MS = 400


@dataclass(frozen=True, kw_only=True)
class WorldOptions:
    """`slot_ms` is the real time of a slot where a clock runs; the chain's own clock moves by it as well."""

    seed: int = 0
    slot_ms: int = SLOT_MS
    first_slot: int = 380_000_000
    first_height: int = 358_000_000
    first_time_s: int = 1_780_000_000
    confirmed_lag: int = 2  #: blocks
    finalized_lag: int = 32
    genesis_hash: str = SOLANA_GENESIS  #: the kernel's RPC pool wants mainnet's
    jupiter_key: str = "world-key"
    jito_per_s: float = 1.0  #: requests that the block engine answers for one caller and second; 0 = any number
    bundle_slots: int = 8  #: a bundle that did not land by then never will
    faults: tuple[Fault, ...] = field(default_factory=tuple)
