"""Which maths belongs to which kind of pool. A new kind: a file in this folder, its parts in `bus/pool_parts`, a line.

Modules are imported when a pool of their kind is first listed: a run without Solana never loads them.
"""

from importlib import import_module

from kernel.amm.pool import PoolBuilder

FAMILIES: dict[str, str] = {
    "whirlpool": "kernel.amm.whirlpool_builder:WhirlpoolBuilder",
    "raydium_clmm": "kernel.amm.raydium_clmm_builder:RaydiumClmmBuilder",
    "raydium_cpmm": "kernel.amm.raydium_cpmm_builder:RaydiumCpmmBuilder",
    "raydium_amm_v4": "kernel.amm.raydium_amm_v4_builder:RaydiumAmmV4Builder",
    "dlmm": "kernel.amm.dlmm_builder:DlmmBuilder",
    "pump_curve": "kernel.amm.bonding_curve_builder:BondingCurveBuilder",
    "pump_swap": "kernel.amm.pump_swap_builder:PumpSwapBuilder",
    "launchlab": "kernel.amm.launchlab_builder:LaunchLabBuilder",
}


def builder_of(family: str) -> PoolBuilder | None:
    """A new, empty builder; None for a kind that nothing here can quote."""
    path = FAMILIES.get(family)
    if path is None:
        return None
    module, _, name = path.partition(":")
    builder: PoolBuilder = getattr(import_module(module), name)()
    return builder
