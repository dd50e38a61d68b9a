"""The risk page: every limit against its use, breakers with their reset, what the gate refused and by which limit."""

from decimal import Decimal
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from webui import typeset
from webui.cells import Cell, Cells, version_cell
from webui.operating import done, operator_form, reason_of
from webui.part import NavItem, Part
from webui.risk_source import BreakerRow, LimitBar, RiskLook, RiskScope, RiskSource
from webui.roles import user_of
from webui.topics import Rendered

WARN_PCT = 80
FULL = Decimal(100)
LIMIT_OF = MappingProxyType(
    {
        "blacklist_instrument": "blacklist_instruments", "blacklist_token": "blacklist_tokens",
        "stale_price": "max_price_age_ms", "stale_gas_price": "max_chain_age_ms",
        "price_collar": "max_price_deviation_bps", "max_fee": "max_fee_bps", "max_gas_usd": "max_gas_usd",
        "max_gas_price_gwei": "max_gas_price_gwei", "max_tip_usd": "max_tip_usd",
        "min_expected_net": "min_expected_net_usd", "notional_per_order": "max_notional_usd",
        "position": "max_position_usd", "gross_exposure": "max_gross_exposure_usd", "budget": "budget_usd",
        "open_orders": "max_open_orders", "orders_per_minute": "max_orders_per_minute",
        "daily_loss": "max_daily_loss_usd", "drawdown": "max_drawdown_pct",
        "failed_tx_cost": "max_failed_tx_cost_usd_per_day", "consecutive_failures": "max_consecutive_failures",
        "cooldown_after_loss": "cooldown_after_loss_s",
    }
)  # fmt: skip  #: reason or bar -> the setting that holds its limit


class RiskPart(Part):
    """`/risk`, live on topic `risk`."""

    nav = (NavItem("/risk", "Risk", "Trading"),)
    topic_kinds = ("risk",)

    def __init__(self, risk: RiskSource) -> None:
        self._risk = risk

    def routes(self) -> list[BaseRoute]:
        return [Route("/risk", self.show), Route("/risk/reset", self.reset, methods=["POST"])]

    def render(self, topic: str) -> Rendered | None:
        return Rendered(risk_cells(self._risk.look())) if topic == "risk" else None

    async def show(self, request: Request) -> Response:
        """The page."""
        look = self._risk.look()
        return self.page(
            request,
            "risk.html",
            title="Risk",
            cells=risk_cells(look),
            topics=("risk",),
            look=look,
            limit_of=LIMIT_OF,
            settings_href=settings_href,
        )

    async def reset(self, request: Request) -> Response:
        """Close the breakers of a strategy, or ("" = ) of all, with a reason."""
        form = await operator_form(request)
        scope = form.get("strategy", "")
        if scope not in {each.name for each in self._risk.look().scopes}:
            raise HTTPException(404, f"there is no strategy {scope[:80]!r}")
        self._risk.reset_breakers(scope, reason_of(form), user_of(request))
        return done(request, "/risk")


def settings_href(scope: str) -> str:
    """Where the limits of a scope are set."""
    from urllib.parse import quote

    return f"/{quote(scope, safe='')}/settings" if scope else "/settings/risk"


def risk_cells(look: RiskLook) -> Cells:
    """Everything on the page that moves. Rows are named by what they are, so that none changes places."""
    cells: Cells = {
        "v.scopes": version_cell(*((scope.name, tuple(bar.name for bar in scope.bars)) for scope in look.scopes)),
        "v.denials": version_cell(*sorted((row.strategy, row.reason, row.scope) for row in look.denials)),
        "v.resets": version_cell(*(row.seq for row in look.resets)),
    }
    for scope in look.scopes:
        for bar in scope.bars:
            cells |= _bar_cells(f"b.{scope.name}.{bar.name}", bar)
        cells[f"first.{scope.name}"] = _first(scope)
        cells |= _breaker_cells(f"k.{scope.name}", scope.breakers, look.now_ns)
    for row in look.denials:
        key = f"d.{row.strategy}.{row.reason}.{row.scope}"
        cells[f"{key}.hour"] = Cell(typeset.count(row.last_hour))
        cells[f"{key}.day"] = Cell(typeset.count(row.last_day))
        cells[f"{key}.asked"] = Cell(row.asked[:60] or typeset.DASH, hint=row.asked[:200])
        cells[f"{key}.last"] = Cell(str(row.last_ts_ns // 1_000_000))
    return cells


def share_pct(bar: LimitBar) -> Decimal | None:
    """Use in percent of the limit; any use of a limit of 0 is all of it."""
    if bar.used is None:
        return None
    if bar.limit <= 0:
        return FULL if bar.used > 0 else Decimal(0)
    return max(Decimal(0), bar.used * 100 / bar.limit)


def _bar_cells(key: str, bar: LimitBar) -> Cells:
    share = share_pct(bar)
    if share is None:
        blank = Cell(typeset.DASH, "muted", bar.note)
        return {f"{key}.used": blank, f"{key}.pct": blank, f"{key}.w": Cell("0"), f"{key}.state": Cell("")}
    state = "full" if share >= FULL else "warn" if share >= WARN_PCT else ""
    tone = {"full": "loss", "warn": "warn"}.get(state, "")
    return {
        f"{key}.used": Cell(_amount(bar.used, bar.unit), tone, bar.note),
        f"{key}.pct": Cell(f"{share:.0f} %" if share >= 10 or not share else f"{share:.1f} %", tone),
        f"{key}.w": Cell(f"{min(share, FULL):.1f}"),
        f"{key}.state": Cell(state),
    }


def _first(scope: RiskScope) -> Cell:
    shares = [(share, bar.name) for bar in scope.bars if (share := share_pct(bar)) is not None]
    share, name = max(shares, default=(Decimal(0), ""))
    if not share:
        return Cell("nothing is used", "muted")
    tone = "loss" if share >= FULL else "warn" if share >= WARN_PCT else ""
    word = "binds now" if share >= FULL else "would bind first"
    return Cell(f"{typeset.words(name)} {word}, {share:.0f} % used", tone)


def _amount(value: Decimal | None, unit: str) -> str:
    return typeset.usd(value) if unit == "USD" else typeset.decimal(value, 2) if unit == "%" else typeset.decimal(value)


def _breaker_cells(key: str, row: BreakerRow, now_ns: int) -> Cells:
    until = row.failures_until_ns
    if until is None:
        failures = Cell("open until it is reset", "loss")
    elif until > now_ns:
        failures = Cell(f"open for {typeset.duration((until - now_ns) // 1_000_000)}", "loss")
    else:
        failures = Cell("closed", "gain")
    left_ms = (row.loss_until_ns - now_ns) // 1_000_000
    return {
        f"{key}.failures": Cell(f"{row.failures} of {row.failures_max}", "warn" if row.failures else ""),
        f"{key}.open": failures,
        f"{key}.loss": Cell(f"{typeset.duration(left_ms)} left", "warn") if left_ms > 0 else Cell("none", "muted"),
        f"{key}.kill": Cell("off", "gain") if row.killed is None else Cell("ON", "loss", row.killed),
    }
