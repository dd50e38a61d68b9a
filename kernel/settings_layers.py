"""Where a setting's value comes from: database over profile file over environment over default, field by field.

The environment counts for fields that name their variable (`extra={"env": …}`: infrastructure), never for trading
parameters, which name none.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic

import msgspec
from msgspec import Struct

from kernel.settings import SettingsRefused, checked_settings, fields_of
from kernel.strategy import Settings, SettingsT

DATABASE, PROFILE, ENVIRONMENT, DEFAULT = "database", "profile", "environment", "default"
Rule = Callable[[Any], dict[str, str]]  #: further errors of a valid struct, by field


class Layered(Struct, Generic[SettingsT], frozen=True, kw_only=True):
    """A valid struct and the source of each of its fields."""

    settings: SettingsT
    sources: dict[str, str]


class SettingsGroup(Struct, frozen=True, kw_only=True):
    """One owner of settings with the layers that do not change while a kernel runs.

    `rule` gives errors that need more than the struct (the hard ceilings of risk limits); `ceilings` says them in
    words, by field.
    """

    module: str
    title: str
    config_type: str
    kind: type[Any]
    strategy: str = ""
    profile: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    rule: Rule | None = None
    ceilings: dict[str, str] = {}

    def layered(self, database: Mapping[str, Any]) -> Layered[Settings]:
        """The values in force. Raises `SettingsRefused` with every wrong field."""
        values: dict[str, Any] = {}
        sources = dict.fromkeys(self.kind.__struct_fields__, DEFAULT)
        for source, layer in ((ENVIRONMENT, self.environment), (PROFILE, self.profile), (DATABASE, database)):
            values |= layer
            sources |= dict.fromkeys(layer, source)
        settings = checked_settings(self.kind, values, self.module)
        errors = self.rule(settings) if self.rule is not None else {}
        if errors:
            raise SettingsRefused(self.module, errors)
        return Layered(settings=settings, sources=sources)


def environment_layer(kind: type[Settings], env: Mapping[str, str]) -> dict[str, str]:
    """What the environment sets of a struct: the fields that name a variable which is there."""
    return {field.name: env[field.env] for field in fields_of(kind) if field.env and field.env in env}


def plain_value(settings: Settings, name: str) -> Any:
    """One field as it is stored: lists for tuples."""
    return msgspec.to_builtins(getattr(settings, name), builtin_types=())
