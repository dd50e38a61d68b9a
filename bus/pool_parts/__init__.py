"""What the accounts of a pool say, part by part; one file per kind of pool. Raw integers, exact."""

from bus.pool_parts.constant_product import RaydiumAmmV4State, RaydiumCpmmConfig, RaydiumCpmmState, VaultBalance
from bus.pool_parts.dlmm import DlmmBinArray, DlmmFarArrays, DlmmPair, DlmmReserve
from bus.pool_parts.launchlab import LaunchLabPlatform, LaunchLabState, LaunchLabTerms
from bus.pool_parts.pump_curve import PumpCurve, PumpCurveTerms
from bus.pool_parts.pump_fees import PumpFees
from bus.pool_parts.pump_swap import PumpSwapState, PumpSwapSupply, PumpSwapTerms, PumpSwapVault
from bus.pool_parts.raydium_clmm import RaydiumClmmConfig, RaydiumClmmExtension, RaydiumClmmState, RaydiumClmmTickArray
from bus.pool_parts.token_fee import TokenFee
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState, WhirlpoolTickArray

AnyPoolPart = (
    DlmmBinArray
    | DlmmFarArrays
    | DlmmPair
    | DlmmReserve
    | LaunchLabPlatform
    | LaunchLabState
    | LaunchLabTerms
    | PumpCurve
    | PumpCurveTerms
    | PumpFees
    | PumpSwapState
    | PumpSwapSupply
    | PumpSwapTerms
    | PumpSwapVault
    | RaydiumAmmV4State
    | RaydiumClmmConfig
    | RaydiumClmmExtension
    | RaydiumClmmState
    | RaydiumClmmTickArray
    | RaydiumCpmmConfig
    | RaydiumCpmmState
    | TokenFee
    | VaultBalance
    | WhirlpoolOracle
    | WhirlpoolState
    | WhirlpoolTickArray
)

__all__ = [
    "AnyPoolPart",
    "DlmmBinArray",
    "DlmmFarArrays",
    "DlmmPair",
    "DlmmReserve",
    "LaunchLabPlatform",
    "LaunchLabState",
    "LaunchLabTerms",
    "PumpCurve",
    "PumpCurveTerms",
    "PumpFees",
    "PumpSwapState",
    "PumpSwapSupply",
    "PumpSwapTerms",
    "PumpSwapVault",
    "RaydiumAmmV4State",
    "RaydiumClmmConfig",
    "RaydiumClmmExtension",
    "RaydiumClmmState",
    "RaydiumClmmTickArray",
    "RaydiumCpmmConfig",
    "RaydiumCpmmState",
    "TokenFee",
    "VaultBalance",
    "WhirlpoolOracle",
    "WhirlpoolState",
    "WhirlpoolTickArray",
]
