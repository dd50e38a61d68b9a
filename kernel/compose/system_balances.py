"""The balances page's source: what the ledger believes, what the gate holds back, what gas costs per chain."""

from decimal import Decimal
from types import MappingProxyType

from bus.clock import NS_PER_MS
from bus.events import GasPrice
from bus.units import exact
from kernel.compose.live import KernelProcess
from kernel.compose.system_memory import SystemMemory
from webui.balances_source import BalanceRow, BalancesLook, GasRow

ROWS_MAX = 500
LOW_TRANSACTIONS = 10  #: a balance below so many transactions at the highest gas allowed is called low
WEI_PER_GWEI = 10**9
NATIVE = MappingProxyType(
    {
        "ethereum": "ETH", "arbitrum": "ETH", "base": "ETH", "optimism": "ETH", "polygon": "POL", "bsc": "BNB",
        "avalanche": "AVAX", "fantom": "FTM", "cronos": "CRO", "monad": "MON", "pulsechain": "PLS", "solana": "SOL",
    }
)  # fmt: skip
PLAYED = "simulated: gas is booked as a cost and not taken from a balance"
UNKNOWN = "no balance of it was reported; a transaction may fail for want of gas"


class SystemBalances:
    """Implements `webui.balances_source.BalancesSource`."""

    def __init__(self, process: KernelProcess, memory: SystemMemory) -> None:
        self._process = process
        self._core = process.core
        self._memory = memory

    def look(self) -> BalancesLook:
        core = self._core
        now_ns = max(self._process.clock.now_ns(), core.bus.now_ns)
        rows = [self._row(venue, asset, total, now_ns) for (venue, asset), total in core.ledger.balances.items()]
        rows.sort(key=lambda each: (each.venue, each.asset))
        return BalancesLook(
            rows=tuple(rows[:ROWS_MAX]),
            gas=tuple(self._gas(chain, gas, now_ns) for chain, gas in sorted(core.market.gas.items())),
            in_flight_usd=core.gate.reserved_usd(),
            open_orders=core.gate.open_orders(),
            simulated=core.is_simulated,
        )

    def _row(self, venue: str, asset: str, total: Decimal, now_ns: int) -> BalanceRow:
        free = self._core.gate.available(venue, asset)
        usd = self._core.market.usd_per_unit(asset)
        changed_ns = self._memory.balance_ts_ns.get((venue, asset))
        return BalanceRow(
            venue=venue,
            asset=asset,
            total=total,
            free=free,
            reserved=None if free is None else total - free,
            value_usd=None if usd is None else total * usd,
            age_ms=None if changed_ns is None else max(0, now_ns - changed_ns) // NS_PER_MS,
            simulated=self._core.is_simulated,
        )

    def _gas(self, chain: str, gas: GasPrice, now_ns: int) -> GasRow:
        core = self._core
        asset = NATIVE.get(chain, "")
        venues = {each.venue for each in core.market.instruments.values() if each.chain == chain}
        held = [total for (venue, name), total in core.ledger.balances.items() if name == asset and venue in venues]
        native_usd = exact(gas.native_usd) if gas.native_usd > 0 else None
        balance = sum(held) if held and asset else None
        level, note = "ok", ""
        if balance is None or isinstance(balance, int):
            balance = None
            level, note = ("played", PLAYED) if core.is_simulated else ("unknown", UNKNOWN)
        elif native_usd is not None:
            worst_usd = exact(float(core.gate.whole.max_gas_usd))
            if balance * native_usd < LOW_TRANSACTIONS * worst_usd:
                level = "low"
                note = f"less than {LOW_TRANSACTIONS} transactions at the highest gas that the limits allow"
        return GasRow(
            chain=chain,
            asset=asset,
            balance=balance,
            gas_price_gwei=Decimal(gas.gas_price_wei) / WEI_PER_GWEI,
            gas_age_ms=max(0, now_ns - gas.ts_ns) // NS_PER_MS,
            native_usd=native_usd,
            level=level,
            note=note,
        )
