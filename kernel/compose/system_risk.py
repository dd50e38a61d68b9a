"""The risk page's source: the gate's limits, use and breakers as they are, and its denials of this run."""

from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from bus.clock import NS_PER_DAY, NS_PER_HOUR
from bus.events import StrategyCommand
from bus.units import ZERO, exact
from kernel.compose.live import KernelProcess
from kernel.compose.system_memory import SystemMemory
from kernel.risk_limits import GLOBAL_NAME, RiskLimits
from kernel.risk_reasons import REASONS
from kernel.risk_state import RESET_COMMAND
from webui.risk_source import BreakerRow, DenialRow, LimitBar, LimitSetting, ResetRow, RiskLook, RiskScope

DENIALS_SHOWN = 60
SETS_KEPT = 64  #: sets of limits whose rows are remembered between looks; they seldom change
POSITION_NOTE = "the largest holding in one instrument at its mark; working orders are not in it"


class SystemRisk:
    """Implements `webui.risk_source.RiskSource`."""

    def __init__(self, process: KernelProcess, memory: SystemMemory) -> None:
        self._process = process
        self._core = process.core
        self._memory = memory

    def look(self) -> RiskLook:
        core = self._core
        now_ns = core.bus.now_ns
        scopes = [self._scope("", "All strategies together")]
        scopes += [self._scope(name, slot.strategy.title) for name, slot in core.runner.slots.items()]
        return RiskLook(
            now_ns=now_ns,
            scopes=tuple(scopes),
            denials=self._denials(now_ns),
            resets=tuple(
                ResetRow(
                    seq=each.seq,
                    ts_ns=each.event.ts_ns,
                    strategy=each.event.strategy,
                    by=each.event.by,
                    reason=each.event.reason,
                )
                for each in reversed(self._memory.resets)
            ),
            counted_since_ns=self._memory.began_ns,
        )

    def reset_breakers(self, strategy: str, reason: str, by: str) -> None:
        self._core.bus.publish(
            StrategyCommand(
                ts_ns=self._process.clock.now_ns(), strategy=strategy, command=RESET_COMMAND, by=by, reason=reason
            )
        )

    def _scope(self, name: str, title: str) -> RiskScope:
        gate = self._core.gate
        limits = gate.limits_for(name) if name else gate.whole
        breakers = gate.breakers(name or None)
        bars = [
            LimitBar(name=each.name, used=each.used, limit=each.limit, unit=each.unit)
            for each in gate.utilisation(name or None)
        ]
        bars.insert(2, self._position(name, limits))
        return RiskScope(
            name=name,
            title=title,
            bars=tuple(bars),
            breakers=BreakerRow(
                failures=breakers.failures,
                failures_max=breakers.failures_max,
                failures_until_ns=breakers.failures_until_ns,
                loss_until_ns=breakers.loss_until_ns,
                killed=breakers.killed,
            ),
            settings=settings_of(limits),
            refused=gate.refused_settings.get(f"{GLOBAL_NAME}.{name}" if name else GLOBAL_NAME, ""),
        )

    def _position(self, name: str, limits: RiskLimits) -> LimitBar:
        market = self._core.market
        sums: dict[str, Decimal] = {}
        for (strategy, instrument), position in self._core.ledger.positions.items():
            if not name or strategy == name:
                sums[instrument] = sums.get(instrument, ZERO) + position.qty
        largest, note = ZERO, POSITION_NOTE
        for instrument, qty in sums.items():
            mark, usd = market.mark(instrument), market.quote_usd(instrument)
            if mark is None or usd is None:
                return LimitBar(
                    name="position",
                    used=None,
                    limit=exact(float(limits.max_position_usd)),
                    unit="USD",
                    note=f"{instrument} has no price",
                )
            value_usd = abs(qty) * exact(mark[0]) * usd
            if value_usd > largest:
                largest, note = value_usd, f"{instrument}; {POSITION_NOTE}"
        return LimitBar(
            name="position", used=largest, limit=exact(float(limits.max_position_usd)), unit="USD", note=note
        )

    def _denials(self, now_ns: int) -> tuple[DenialRow, ...]:
        rows = []
        for (strategy, reason, scope), count in self._memory.denials.items():
            last_day = count.since(now_ns - NS_PER_DAY)
            if count.last is None or not last_day:
                continue
            rows.append(
                DenialRow(
                    strategy=strategy,
                    reason=reason,
                    scope=scope,
                    last_hour=count.since(now_ns - NS_PER_HOUR),
                    last_day=last_day,
                    limit=count.last.limit,
                    asked=count.last.asked,
                    unit=REASONS.get(reason, "text"),
                    last_ts_ns=count.last.ts_ns,
                    last_seq=count.last_seq,
                )
            )
        rows.sort(key=lambda each: (-each.last_day, each.strategy, each.reason, each.scope))
        return tuple(rows[:DENIALS_SHOWN])


@lru_cache(maxsize=SETS_KEPT)
def settings_of(limits: RiskLimits) -> tuple[LimitSetting, ...]:
    """Every limit of a set, from its own declaration."""
    info = msgspec.inspect.type_info(type(limits))
    assert isinstance(info, msgspec.inspect.StructType)
    return tuple(_setting(field.name, field.type, getattr(limits, field.name)) for field in info.fields)


def _setting(name: str, kind: Any, value: Any) -> LimitSetting:
    extra = getattr(kind, "extra", None) or {}
    schema = getattr(kind, "extra_json_schema", None) or {}
    if isinstance(value, tuple):
        text = ", ".join(value) or "none"
    else:
        text = f"{value:,g}" if isinstance(value, float) and abs(value) < 1e6 else f"{value:,}"
    return LimitSetting(
        name=name,
        title=schema.get("title", name),
        unit=extra.get("unit", ""),
        description=schema.get("description", ""),
        text=text,
    )
