"""Profiles: what a run is made of. The one place, with secrets, that reads the environment.

A profile is a TOML file of `kernel/profiles/`. The environment holds module flags and infrastructure alone
(SPEC 3.1, 3.2): it can switch a strategy on or off and say where the database is, never change a trading parameter.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from kernel.errors import ConfigError

PROFILES = Path(__file__).parent / "profiles"
TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})


class StrategyTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[strategies.NAME]`: whether it runs, its settings and its limits."""

    enabled: bool = False
    settings: dict[str, Any] = {}
    limits: dict[str, Any] = {}


class FeedTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[feed]`: where events come from."""

    kind: str  #: log = a recorded log played in a loop; none = nothing (a dashboard alone)
    log: str = ""  #: path; "@bundled" = the log in samples/
    speed: float = 1.0  #: event time per wall time
    is_looped: bool = True


class WebTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[web]`."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 8080
    certificate: str = ""  #: path of a TLS certificate; with `key` the page is served by https
    key: str = ""
    behind_tls_proxy: bool = False  #: a proxy in front adds TLS and sets X-Forwarded-For
    allowed_hosts: tuple[str, ...] = ()  #: names by which browsers may call it, beside those of loopback


class StopTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[stop]`: what a graceful stop does with what is open."""

    policy: str = "cancel"  #: keep, cancel or flatten
    timeout_s: float = 5.0


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole profile."""

    name: str
    title: str
    mode: str  #: DEMO, PAPER or LIVE, as on the banner
    is_live: bool = False  #: real execution; refused by this version
    data_note: str = ""
    seed: int = 0
    feed: FeedTable
    web: WebTable = WebTable()
    stop: StopTable = StopTable()
    strategies: dict[str, StrategyTable] = {}
    global_limits: dict[str, Any] = {}
    ceilings: dict[str, Any] = {}  #: hard bounds of risk limits, which nothing but this file can raise
    are_private_addresses_allowed: bool = False  #: RPC endpoints on this machine or in the local network
    platform: dict[str, dict[str, Any]] = {}  #: settings of platform parts: rpc, alerts, dashboard, logs
    paper: dict[str, Any] = {}
    database_url: str = ""
    pg_bin: str = ""
    warnings: tuple[str, ...] = ()


def load_profile(name: str, environ: Mapping[str, str] | None = None) -> Profile:
    """A profile by name or by path to a TOML file, with the environment's flags applied.

    Raises `ConfigError` naming the file and field.
    """
    env = os.environ if environ is None else environ
    path = Path(name) if name.endswith(".toml") else PROFILES / f"{name}.toml"
    try:
        raw = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        known = ", ".join(sorted(each.stem for each in PROFILES.glob("*.toml")))
        raise ConfigError(f"no profile {name!r}; known: {known}, or give the path of a .toml file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    try:
        profile = msgspec.convert(raw, Profile)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error
    return _with_environment(profile, env)


def infrastructure(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment, for the parts whose declarations name the variables that they take: infrastructure alone."""
    return dict(os.environ if environ is None else environ)


def default_profile_name(environ: Mapping[str, str] | None = None) -> str:
    """`prod` when MODE=production, else `demo`."""
    env = os.environ if environ is None else environ
    return "prod" if env.get("MODE", "").lower() == "production" else "demo"


def _flag(env: Mapping[str, str], key: str) -> bool | None:
    if key not in env:
        return None
    value = env[key].strip().lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ConfigError(f"{key}: expected true or false, found {env[key]!r}")


OLDER_FLAGS = ("DEX", "FUTURES", "SOLANA", "SNIPER", "AI", "ARBITRAGE", "COPY_TRADING")


def _with_environment(profile: Profile, env: Mapping[str, str]) -> Profile:
    strategies = dict(profile.strategies)
    warnings = list(profile.warnings)
    for name, table in profile.strategies.items():
        flag = _flag(env, f"{name.upper()}_MODULE_ENABLED")
        if flag is not None:
            strategies[name] = msgspec.structs.replace(table, enabled=flag)
    known = {f"{name.upper()}_MODULE_ENABLED" for name in profile.strategies} | {"DASHBOARD_MODULE_ENABLED"}
    for key in sorted(env):
        if key.endswith("_MODULE_ENABLED") and key not in known and _flag(env, key):
            older = key.removesuffix("_MODULE_ENABLED") in OLDER_FLAGS
            warnings.append(
                f"{key} is set, but {'that older module' if older else 'a module of that name'} is not in this version"
            )
    is_live = profile.is_live
    if _flag(env, "DRY_RUN") and is_live:
        is_live = False
        warnings.append("DRY_RUN=true: execution is simulated in this run")
    web = profile.web
    dashboard = _flag(env, "DASHBOARD_MODULE_ENABLED")
    if dashboard is not None:
        web = msgspec.structs.replace(web, enabled=dashboard)
    return msgspec.structs.replace(
        profile,
        strategies=strategies,
        warnings=tuple(warnings),
        is_live=is_live,
        web=web,
        database_url=env.get("DATABASE_URL", profile.database_url),
        pg_bin=env.get("KERNEL_PG_BIN", profile.pg_bin),
    )
