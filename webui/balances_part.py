"""The balances page: what each venue was last known to hold, what of it is free, and gas per chain."""

from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from webui import typeset
from webui.balances_source import BalancesLook, BalancesSource
from webui.cells import Cell, Cells, version_cell
from webui.overview_cells import age_cell
from webui.part import NavItem, Part
from webui.topics import Rendered

NO_PRICE = "no price of this asset is known"
NOT_SINCE = "not since this run began; the amount is from the log before it"
LEVEL_TONES = {"ok": "gain", "low": "loss", "unknown": "warn", "played": "muted"}


class BalancesPart(Part):
    """`/balances`, live on topic `balances`."""

    nav = (NavItem("/balances", "Balances", "Trading"),)
    topic_kinds = ("balances",)

    def __init__(self, balances: BalancesSource) -> None:
        self._balances = balances

    def routes(self) -> list[BaseRoute]:
        return [Route("/balances", self.show)]

    def render(self, topic: str) -> Rendered | None:
        return Rendered(balances_cells(self._balances.look())) if topic == "balances" else None

    async def show(self, request: Request) -> Response:
        """The page."""
        look = self._balances.look()
        return self.page(
            request, "balances.html", title="Balances", cells=balances_cells(look), topics=("balances",), look=look
        )


def balances_cells(look: BalancesLook) -> Cells:
    """What moves."""
    values = [row.value_usd for row in look.rows]
    known = sum((each for each in values if each is not None), Decimal(0))
    missing = sum(each is None for each in values)
    cells: Cells = {
        "v.balances": version_cell(*((row.venue, row.asset) for row in look.rows)),
        "v.gas": version_cell(*(row.chain for row in look.gas)),
        "sum": Cell(typeset.usd(known), hint=f"{missing} asset(s) without a price are left out" if missing else ""),
        "unpriced": Cell(typeset.count(missing), "warn" if missing else "muted"),
        "inflight": Cell(typeset.usd(look.in_flight_usd)),
        "working": Cell(typeset.count(look.open_orders)),
    }
    for row in look.rows:
        key = f"a.{row.venue}.{row.asset}"
        hint = "" if row.value_usd is not None else NO_PRICE
        cells[f"{key}.total"] = Cell(typeset.quantity(row.total), "loss" if row.total < 0 else "")
        cells[f"{key}.reserved"] = Cell(typeset.quantity(row.reserved))
        cells[f"{key}.free"] = Cell(typeset.quantity(row.free), "loss" if row.free is not None and row.free < 0 else "")
        cells[f"{key}.value"] = Cell(typeset.usd(row.value_usd), "" if not hint else "muted", hint)
        cells[f"{key}.age"] = Cell(typeset.duration(row.age_ms), hint="" if row.age_ms is not None else NOT_SINCE)
    for gas in look.gas:
        key = f"g.{gas.chain}"
        cells[f"{key}.balance"] = Cell(
            typeset.quantity(gas.balance), "" if gas.balance is not None else "muted", gas.note
        )
        cells[f"{key}.price"] = Cell(typeset.price(gas.gas_price_gwei))
        cells[f"{key}.age"] = age_cell(gas.gas_age_ms)
        cells[f"{key}.usd"] = Cell(typeset.price(gas.native_usd), hint="" if gas.native_usd is not None else NO_PRICE)
        cells[f"{key}.level"] = Cell(gas.level, LEVEL_TONES.get(gas.level, ""), gas.note)
    return cells
