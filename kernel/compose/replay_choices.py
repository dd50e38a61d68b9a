"""What the form of a new replay offers, from the shelf of logs and the declarations of settings."""

import tomllib
from functools import cache

import msgspec

from kernel.compose.registry import STRATEGIES, strategy_kind
from kernel.compose.replay_logs import LogShelf
from kernel.execution.paper_settings import PaperSettings
from kernel.profile import PROFILES
from kernel.replay_job import TEXT_MAX
from kernel.risk_limits import GlobalLimits, RiskLimits
from kernel.settings import expected_of, fields_of
from kernel.strategy import Settings
from webui.replay_source import Choices, LogChoice, SettingChoice


def choices_of(shelf: LogShelf) -> Choices:
    """Reads the header of each log: call it in a thread."""
    logs = tuple(msgspec.convert(msgspec.to_builtins(each), LogChoice) for each in shelf.listed())
    return msgspec.structs.replace(_fixed(), logs=logs)


@cache
def _fixed() -> Choices:
    """What does not change while the kernel runs."""
    settings: list[SettingChoice] = []
    for name in STRATEGIES:
        settings += _of(strategy_kind(name).Settings, f"{name}.")
    for name in STRATEGIES:
        settings += _of(RiskLimits, f"{name}.limits.")
    settings += [*_of(GlobalLimits, "risk."), *_of(PaperSettings, "paper.")]
    return Choices(
        logs=(),
        profiles=tuple((path.stem, _title(path.read_text())) for path in sorted(PROFILES.glob("*.toml"))),
        strategies=tuple((name, strategy_kind(name).title) for name in STRATEGIES),
        settings=tuple(settings),
    )


def _title(text: str) -> str:
    return str(tomllib.loads(text).get("title", ""))


def _of(kind: type[Settings], prefix: str) -> list[SettingChoice]:
    return [
        SettingChoice(
            path=prefix + field.name,
            title=field.title,
            expected=expected_of(field),
            default=msgspec.json.encode(field.default).decode().strip('"')[:TEXT_MAX],
            description=field.description,
        )
        for field in fields_of(kind)
        if field.kind != "map"
    ]
