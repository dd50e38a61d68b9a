"""/balances and /funding: what each venue was last known to hold, gas per chain, funding rates as paid to a long."""

from webui.api_operation import Call, Operation
from webui.api_sources import not_enabled
from webui.balances_source import BalancesLook, BalancesSource
from webui.funding_source import FundingSource, FundingTable


class HoldingsApi:
    """Its operations."""

    def __init__(self, balances: BalancesSource | None, funding: FundingSource | None) -> None:
        self._balances = balances
        self._funding = funding

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        return (
            Operation(
                method="GET", path="/balances", name="getBalances", group="Holdings", handler=self.balances,
                summary="Balances by venue and asset, what of them is spoken for, and gas per chain.",
                response=BalancesLook, errors=("not_enabled",),
            ),
            Operation(
                method="GET", path="/funding", name="getFunding", group="Holdings", handler=self.funding,
                summary="Funding rates per hour of every perpetual, seven days back, and positions in them.",
                response=FundingTable, errors=("not_enabled",), is_stored=True,
            ),
        )  # fmt: skip

    async def balances(self, call: Call) -> BalancesLook:
        if self._balances is None:
            raise not_enabled("balances")
        return self._balances.look()

    async def funding(self, call: Call) -> FundingTable:
        if self._funding is None:
            raise not_enabled("funding")
        return await self._funding.table()
