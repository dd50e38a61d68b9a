"""The funding monitor: rates of every perpetual in one unit, how much of them is known, positions that they touch."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from webui.asking import answer
from webui.cells import Cells, version_cell
from webui.funding_source import FundingSource, FundingTable
from webui.part import NavItem, Part
from webui.topics import Rendered
from webui.typeset import DASH, MINUS

HOURS_PER_YEAR = 8_760
SPARK_WIDTH, SPARK_HEIGHT = 168, 24


class FundingPart(Part):
    """`/funding`; topic `funding` tells when a rate came."""

    nav = (NavItem("/funding", "Funding", "Trading"),)
    topic_kinds = ("funding",)

    def __init__(self, funding: FundingSource) -> None:
        self._funding = funding

    def routes(self) -> list[BaseRoute]:
        return [Route("/funding", self.show)]

    def render(self, topic: str) -> Rendered | None:
        return Rendered(self._cells()) if topic == "funding" else None

    async def show(self, request: Request) -> Response:
        """The page."""
        table, error = await answer(self._funding.table(), FundingTable())
        return self.page(
            request,
            "funding.html",
            title="Funding",
            cells=self._cells(),
            topics=("funding",),
            table=table,
            error=error,
            hourly=hourly,
            yearly=yearly,
            runs=runs,
            tone=rate_tone,
        )

    def _cells(self) -> Cells:
        return {"v.funding": version_cell(self._funding.version())}


def hourly(rate: float | None) -> str:
    """Percent per hour, signed, six decimals: +0.001250 %."""
    return DASH if rate is None else _signed(rate * 100, 6)


def yearly(rate: float | None) -> str:
    """Percent per year, simple."""
    return DASH if rate is None else _signed(rate * 100 * HOURS_PER_YEAR, 2)


def rate_tone(rate: float | None) -> str:
    """gain where a long is paid."""
    return "" if not rate else "gain" if rate > 0 else "loss"


def _signed(value: float, places: int) -> str:
    text = f"{abs(value):,.{places}f}"
    if not text.strip("0.,"):
        return text
    return (MINUS if value < 0 else "+") + text


def runs(hours: tuple[float | None, ...]) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...], str]:
    """(points of each unbroken run, (x, width) of each hole, y of zero) of a sparkline: holes stay holes."""
    known = [each for each in hours if each is not None]
    if not known:
        return (), ((0, len(hours)),) if hours else (), "0"
    low, high = min(*known, 0.0), max(*known, 0.0)
    span = (high - low) or 1.0
    lines: list[str] = []
    holes: list[tuple[int, int]] = []
    run: list[str] = []
    for index, each in enumerate((*hours, None)):
        if each is not None:
            y = f"{SPARK_HEIGHT - 1 - (each - low) / span * (SPARK_HEIGHT - 2):.1f}"
            run += [f"{index},{y}", f"{index + 1},{y}"]
            continue
        if run:
            lines.append(" ".join(run))
            run = []
        if index < len(hours):
            if holes and sum(holes[-1]) == index:
                holes[-1] = (holes[-1][0], holes[-1][1] + 1)
            else:
                holes.append((index, 1))
    return tuple(lines), tuple(holes), f"{SPARK_HEIGHT - 1 + low / span * (SPARK_HEIGHT - 2):.1f}"
