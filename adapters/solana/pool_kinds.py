"""Which code reads the pools of which program. A new program is a folder and one line, loaded when first met."""

from collections.abc import Callable
from importlib import import_module

from adapters.solana.tracked_pool import TrackedPool, UnknownLayout

#: program id -> "module:class[.maker]", called with (address, owner, data), and with the slot where it says so
_MAKERS: dict[str, tuple[str, bool]] = {
    "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc": ("adapters.orca.pool:OrcaPool", False),
    "CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK": ("adapters.raydium.clmm_pool:ClmmPool.from_account", False),
    "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C": ("adapters.raydium.cpmm_pool:CpmmPool.from_account", False),
    "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8": ("adapters.raydium.amm_v4_pool:AmmV4Pool.from_account", False),
    "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo": ("adapters.meteora.pool:MeteoraPool", True),
    "pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA": ("adapters.pumpfun.swap_pool:SwapPool", False),
    "LanMV9sAd7wArD4vJFi2qDdfnVhFxYSUg6eADduJ3uj": ("adapters.launchlab.pool:LaunchLabPool", False),
}
PROGRAMS = tuple(_MAKERS)  #: whose pools can be tracked


def open_pool(address: str, owner: str, data: bytes, slot: int) -> TrackedPool:
    """A pool from its own account. Raises `UnknownLayout`, also for a program that nobody here knows."""
    known = _MAKERS.get(owner)
    if known is None:
        raise UnknownLayout(f"account {address}: its owner {owner} is no pool program that is known here")
    path, takes_slot = known
    module, _, name = path.partition(":")
    maker: Callable[..., TrackedPool] = import_module(module)  # type: ignore[assignment]
    for part in name.split("."):
        maker = getattr(maker, part)
    return maker(address, owner, data, slot) if takes_slot else maker(address, owner, data)
