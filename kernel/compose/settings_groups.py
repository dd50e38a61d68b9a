"""Everything that has settings: each strategy, its limits, and the platform's parts."""

from collections.abc import Mapping
from typing import Any

import msgspec

from kernel.compose.registry import STRATEGIES, strategy_kind
from kernel.core import PAPER_NAME, ceilings_of
from kernel.errors import ConfigError
from kernel.execution.paper_settings import PaperSettings
from kernel.profile import Profile, StrategyTable
from kernel.risk_limits import (
    BLACKLISTS,
    GLOBAL_NAME,
    LOWER_IS_LAXER,
    GlobalLimits,
    RiskLimits,
    laxer_than,
)
from kernel.settings_layers import SettingsGroup, environment_layer

#: platform parts beside risk and paper: module -> (title, config type, "module:class" of its settings)
PLATFORM: dict[str, tuple[str, str, str]] = {
    "rpc": ("RPC pool", "API", "adapters.rpc.settings:RpcSettings"),
    "replays": ("Replays", "GENERAL", "kernel.compose.replay_settings:ReplaySettings"),
    "alerts": ("Alerts, Telegram, webhooks", "MONITORING", "kernel.alerts.alert_settings:AlertSettings"),
    "logs": ("Log files", "MONITORING", "kernel.logs.log_settings:LogSettings"),
    "dashboard": ("Dashboard", "DASHBOARD", "webui.settings:DashboardSettings"),
}


def settings_groups(profile: Profile, env: Mapping[str, str]) -> dict[str, SettingsGroup]:
    """All groups by module, strategies first. Raises `ConfigError` for a profile that sets what nobody has."""
    hard = ceilings_of(profile.ceilings)

    def rule(limits: RiskLimits) -> dict[str, str]:
        return laxer_than(limits, hard) if hard is not None else {}

    words = _in_words(profile.ceilings)
    groups: list[SettingsGroup] = []
    for name in STRATEGIES:
        kind = strategy_kind(name)
        table = profile.strategies.get(name, StrategyTable())
        groups.append(
            SettingsGroup(
                module=name,
                title=kind.title,
                config_type="STRATEGIES",
                kind=kind.Settings,
                strategy=name,
                profile=dict(table.settings),
            )
        )
        groups.append(
            SettingsGroup(
                module=f"{GLOBAL_NAME}.{name}",
                title=f"Limits of {kind.title}",
                config_type="RISK_MANAGEMENT",
                kind=RiskLimits,
                strategy=name,
                profile=dict(table.limits),
                rule=rule,
                ceilings={key: text for key, text in words.items() if key in RiskLimits.__struct_fields__},
            )
        )
    groups.append(
        SettingsGroup(
            module=GLOBAL_NAME,
            title="Limits over all strategies",
            config_type="RISK_MANAGEMENT",
            kind=GlobalLimits,
            profile=dict(profile.global_limits),
            rule=rule,
            ceilings=words,
        )
    )
    groups.append(
        SettingsGroup(
            module=PAPER_NAME,
            title="Simulated venue and fees",
            config_type="TRADING",
            kind=PaperSettings,
            profile=dict(profile.paper),
        )
    )
    unknown = sorted(profile.platform.keys() - PLATFORM.keys())
    if unknown:
        raise ConfigError(f"platform.{unknown[0]}: there is no such part; there is {', '.join(PLATFORM) or 'none'}")
    for module, (title, config_type, path) in PLATFORM.items():
        platform_kind = _kind(path)
        groups.append(
            SettingsGroup(
                module=module,
                title=title,
                config_type=config_type,
                kind=platform_kind,
                profile=dict(profile.platform.get(module, {})),
                environment=environment_layer(platform_kind, env),
            )
        )
    return {group.module: group for group in groups}


def _kind(path: str) -> type[Any]:
    from importlib import import_module

    module, _, name = path.partition(":")
    kind: type[Any] = getattr(import_module(module), name)
    return kind


def _in_words(ceilings: Mapping[str, Any]) -> dict[str, str]:
    words = {}
    for key, value in ceilings.items():
        if key in BLACKLISTS:
            words[key] = f"must keep {', '.join(value)}"
        else:
            words[key] = f"{'at least' if key in LOWER_IS_LAXER else 'at most'} {msgspec.json.encode(value).decode()}"
    return words
