"""A coin's bonding curve as a tracked pool."""

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.pumpfun.accounts import BONDING_CURVE, GLOBAL, ZERO_KEY, BondingCurveAccount, GlobalAccount
from adapters.pumpfun.addresses import FEE_CONFIG, PUMP, WRAPPED_SOL, bonding_curve, quote_kind
from adapters.pumpfun.addresses import GLOBAL as GLOBAL_ADDRESS
from adapters.pumpfun.curve_instructions import CurveTrade, buy_exact_quote_in_v2, migrate_v2, sell_v2
from adapters.pumpfun.fee_schedule import fees_of, recipient_of
from adapters.pumpfun.owner import expect_owner
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.pump_curve import PumpCurve, PumpCurveTerms
from bus.pool_parts.pump_fees import PumpFees
from kernel.errors import Invariant, VenueRefused

_GLOBAL, _FEES = str(GLOBAL_ADDRESS), str(FEE_CONFIG)


class CurvePool:
    """Of the coin `mint`, sold for `quote_mint`; both are in the CreateEvent, the coin is not in the account."""

    family = "pump_curve"
    program = str(PUMP)

    def __init__(self, mint: str, quote_mint: str = str(WRAPPED_SOL)) -> None:
        self.mints = (mint, str(WRAPPED_SOL) if quote_mint == ZERO_KEY else quote_mint)
        self.address = str(bonding_curve(Pubkey.from_string(mint)))
        self._curve: BondingCurveAccount | None = None
        self._global: GlobalAccount | None = None

    def neighbours(self) -> tuple[str, ...]:
        """The program's global account and its fee schedule, which all curves share."""
        return _GLOBAL, _FEES

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """The part that an account's bytes say. Raises `UnknownLayout`; () for an account that is not the curve's."""
        if address == self.address:
            return (self._read_curve(owner, data),)
        if address == _GLOBAL:
            expect_owner(address, owner, PUMP)
            found = self._global = GLOBAL.decode(data)
            return (
                PumpCurveTerms(
                    protocol_fee_bps=found.fee_basis_points,
                    creator_fee_bps=found.creator_fee_basis_points,
                    is_creator_fee_configurable=found.creator_fee_configurable,
                    initial_real_base=found.initial_real_token_reserves,
                ),
            )
        return (fees_of(address, owner, data),) if address == _FEES else ()

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """Without a fee schedule the program falls back to its global account."""
        return (PumpFees(is_present=False),) if address == _FEES else ()

    def swap(
        self,
        wallet: Pubkey,
        is_a_to_b: bool,
        amount_in: int,
        amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey],
        token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:
        """A sale (a to b) or a buy for a budget, by the second kind of instructions.

        Raises `Invariant` before curve and global account were seen, `VenueRefused` for a complete curve.
        """
        curve, known = self._curve, self._global
        if curve is None or known is None:
            raise Invariant(f"{self.address}: a swap before the curve and the global account were read")
        if curve.complete:
            raise VenueRefused(f"{self.address}: the curve is complete; its liquidity moves to PumpSwap")
        mint = self.mints[0]
        if curve.is_mayhem_mode:
            takers = (known.reserved_fee_recipient, *known.reserved_fee_recipients)
        else:
            takers = (known.fee_recipient, *known.fee_recipients)
        trade = CurveTrade(
            user=wallet,
            mint=Pubkey.from_string(mint),
            quote_mint=Pubkey.from_string(self.mints[1]),
            creator=Pubkey.from_string(curve.creator),
            token_program=token_programs[0],
            quote_token_program=token_programs[1],
            fee_recipient=recipient_of(takers, mint),
            buyback_fee_recipient=recipient_of(known.buyback_fee_recipients, mint),
            user_coins=token_accounts[0],
            user_quote=token_accounts[1],
        )
        return (sell_v2 if is_a_to_b else buy_exact_quote_in_v2)(trade, amount_in, amount_out_min)

    def migrate(self, wallet: Pubkey, token_programs: tuple[Pubkey, Pubkey]) -> Instruction:
        """Moves a complete curve to its PumpSwap pool; anybody may. Raises `Invariant` before the global account."""
        if self._global is None:
            raise Invariant(f"{self.address}: a migration before the global account was read")
        mint, quote = (Pubkey.from_string(each) for each in self.mints)
        authority = Pubkey.from_string(self._global.withdraw_authority)
        return migrate_v2(wallet, mint, quote, *token_programs, authority)

    def _read_curve(self, owner: str, data: bytes) -> PumpCurve:
        expect_owner(self.address, owner, PUMP)
        curve = BONDING_CURVE.decode(data)
        quote = str(WRAPPED_SOL) if curve.quote_mint == ZERO_KEY else curve.quote_mint
        if quote != self.mints[1]:
            raise UnknownLayout(f"{self.address}: expected a curve for {self.mints[1]}, found one for {quote}")
        self._curve = curve
        return PumpCurve(
            virtual_base=curve.virtual_token_reserves,
            virtual_quote=curve.virtual_quote_reserves,
            real_base=curve.real_token_reserves,
            real_quote=curve.real_quote_reserves,
            supply=curve.token_total_supply,
            is_complete=curve.complete,
            has_creator=curve.creator != ZERO_KEY,
            is_mayhem=curve.is_mayhem_mode,
            creator_fee_bps=curve.creator_fee_bps,
            quote_kind=quote_kind(quote),
        )
