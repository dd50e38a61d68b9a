"""Which strategies exist. A new one is a folder in `strategies/` and one line here."""

from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from kernel.core import CoreSpec, StrategySpec
from kernel.errors import ConfigError
from kernel.log import LogHeader
from kernel.profile import Profile
from kernel.replay import spec_from_header
from kernel.strategy import AnyStrategy

STRATEGIES: dict[str, str] = {
    "cex_dex_arb": "strategies.cex_dex_arb:CexDexArb",
    "drift_funding_arb": "strategies.drift_funding_arb:DriftFundingArb",
    "graduation_sniper": "strategies.graduation_sniper:GraduationSniper",
    "solana_arb": "strategies.solana_arb:SolanaArb",
}


def strategy_kind(name: str) -> type[AnyStrategy]:
    """The class of a strategy. Raises `ConfigError` for a name that is not registered."""
    path = STRATEGIES.get(name)
    if path is None:
        raise ConfigError(f"no strategy {name!r}; known: {', '.join(sorted(STRATEGIES))}")
    module, _, attribute = path.partition(":")
    kind: type[AnyStrategy] = getattr(import_module(module), attribute)
    return kind


def guide_of(name: str) -> str:
    """The guide of a strategy, Markdown."""
    file = import_module(STRATEGIES[name].partition(":")[0]).__file__
    assert file is not None
    return (Path(file).parent / "guide.md").read_text()


def spec_of_profile(profile: Profile, run: str) -> CoreSpec:
    """What the enabled strategies of a profile run with."""
    return CoreSpec(
        run=run,
        seed=profile.seed,
        strategies=tuple(
            StrategySpec(kind=strategy_kind(name), settings=table.settings, limits=table.limits)
            for name, table in sorted(profile.strategies.items())
            if table.enabled
        ),
        global_limits=profile.global_limits,
        ceilings=profile.ceilings,
        paper=profile.paper,
        is_live=profile.is_live,
    )


def spec_of_header(header: LogHeader) -> CoreSpec:
    """What a recorded run ran with."""
    return spec_from_header(header, strategy_kind)


def with_settings(spec: CoreSpec, assignments: list[str]) -> CoreSpec:
    """`strategy.key=value` pairs applied; `risk.key=`, `paper.key=` and `strategy.limits.key=` reach those parts.

    Raises `ConfigError` for an unknown strategy or a malformed pair; values are checked when the run is assembled.
    """
    strategies = {each.kind.name: each for each in spec.strategies}
    global_limits, paper = dict(spec.global_limits), dict(spec.paper)
    for text in assignments:
        path, equals, value = text.partition("=")
        owner, dot, key = path.strip().partition(".")
        if not equals or not dot or not key:
            raise ConfigError(f"--set {text!r}: expected strategy.key=value")
        parsed = parsed_value(value.strip())
        if owner in strategies and isinstance(parsed, str) and _is_list(strategies[owner].kind, key):
            parsed = [each.strip() for each in parsed.split(",") if each.strip()]
        if owner == "risk":
            global_limits[key] = parsed
        elif owner == "paper":
            paper[key] = parsed
        elif owner in strategies:
            each = strategies[owner]
            if key.startswith("limits."):
                limits = {**each.limits, key.removeprefix("limits."): parsed}
                strategies[owner] = StrategySpec(kind=each.kind, settings=each.settings, limits=limits)
            else:
                settings = {**each.settings, key: parsed}
                strategies[owner] = StrategySpec(kind=each.kind, settings=settings, limits=each.limits)
        else:
            known = ", ".join(sorted(strategies))
            raise ConfigError(f"--set {text!r}: {owner!r} is not a strategy of this run ({known})")
    return CoreSpec(
        run=spec.run,
        seed=spec.seed,
        strategies=tuple(strategies.values()),
        global_limits=global_limits,
        ceilings=spec.ceilings,
        paper=paper,
        is_live=spec.is_live,
        venues=spec.venues,
    )


def parsed_value(value: str) -> Any:
    """JSON where it is JSON (numbers, lists, true), else text."""
    try:
        return msgspec.json.decode(value.encode())
    except msgspec.DecodeError:
        return value


def _is_list(kind: type[AnyStrategy], key: str) -> bool:
    """Whether a setting holds a list, so that `a,b` means two values."""
    info = msgspec.inspect.type_info(kind.Settings)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        if field.name == key:
            inner = field.type.type if isinstance(field.type, msgspec.inspect.Metadata) else field.type
            return isinstance(inner, msgspec.inspect.ListType | msgspec.inspect.VarTupleType)
    return False
