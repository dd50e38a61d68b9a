"""SOL in its smallest unit: fees, tips and what they are worth. A lamport is a thousand-millionth of a SOL.

On Solana a unit of gas is a lamport (`bus.events.chain`), so a `GasPrice` of `WEI_PER_LAMPORT` prices it.
"""

from decimal import Decimal

SOL, SOL_DECIMALS = "SOL", 9
LAMPORTS_PER_SOL = 10**SOL_DECIMALS
SIGNATURE_FEE_LAMPORTS = 5_000  #: per signature, whatever the transaction does
WEI_PER_LAMPORT = 10**9  #: 10^-18 SOL each, as `GasPrice` counts
MICRO = 1_000_000  #: prices of compute are in millionths of a lamport per unit
READING = Decimal("0.000001")  #: costs are shown and logged to a millionth of a dollar


def lamports_usd(lamports: int, sol_usd: Decimal) -> Decimal:
    """What they are worth, to a millionth of a dollar.

    >>> lamports_usd(5_000, Decimal(150))
    Decimal('0.000750')
    """
    return (Decimal(lamports).scaleb(-SOL_DECIMALS) * sol_usd).quantize(READING)


def priority_fee_lamports(price_micro_lamports: int, units: int) -> int:
    """What so many compute units cost at a price, rounded up as the chain does.

    >>> priority_fee_lamports(10, 150_001)
    2
    """
    return -(-price_micro_lamports * units // MICRO)
