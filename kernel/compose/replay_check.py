"""A replay job is checked before it starts: every setting by its declaration, then the whole by assembling a kernel."""

from pathlib import Path
from typing import Any

import msgspec

from kernel.compose.registry import STRATEGIES, parsed_value, spec_of_header, strategy_kind, with_settings
from kernel.compose.replay_worker import PlainSpec, plain_spec
from kernel.compose.replaying import MARKET_ONLY, base_spec
from kernel.core import Core, CoreSpec
from kernel.errors import ConfigError
from kernel.execution.paper_settings import PaperSettings
from kernel.replay_job import JobRefused, JobSpec, check_shape
from kernel.risk_limits import GlobalLimits, RiskLimits
from kernel.settings import SettingsRefused, checked_settings
from kernel.strategy import Settings
from persistence.event_log import EventLogReader


def owner_of(path: str) -> tuple[type[Settings], str]:
    """(declaration, key) of a setting path. Raises `ConfigError` for a path that leads to none."""
    owner, _, key = path.partition(".")
    if owner == "risk":
        return GlobalLimits, key
    if owner == "paper":
        return PaperSettings, key
    if owner not in STRATEGIES:
        known = ", ".join((*sorted(STRATEGIES), "risk", "paper"))
        raise ConfigError(f"expected OWNER.KEY with an owner of {known}; found {path[:80]!r}")
    if key.startswith("limits."):
        return RiskLimits, key.removeprefix("limits.")
    kind: type[Settings] = strategy_kind(owner).Settings
    return kind, key


def check_job(job: JobSpec, log: Path) -> tuple[PlainSpec | None, bool]:
    """What the worker starts from, and whether those are bare defaults. Reads the log's header: call it in a thread.

    Raises `JobRefused` with every wrong setting, `ConfigError` for what does not fit together, `BadInput` for the log.
    """
    check_shape(job)
    header = EventLogReader(log).header
    if job.mode == "verify":
        if header.profile in MARKET_ONLY:
            raise ConfigError("this log holds market data and no recorded run, so there is nothing to verify; simulate")
        spec_of_header(header)
        return None, False
    spec, is_bare = base_spec(header, list(job.strategies), job.profile)
    if not spec.strategies:
        raise ConfigError("no strategy is enabled in that profile; choose strategies")
    errors = _errors(spec, job)
    if errors:
        raise JobRefused(errors)
    try:
        Core(with_settings(spec, list(job.assignments)))
        for each in job.vary:  # the owner must be in this run, even where single combinations may not go
            with_settings(spec, [f"{each.path}={each.values[0]}"])
    except msgspec.ValidationError as error:
        raise ConfigError(f"settings: {error}") from error
    return plain_spec(_travelling(spec)), is_bare


def _travelling(spec: CoreSpec) -> CoreSpec:
    return msgspec.structs.replace(spec, is_live=False)  # reports are simulated in every job


def _errors(spec: CoreSpec, job: JobSpec) -> dict[str, str]:
    """Each owner's values with its assignments, and once more with each value of a sweep."""
    errors: dict[str, str] = {}
    given: dict[str, str] = {}
    for text in job.assignments:
        path, equals, value = text.partition("=")
        if equals:
            given[path.strip()] = value.strip()
        else:
            errors[text[:80]] = "expected strategy.key=value"
    errors |= _refused(spec, given, tuple(given))
    for each in job.vary:
        for value in each.values:
            found = _refused(spec, {**given, each.path: value}, (each.path,))
            errors |= {path: f"{text} (the value {value[:40]!r})" for path, text in found.items() if path == each.path}
    return errors


def _refused(spec: CoreSpec, given: dict[str, str], about: tuple[str, ...]) -> dict[str, str]:
    """What is wrong with the owners of the paths `about` under all values given."""
    table = spec.settings_table()
    errors: dict[str, str] = {}
    owners: dict[str, tuple[type[Settings], dict[str, Any]]] = {}
    for path, value in given.items():
        try:
            kind, key = owner_of(path)
            prefix = path[: len(path) - len(key)]
            if prefix not in owners:
                owners[prefix] = (kind, _current(table, prefix))
            owners[prefix][1][key] = _plain(kind, key, value)
        except ConfigError as error:
            errors[path[:80]] = str(error)
    for prefix in {path[: len(path) - len(owner_of(path)[1])]: None for path in about if path[:80] not in errors}:
        kind, values = owners[prefix]
        try:
            checked_settings(kind, values, prefix)
        except SettingsRefused as error:
            errors |= {prefix + (name or "*"): text for name, text in error.errors.items()}
    return errors


def _current(table: dict[str, dict[str, Any]], prefix: str) -> dict[str, Any]:
    owner, _, rest = prefix.rstrip(".").partition(".")
    if owner not in table:
        known = ", ".join(sorted(table))
        raise ConfigError(f"{owner} is not part of this run ({known}); choose its strategy too")
    return dict(table[owner] if owner in ("risk", "paper") else table[owner]["limits" if rest else "settings"])


def _plain(kind: type[Settings], key: str, value: str) -> Any:
    plain = parsed_value(value)
    if isinstance(plain, str) and _takes_list(kind, key):
        return [each.strip() for each in plain.split(",") if each.strip()]
    return plain


def _takes_list(kind: type[Settings], key: str) -> bool:
    default = getattr(kind(), key, None)
    return isinstance(default, tuple | list | frozenset)
