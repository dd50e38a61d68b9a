"""What a wallet holds, as the chain says: SOL and every token account, told as balance snapshots.

The ledger moves balances by fills and `NativeSpent` between two snapshots. What a snapshot finds to differ is told to a
person before it replaces what was believed: either something else moves this wallet, or a book is wrong.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from msgspec import Struct

from adapters.solana.listing import VENUE, symbol_of
from adapters.solana.mints import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL
from adapters.solana.node import SolanaNode
from bus.clock import Clock
from bus.events import Alert, BalanceUpdated
from bus.events.base import Event
from kernel.errors import BadWire
from kernel.finance.lamports import SOL, SOL_DECIMALS

ACCOUNTS_MAX = 5_000  #: of one wallet; more is dust that somebody sent


class Holding(Struct, frozen=True):
    """One asset of the wallet."""

    asset: str
    total: Decimal


class WalletBalances:
    """Reads and tells. `believed` gives what the books say of an asset, None where they say nothing."""

    def __init__(
        self,
        node: SolanaNode,
        wallet: str,
        clock: Clock,
        *,
        publish: Callable[[Event], None],
        believed: Callable[[str], Decimal | None],
        simulated: bool,
    ) -> None:
        self._node = node
        self._wallet = wallet
        self._clock = clock
        self._publish = publish
        self._believed = believed
        self._simulated = simulated
        self.differences = 0

    async def read(self, assets: Mapping[str, str] | None = None) -> list[Holding]:
        """SOL, wrapped or not, and all tokens; `assets` (mint -> symbol) are told even when there is none."""
        slot, lamports = await self._node.balance(self._wallet)
        found: dict[str, Decimal] = {SOL: Decimal(lamports).scaleb(-SOL_DECIMALS)}
        for symbol in (assets or {}).values():
            found.setdefault(symbol, Decimal(0))
        for program in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM):
            for mint, amount, decimals in await self._node.token_accounts(self._wallet, program, min_slot=slot):
                symbol = SOL if mint == WRAPPED_SOL else symbol_of(mint)
                found[symbol] = found.get(symbol, Decimal(0)) + Decimal(amount).scaleb(-decimals)
        if len(found) > ACCOUNTS_MAX:
            raise BadWire(f"wallet {self._wallet}: expected at most {ACCOUNTS_MAX} tokens, found {len(found)}")
        return [Holding(asset, total) for asset, total in sorted(found.items())]

    async def tell(self, assets: Mapping[str, str] | None = None, *, is_first: bool = False) -> None:
        """Publish what differs from the books; the first time everything."""
        for holding in await self.read(assets):
            believed = self._believed(holding.asset)
            if believed == holding.total:
                continue
            now_ns = self._clock.now_ns()
            if believed is not None and not is_first:
                self.differences += 1
                text = (
                    f"{holding.asset}: the books say {believed}, the chain says {holding.total}; the chain's word is "
                    "taken. Something else moved this wallet, or a book is wrong"
                )
                self._publish(
                    Alert(ts_ns=now_ns, severity="warning", source="solana", code="balance_differs", text=text)
                )
            self._publish(
                BalanceUpdated(
                    ts_ns=now_ns, venue=VENUE, asset=holding.asset, total=holding.total, simulated=self._simulated
                )
            )
