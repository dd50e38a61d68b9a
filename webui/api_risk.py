"""/risk: limits against their use, breakers, what the gate refused; and the reset of breakers."""

from typing import Annotated

from msgspec import Meta, Struct

from webui.api_error import ApiRefusal
from webui.api_kill import Reason, reason_of
from webui.api_operation import Call, Operation
from webui.api_sources import not_enabled
from webui.risk_source import RiskLook, RiskSource
from webui.roles import Role


class ResetBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose breakers close again. `strategy` "" = all strategies and the whole."""

    strategy: Annotated[str, Meta(max_length=80)]
    reason: Reason


class RiskApi:
    """Its operations."""

    def __init__(self, risk: RiskSource | None) -> None:
        self._risk = risk

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        return (
            Operation(
                method="GET", path="/risk", name="getRisk", group="Risk", handler=self.show,
                summary="Every limit against its use, breakers, and what the gate refused lately.",
                response=RiskLook, errors=("not_enabled",),
            ),
            Operation(
                method="POST", path="/risk/reset", name="resetBreakers", group="Risk", handler=self.reset,
                summary="Close the breakers of a strategy or of all. Limits stay as they are.", role=Role.OPERATOR,
                body=ResetBody, response=RiskLook, errors=("not_enabled", "not_found"),
                example='{"strategy": "cex_dex_arb", "reason": "the node is back"}',
            ),
        )  # fmt: skip

    async def show(self, call: Call) -> RiskLook:
        return self._source().look()

    async def reset(self, call: Call) -> RiskLook:
        asked: ResetBody = call.body
        names = {scope.name for scope in self._source().look().scopes} | {""}
        if asked.strategy not in names:
            raise ApiRefusal("not_found", f"there is no strategy {asked.strategy[:80]!r} with limits", field="strategy")
        self._source().reset_breakers(asked.strategy, reason_of(asked.reason), call.who)
        return self._source().look()

    def _source(self) -> RiskSource:
        if self._risk is None:
            raise not_enabled("risk")
        return self._risk
